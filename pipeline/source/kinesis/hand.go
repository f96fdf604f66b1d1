package kinesis

import "time"

// hand takes what was read of one shard and hands it on, during one call.
type hand struct {
	c       *Control
	s       shard
	p       *place
	r       *reader
	first   bool     // nothing was handed on by this reader
	at      Position // up to which was handed on
	time    time.Duration
	emitted time.Time
}

// hand begins a call for a shard at a position. If no reader stands there it starts one.
func (c *Control) hand(s shard, p *place, at Position, pace Pace, b *bundle) *hand {
	c.mu.Lock()
	r := p.reader
	c.mu.Unlock()
	fresh := r == nil || !r.usable(at)
	if fresh {
		if r != nil {
			r.stop()
		}
		r = read(c, at, s.open(c, pace, &p.answered))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if fresh {
		p.reader = r
		p.back(at)
	}
	p.held = p.bound(nil, true)
	p.in = b
	open := 0
	for _, other := range c.places {
		if !other.done {
			open++
		}
	}
	return &hand{c: c, s: s, p: p, r: r, first: fresh, at: at, emitted: p.emitted, time: callTime / time.Duration(max(open, 1))}
}

// take returns what comes next; first, at once, that nothing did yet, so that the position can be saved.
func (h *hand) take(own int64) (*Batch, bool, error) {
	b := &Batch{Stream: h.p.stream, Shard: h.p.shard, Position: h.at, Watermark: own}
	if h.first && h.emitted.IsZero() {
		return b, true, nil
	}
	children, ok, err := h.r.take(b, batchBytes)
	if ok && b.Position.Done && !h.c.succeeded(h.p, children) {
		ok = h.r.untake(b, children, h.at)
	}
	return b, ok, err
}

// worth tells whether a batch says something new.
func (h *hand) worth(b *Batch) bool {
	at, to := h.at, b.Position
	at.UpTo, to.UpTo = 0, 0
	return b.Len() > 0 || b.GapTo != 0 || at != to || h.emitted.IsZero() || h.c.now().Sub(h.emitted) >= quietTime
}

// handed notes that a batch was claimed, and handed on if it was worth it.
func (h *hand) handed(b *Batch) {
	if h.worth(b) {
		h.emitted = h.c.now()
	}
	h.first, h.at = false, b.Position
	h.c.mu.Lock()
	h.p.mark = max(h.p.mark, b.Watermark)
	h.p.behind, h.p.emitted = b.BehindMS, h.emitted
	if n := len(b.Arrivals); n > 0 {
		h.c.newest = max(h.c.newest, b.Arrivals[n-1])
	}
	h.c.mu.Unlock()
	if b.Position.Done {
		h.r.stop()
	}
}

// drop forgets what was taken and not handed on.
func (h *hand) drop() {
	h.r.stop()
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	if h.p.reader == h.r {
		h.p.reader = nil
	}
}
