package control

// bundle is what a runner commits at once.
type bundle struct {
	number    int64
	committed bool // as far as is known
}

// shard is how far the reading of a shard is in this process. Its control's lock guards it.
type shard struct {
	begin    int64        // ms since 1970: nothing that is to be read arrived before
	mark     int64        // ms since 1970: what arrived before was handed on
	held     int64        // mark before the batches of in
	in       *bundle      // the bundle that the last batches belong to; nil: there were none
	bound    func() int64 // of what was read ahead: what arrived before was handed on; nil: nothing was
	reported int64        // watermark
	settled  int64        // reported before in
	behind   int64        // ms
	answered int64        // ms since 1970, when the service last answered; 0: not yet
	waits    int          // the listing up to which its end waits for the shards that go on there; 0: it is not at its end
	done     bool         // read to its end, and all of it is committed
}

// newShard returns a shard in which nothing that is to be read arrived before a time in ms.
func newShard(begin int64) *shard {
	return &shard{begin: begin, mark: begin, held: begin, reported: Unknown, settled: Unknown}
}

// watermark returns a time in ms: what arrived in the shard before is committed or belongs to the
// bundle; with anyBundle, to whichever bundle.
func (s *shard) watermark(bundle int64, anyBundle bool) int64 {
	if s.in != nil && s.in.number != bundle && !s.in.committed && !anyBundle {
		return s.held
	}
	if s.bound != nil {
		return max(s.mark, s.bound())
	}
	return s.mark
}

// of returns a shard. One that is not known yet begins at a time in ms since 1970.
func (c *Control) of(stream, id string, begin int64) *shard {
	k := key{stream, id}
	s := c.shards[k]
	if s == nil {
		s = newShard(begin)
		c.shards[k] = s
	}
	return s
}

// Bundle begins a bundle of the runner, and returns its number, which is more than 0.
func (c *Control) Bundle() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastBundle++
	return c.lastBundle
}

// Resumed says that a runner comes to a shard again and has stored that the given bundle came so
// far; 0: none did. begin is the time in ms since 1970 before which nothing arrived that is to be
// read; done: the shard was read to its end.
//
// If the runner has stored how far the last bundle came, all that the bundle handed on is
// committed, from whichever shard. If not, the bundle failed and is repeated: then Resumed returns
// true.
func (c *Control) Resumed(stream, id string, begin, number int64, done bool) (repeated bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of(stream, id, begin)
	s.done = done
	if s.in == nil {
		return false
	}
	delete(c.bundles, s.in.number)
	if s.in.number == number {
		s.in.committed, s.settled = true, s.reported
		return false
	}
	s.reported = s.settled
	return true
}

// Watermark returns the watermark that a shard reports in a bundle, in ms since 1970. The shard's
// own watermark does not matter: what is reported is the lowest of all shards.
func (c *Control) Watermark(stream, id string, bundle, _ int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report(bundle, &c.of(stream, id, Unknown).reported)
}

// Rewound says that a shard is read anew from a position up to which what arrived before a time in
// ms since 1970 was handed on.
func (c *Control) Rewound(stream, id string, at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of(stream, id, at)
	s.mark, s.waits, s.bound = max(s.begin, at), 0, nil
}

// Began says that a bundle hands on what is read of a shard. bound returns a time in ms since 1970:
// what arrived before, of what was read ahead, was handed on.
func (c *Control) Began(stream, id string, number int64, bound func() int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of(stream, id, Unknown)
	s.bound = bound
	s.held = s.watermark(0, true)
	if s.in = c.bundles[number]; s.in == nil {
		s.in = &bundle{number: number}
		c.bundles[number] = s.in
	}
}

// HandedOn says that a batch of a shard was handed on. What arrived before watermark, in ms since
// 1970, was handed on with it; newest is the arrival of its newest record, Unknown without one;
// behind is how far the shard is behind its newest record, in ms.
func (c *Control) HandedOn(stream, id string, watermark, newest, behind int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of(stream, id, Unknown)
	s.mark, s.behind, c.newest = max(s.mark, watermark), behind, max(c.newest, newest)
}

// Answered says that the service answered for a shard now.
func (c *Control) Answered(stream, id string) {
	at := c.Now().UnixMilli()
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.shards[key{stream, id}]; s != nil {
		s.answered = at
	}
}
