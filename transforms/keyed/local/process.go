package local

import (
	"context"
	"slices"

	"flexbeam/internal/parallel"
	"flexbeam/internal/statedisk"
	"flexbeam/schemas/change"
	"flexbeam/transforms/keyed"
)

const (
	groupKeys   = 512       // keys that are processed before their changes go on
	groupChange = 256 << 10 // bytes of changes that go on together, about
	lookupKeys  = 4096      // keys whose prior rows are asked for together
)

// Work says how due keys are processed.
type Work struct {
	Now     keyed.Millis                              // how far the watermark has come; keyed.None: nobody knows
	Prior   *keyed.PriorRows                          // nil: the sink held no rows
	Changes func(change.Block)                        // takes changes of rows
	Wake    func(at keyed.Millis)                     // sets a timer
	Done    func(kind *keyed.Kind, out *keyed.Output) // is told of each key that was processed
}

// A round is a pass over the keys of a kind that are due.
type round struct {
	Work
	slot  *slot
	at    keyed.Millis // the time up to which keys were due
	look  *keyed.Looker
	found map[string]*keyed.Found // what keys have asked for
}

// Process brings the rows up to date of the keys that wait for a time up to at, in the order of
// their kinds.
func (s *Store) Process(ctx context.Context, at keyed.Millis, w Work) error {
	for _, z := range s.kinds {
		keys := z.due.pop(at)
		if len(keys) == 0 {
			continue
		}
		look, err := w.Prior.Looker(ctx, z.kind)
		if err != nil {
			return err
		}
		for group := range slices.Chunk(keys, lookupKeys) {
			if err := s.processLooking(ctx, round{Work: w, slot: z, at: at, look: look}, group); err != nil {
				return err
			}
		}
	}
	return nil
}

// processLooking processes keys. What those have to know of the sink that ask for it is looked up
// together.
func (s *Store) processLooking(ctx context.Context, r round, keys []string) error {
	for len(keys) > 0 {
		var asks []keyed.Ask
		for some := range slices.Chunk(keys, groupKeys) {
			more, err := s.processGroup(ctx, r, some)
			if err != nil {
				return err
			}
			asks = append(asks, more...)
		}
		if len(asks) == 0 {
			return nil
		}
		var err error
		if r.found, err = r.look.Find(ctx, asks); err != nil {
			s.broken.Store(true) // the keys that were popped are not due any more
			return err
		}
		keys = keys[:0:0]
		for _, a := range asks {
			keys = append(keys, a.Key)
		}
	}
	return nil
}

// processed is what the processing of a key gave.
type processed struct {
	out    keyed.Output
	made   bool
	waited bool         // its inputs had waited for this
	next   keyed.Millis // when it is due though nothing arrives
}

// processGroup processes keys on all processors, and returns those that have to know more of the
// sink first. A group that fails gives no changes.
func (s *Store) processGroup(ctx context.Context, r round, keys []string) (asks []keyed.Ask, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.processing.RLock()
	whole := false
	defer func() {
		if !whole {
			s.broken.Store(true)
		}
		s.processing.RUnlock()
	}()
	results := make([]processed, len(keys))
	err = parallel.Do(len(r.slot.logics), len(keys), func(worker, i int) error {
		return s.processDue(r, r.slot.logics[worker], keys[i], &results[i])
	})
	if err == nil {
		asks, err = s.give(r, keys, results)
	}
	whole = err == nil
	return asks, err
}

// processDue processes a key if it is due.
func (s *Store) processDue(r round, logic keyed.Logic, key string, p *processed) error {
	l := s.lock(r.slot, key)
	if l == nil {
		return nil
	}
	defer l.Unlock()
	if l.queued <= r.at {
		l.queued = keyed.None // it was taken out of the queue
	}
	if l.Next == keyed.None || l.Next > r.at {
		return nil // it was processed meanwhile
	}
	if f := r.found[key]; f != nil {
		l.Learn(f)
	}
	p.out.Look = r.look.Look(key)
	return s.process(r.slot, logic, key, l, r.Now, p)
}

// give gives the changes of keys, in their order, and what else they ask for. It returns what they have
// to know of the sink first.
func (s *Store) give(r round, keys []string, results []processed) (asks []keyed.Ask, err error) {
	var block change.Block
	waited := 0
	for i := range results {
		p := &results[i]
		if p.out.Ask != nil {
			asks = append(asks, *p.out.Ask)
		}
		if !p.made {
			continue
		}
		if p.waited {
			waited++
		}
		if p.next != keyed.None && r.slot.due.add(keys[i], p.next) {
			r.Wake(p.next)
		}
		block = append(block, p.out.Changes...)
		if block, err = s.feed(p.out.Inputs, r.at, r.Now, block); err != nil {
			return nil, err
		}
		r.Done(r.slot.kind, &p.out)
		if len(block) >= groupChange {
			r.Changes(block)
			block = nil
		}
	}
	if len(block) > 0 {
		r.Changes(block)
	}
	s.waiting.Add(int64(-waited))
	return asks, nil
}

// process processes a locked state when the watermark has come to now. A state that has to know
// more first stays due.
func (s *Store) process(z *slot, l keyed.Logic, key string, e *entry, now keyed.Millis, r *processed) error {
	r.waited, r.next = e.Waits(), keyed.None
	next, done, err := z.kind.Process(l, &e.State, now, &r.out)
	if err != nil || r.out.Ask != nil {
		return err
	}
	r.made = true
	e.Next = keyed.None
	switch {
	case done:
		s.forget(z, key, e)
		return nil
	case e.Tombstone:
		s.entomb(z, key, e)
		return nil
	case next != keyed.None && next != z.kind.DropAt(&e.State): // Expire lets go of what is over
		e.Next = next
		if next != e.queued {
			e.queued, r.next = next, next
		}
	}
	if e.TakeRewritten() {
		z.count(e)
		if z.kept {
			var b statedisk.Batch
			b.Put(stateKey(z.kind, key), appendState(nil, &e.State))
			commit(z.disk, &b)
		}
	}
	if z.spillable(e) {
		z.spill.enqueue(key, e.Arrival)
	}
	return nil
}

// feed adds the inputs that keys gave for keys of other kinds. Those of kinds that need not wait
// are processed at once, and their changes appended to a block; the others are due at a time.
func (s *Store) feed(inputs []keyed.Input, at, now keyed.Millis, block change.Block) (change.Block, error) {
	for i := range inputs {
		in := &inputs[i]
		z := s.slotOf(in.Kind)
		if z == nil {
			continue
		}
		if !z.kind.Immediate {
			in.Time = at
			added, err := s.add(in, grid{1, at})
			if err != nil {
				return nil, err
			}
			if added.kept { // the key that gave it may know that it did, and not give it again
				var b statedisk.Batch
				b.Append(stateKey(z.kind, in.Key), appendInput(nil, in))
				commit(z.disk, &b)
			}
			continue
		}
		l, detached, err := s.lockNew(z, in.Key, in.First())
		if err != nil {
			return nil, err
		}
		var r processed
		if _, err = z.kind.Add(z.logics[0], &l.State, in); err == nil && !l.Tombstone {
			if detached {
				s.attach(z, in.Key, l)
			}
			err = s.process(z, z.logics[0], in.Key, l, now, &r)
			z.count(l)
		}
		l.Unlock()
		if err != nil {
			return nil, err
		}
		block = append(block, r.out.Changes...)
	}
	return block, nil
}
