package local

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"flexbeam/internal/parallel"
	"flexbeam/internal/statedisk"
	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/transforms/keyed"
)

// Most of what a stream keeps is tasks that ended within the last day, in case a late copy comes,
// and contacts that were seen in it. Of those only a hash of the key is in memory, with the place
// of the rest on disk; of states that were dropped only the hash.
const (
	// spillAfter is how long a key that has closed stays in memory, in ms of arrival time: most
	// late events come soon.
	spillAfter = 60 * 1000
	// spillMost is how many states of a kind one Checkpoint puts on disk at most.
	spillMost = 4000
	// spillParts is into how many parts the hashes are divided: one is locked while it is gone through.
	spillParts = 64
)

// hash stands for a key: 128 bits of SHA-256, so two keys never share one.
type hash [16]byte

func hashOf(key string) hash {
	h := sha256.Sum256([]byte(key))
	return hash(h[:16])
}

// spilled is a state on disk.
type spilled struct {
	ref     statedisk.Ref
	layout  uint16       // how its events are kept
	left    bool         // an earlier process put it there
	older   bool         // it is on the temporary disk until settle
	expires keyed.Millis // as Kind.Expires
	until   keyed.Millis // as Kind.Until
}

// spill holds the states of a kind that are not in memory. The store's lock guards it, except for
// queue, which has one of its own, and the sums.
type spill struct {
	parts [spillParts]struct {
		states     map[hash]spilled
		tombstones map[hash]keyed.Millis // until when
	}
	count, bytes, tombstones atomic.Int64

	mu    sync.Mutex
	queue []spillable // in about the order of their arrival
}

// spillable is a key that was processed and of which little more is expected.
type spillable struct {
	key     string
	arrival keyed.Millis
}

func (p *spill) put(h hash, f spilled) {
	part := &p.parts[h[0]%spillParts]
	if part.states == nil {
		part.states = map[hash]spilled{}
	}
	part.states[h] = f
	p.count.Add(1)
	p.bytes.Add(int64(f.ref.Length))
}

// get returns a state that is on disk.
func (p *spill) get(h hash) (f spilled, ok bool) {
	f, ok = p.parts[h[0]%spillParts].states[h]
	return f, ok
}

// take takes a state that is on disk out.
func (p *spill) take(h hash) (f spilled, ok bool) {
	if f, ok = p.get(h); ok {
		delete(p.parts[h[0]%spillParts].states, h)
		p.count.Add(-1)
		p.bytes.Add(-int64(f.ref.Length))
	}
	return f, ok
}

// mark sets a tombstone, or removes it for until 0.
func (p *spill) mark(h hash, until keyed.Millis) (had bool) {
	part := &p.parts[h[0]%spillParts]
	if _, had = part.tombstones[h]; had {
		p.tombstones.Add(-1)
	}
	if until == 0 {
		delete(part.tombstones, h)
		return had
	}
	if part.tombstones == nil {
		part.tombstones = map[hash]keyed.Millis{}
	}
	part.tombstones[h] = until
	p.tombstones.Add(1)
	return had
}

// until returns until when there is a tombstone for a key, 0 without one.
func (p *spill) until(h hash) keyed.Millis { return p.parts[h[0]%spillParts].tombstones[h] }

// newest returns a time that the watermark had come to when the states and tombstones were kept, or
// one a while before; keyed.None if there are none.
func (p *spill) newest(k *keyed.Kind) keyed.Millis {
	newest, longest := keyed.None, max(k.Retention.Open, k.Retention.Closed)
	for i := range p.parts {
		for _, f := range p.parts[i].states {
			newest = max(newest, f.until-k.Retention.Tombstone-longest)
		}
		for _, until := range p.parts[i].tombstones {
			newest = max(newest, until-k.Retention.Tombstone-longest)
		}
	}
	return newest
}

// enqueue puts a key into the queue of those that go to the disk.
func (p *spill) enqueue(key string, arrival keyed.Millis) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, spillable{key, arrival})
}

// ripe takes keys out of the queue that have waited long enough.
func (p *spill) ripe(watermark keyed.Millis) []spillable {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.queue) && n < spillMost && p.queue[n].arrival+spillAfter <= watermark {
		n++
	}
	out := p.queue[:n:n]
	if p.queue = p.queue[n:]; len(p.queue) == 0 {
		p.queue = nil
	}
	return out
}

// appendSpilled appends what is on disk of a spilled state.
func appendSpilled(b []byte, key string, s *keyed.State) []byte {
	return s.Append(keyed.AppendText(b, key))
}

// readRecord reads what appendSpilled wrote.
func readRecord(b []byte) (key string, s *keyed.State, err error) {
	r := keyed.NewReader(b)
	if key = r.Text(); r.Err() != nil || key == "" {
		return "", nil, keyed.ErrCorrupt
	}
	s, err = keyed.ReadState(slices.Clone(r.Rest()))
	return key, s, err
}

