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
	Now     keyed.Millis            // how far the watermark has come; keyed.None: nobody knows
	Prior   *keyed.PriorRows        // nil: the sink held no rows
	Changes func(change.Block)      // takes changes of rows
	Wake    func(at keyed.Millis)   // sets a timer
	Done    func(out *keyed.Output) // is told of each key that was processed
}

// Process brings the rows up to date of the keys that wait for a time up to at, in the order of their kinds.
func (s *Store) Process(ctx context.Context, at keyed.Millis, w Work) error {
	for _, z := range s.kinds {
		keys := z.due.pop(at)
		for group := range slices.Chunk(keys, lookupKeys) {
			prior, err := s.priorOf(ctx, z, group, w.Prior)
			if err != nil {
				return err
			}
			for some := range slices.Chunk(group, groupKeys) {
				if err := s.processGroup(ctx, z, some, at, prior, w); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// priorOf looks up which rows the sink holds of keys that were not processed yet.
func (s *Store) priorOf(ctx context.Context, z *slot, keys []string, prior *keyed.PriorRows) (map[string]*keyed.State, error) {
	if prior.Keys(z.kind.Name) == 0 {
		return nil, nil
	}
	var fresh []keyed.Keyed
	found := map[string]*keyed.State{}
	for _, key := range keys {
		l := s.lock(z, key)
		if l == nil {
			continue
		}
		if l.Folds == 0 && found[key] == nil {
			found[key] = keyed.NewState()
			fresh = append(fresh, keyed.Keyed{Key: key, State: found[key]})
		}
		l.Unlock()
	}
	return found, prior.Adopt(ctx, z.kind, fresh)
}

// processed is what the processing of a key gave.
type processed struct {
	out    keyed.Output
	made   bool
	waited bool         // its inputs had waited for this
	next   keyed.Millis // when it is due though nothing arrives
}

// processGroup processes keys on all processors. Their changes go on in the order of the keys; a group that
// fails gives none.
func (s *Store) processGroup(ctx context.Context, z *slot, keys []string, at keyed.Millis, prior map[string]*keyed.State, w Work) error {
	if err := ctx.Err(); err != nil {
		return err
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
	err := parallel.Do(len(z.logics), len(keys), func(worker, i int) (err error) {
		l := s.lock(z, keys[i])
		if l == nil {
			return nil
		}
		defer l.Unlock()
		if l.queued <= at {
			l.queued = keyed.None // it was taken out of the queue
		}
		if l.Next == keyed.None || l.Next > at {
			return nil // it was processed meanwhile
		}
		if p := prior[keys[i]]; p != nil && l.Folds == 0 {
			l.Inherit(p)
		}
		results[i], err = s.process(z, z.logics[worker], keys[i], l, w.Now)
		return err
	})
	if err != nil {
		return err
	}
	var block change.Block
	waited := 0
	for i := range results {
		r := &results[i]
		if !r.made {
			continue
		}
		if r.waited {
			waited++
		}
		if r.next != keyed.None && z.due.add(keys[i], r.next) {
			w.Wake(r.next)
		}
		block = append(block, r.out.Changes...)
		if block, err = s.feed(r.out.Inputs, at, w.Now, block); err != nil {
			return err
		}
		w.Done(&r.out)
		if len(block) >= groupChange {
			w.Changes(block)
			block = nil
		}
	}
	if len(block) > 0 {
		w.Changes(block)
	}
	s.waiting.Add(int64(-waited))
	whole = true
	return nil
}

// process processes a locked state when the watermark has come to now.
func (s *Store) process(z *slot, l keyed.Logic, key string, e *entry, now keyed.Millis) (r processed, err error) {
	r.made, r.waited, r.next = true, e.Waits(), keyed.None
	next, done, err := z.kind.Process(l, &e.State, now, &r.out)
	if err != nil {
		return r, err
	}
	e.Next = keyed.None
	switch {
	case done:
		s.forget(z, key, e)
		return r, nil
	case e.Tombstone:
		s.entomb(z, key, e)
		return r, nil
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
	return r, nil
}

// feed adds the inputs that keys gave for keys of other kinds. Those of kinds that need not wait are processed
// at once, and their changes appended to a block; the others are due at a time.
func (s *Store) feed(inputs []keyed.Input, at, now keyed.Millis, block change.Block) (change.Block, error) {
	for i := range inputs {
		in := &inputs[i]
		z := s.slotOf(in.Kind)
		if z == nil {
			continue
		}
		if !z.kind.Immediate {
			in.Time = at
			if _, err := s.add(in, grid{1, at}); err != nil {
				return nil, err
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
			r, err = s.process(z, z.logics[0], in.Key, l, now)
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