// spillable tells whether a state goes to the disk a while after it was processed.
func (z *slot) spillable(l *entry) bool {
	return (l.Closed || z.kind.Immediate) && !l.Anonymous && z.kind.Expires(&l.State) != keyed.None
}

// spillOut puts states on disk whose rows are in the sink: those that have not got anything since.
func (s *Store) spillOut(z *slot, ripe []spillable) error {
	builders := make([]event.Builder, parallel.Workers())
	batches := make([]statedisk.Batch, len(builders))
	return parallel.Do(len(builders), len(ripe), func(worker, i int) error {
		key := ripe[i].key
		l := s.lock(z, key)
		if l == nil {
			return nil
		}
		defer l.Unlock()
		if l.Waits() || l.Arrival != ripe[i].arrival {
			return nil
		}
		if err := l.Pack(z.kind, &builders[worker]); err != nil {
			return err
		}
		z.count(l)
		f, err := s.putOnDisk(z, &batches[worker], key, &l.State)
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(z, key, l)
		z.spill.put(hashOf(key), f)
		return nil
	})
}

// putOnDisk spills a state; the batch is emptied first.
func (s *Store) putOnDisk(z *slot, b *statedisk.Batch, key string, state *keyed.State) (spilled, error) {
	f := spilled{layout: uint16(s.layout), expires: z.kind.Expires(state), until: z.kind.Until(state)}
	b.Reset()
	b.Delete(stateKey(z.kind, key))
	b.Spill(appendHead(nil, z.kind, hashOf(key), f), appendSpilled(nil, key, state))
	s.leaves(z, b, state.Evidence)
	refs, err := z.disk.Commit(b)
	if err != nil {
		return f, fmt.Errorf("put the state of an ended %s on the disk: %w", z.kind.Name, err)
	}
	f.ref = refs[0]
	return f, nil
}

// readSpilled reads a spilled state and its key.
func (s *Store) readSpilled(z *slot, f spilled) (key string, state *keyed.State, err error) {
	disk := z.disk
	if f.older {
		disk = s.temporary
	}
	record, err := disk.Load(f.ref, nil)
	if err == nil {
		key, state, err = readRecord(record)
	}
	if err == nil && !f.older && z.kept {
		state.Block, err = s.layouts[f.layout].events.Block(state.Block, z.kind.Part)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read the state of an ended %s: %w", z.kind.Name, err)
	}
	return key, state, nil
}

// load brings a spilled state back into memory. s.mu is held.
func (s *Store) load(z *slot, key string, f spilled) (*entry, error) {
	_, state, err := s.readSpilled(z, f)
	if err != nil {
		return nil, err
	}
	z.spill.take(hashOf(key))
	l := newEntry()
	l.State = *state
	l.Next = keyed.None
	if f.left {
		l.Disown()
	}
	if f.older {
		s.releaseOlder(f)
		return l, nil
	}
	var b statedisk.Batch
	b.Release(f.ref)
	if z.kept {
		b.Put(stateKey(z.kind, key), appendState(nil, &l.State))
	}
	s.returns(z, &b, l.Evidence)
	commit(z.disk, &b)
	return l, nil
}

// releaseOlder lets go of a state that an earlier version left.
func (s *Store) releaseOlder(f spilled) {
	var b statedisk.Batch
	b.Release(f.ref)
	commit(s.temporary, &b)
}

// expireSpilled drops the states on disk whose time now has passed, and the tombstones.
func (s *Store) expireSpilled(z *slot, now keyed.Millis) {
	var b statedisk.Batch
	for i := range z.spill.parts {
		b.Reset()
		s.mu.Lock()
		p := &z.spill.parts[i]
		for h, f := range p.states {
			if f.expires == keyed.None || keyed.CeilHour(f.expires) > now {
				continue
			}
			z.spill.take(h)
			b.Release(f.ref)
			until := keyed.Millis(0)
			if f.until > f.expires && keyed.CeilHour(f.until) > now {
				until = f.until
			}
			z.mark(&b, h, until)
		}
		for h, until := range p.tombstones {
			if keyed.CeilHour(until) <= now {
				z.mark(&b, h, 0)
			}
		}
		commit(z.disk, &b)
		s.mu.Unlock()
	}
}

// mark sets a tombstone, or removes it for until 0, and has a batch say so.
func (z *slot) mark(b *statedisk.Batch, h hash, until keyed.Millis) {
	z.spill.mark(h, until)
	if until == 0 {
		b.Delete(tombstoneKey(z.kind, h))
	} else {
		b.Put(tombstoneKey(z.kind, h), appendTime(nil, until))
	}
}

// mark sets a tombstone, or removes it for until 0; key is that of a state in memory that it takes
// the place of, else empty. c is what that state leaves behind of what is missing. s.mu is held.
func (s *Store) mark(z *slot, h hash, key string, until keyed.Millis, c evidence.Counts) {
	var b statedisk.Batch
	s.leaves(z, &b, c)
	if key != "" {
		b.Delete(stateKey(z.kind, key))
	}
	z.mark(&b, h, until)
	commit(z.disk, &b)
}
