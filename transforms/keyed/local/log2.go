package local

import (
	"bytes"
	"fmt"
	"strings"

	"flexbeam/internal/statedisk"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// The entries of a log of version 2. They know tasks (0) and workers (1) alone.
const (
	version2 = "2"
	task2    = 0 // the ID of tasks

	entryOwner2     = 'O' // the sink, and how events are kept in what follows
	entryForgotten2 = 'P' // a source whose position is forgotten
	entryForget2    = 'F' // a key without a state
	entryBatch2     = 'B' // a position and the blocks of events before it
	entryState2     = 'S' // a whole state
	entrySpilled2   = 'D' // a task that has ended, as it is on disk
	entryTombstone2 = 'M' // a task that was dropped, or a tombstone that is forgotten
)

// restore2 takes an entry of a log of version 2.
func (s *Store) restore2(entry []byte) error {
	r := keyed.NewReader(entry[1:])
	err := s.restoreEntry2(entry[0], r)
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return fmt.Errorf("an entry of kind %q: %w", entry[0], err)
	}
	return nil
}

func (s *Store) restoreEntry2(code byte, r *keyed.Reader) error {
	switch code {
	case entryOwner2:
		return s.restoreOwner2(r)
	case entryForgotten2:
		if source := r.Text(); r.Err() == nil {
			delete(s.positions, source)
		}
		return nil
	case entryForget2:
		if z, key := s.slotOf(r.Byte()), r.Text(); r.Err() == nil && z != nil {
			s.clear(z, key)
		}
		return nil
	case entryBatch2:
		return s.restoreBatch2(r)
	case entryState2:
		z, key := s.slotOf(r.Byte()), r.Text()
		if r.Err() != nil || z == nil {
			return keyed.ErrCorrupt
		}
		const closed = 2
		state := keyed.NewState()
		state.Closed, state.Anonymous = r.Byte()&closed != 0, strings.HasSuffix(key, "\x00")
		state.Arrival, state.Bound, state.AsOf = r.Millis(), r.Millis(), r.Millis()
		for n := r.Count(); n > 0 && r.Err() == nil; n-- {
			state.Buckets = append(state.Buckets, keyed.Bucket{Hour: r.Millis(), Newest: r.Millis()})
		}
		state.Block = bytes.Clone(r.Bytes())
		if r.Err() != nil {
			return nil
		}
		return s.putState(z, key, state)
	case entrySpilled2:
		return s.restoreSpilled2(r)
	case entryTombstone2:
		z, h := s.slotOf(task2), hash(r.Take(len(hash{})))
		until, key := r.Millis(), r.Text()
		if r.Err() != nil || z == nil {
			return keyed.ErrCorrupt
		}
		s.restoreTombstone(z, h, key, until)
		return nil
	}
	return fmt.Errorf("%w: unknown", keyed.ErrCorrupt)
}

func (s *Store) restoreOwner2(r *keyed.Reader) (err error) {
	id, kept, name := r.Text(), r.Text(), r.Text()
	if r.Err() != nil {
		return nil
	}
	wrote, layout, _ := strings.Cut(kept, " ")
	if wrote != version2 {
		return errVersion()
	}
	events, err := model.Translate(layout, s.attributes)
	if err != nil {
		return errVersion()
	}
	s.owner, s.trees = Sink{id, name}, translations{wrote, events}
	return nil
}

func (s *Store) restoreBatch2(r *keyed.Reader) error {
	source, position := r.Text(), bytes.Clone(r.Bytes())
	for len(r.Rest()) > 0 && r.Err() == nil {
		const ended = 0x80
		in := keyed.Input{Kind: r.Byte() &^ ended, Key: r.Text()}
		arrival := r.Millis()
		r.Millis() // the newest worker.* event
		in.Time, in.Block = arrival, bytes.Clone(r.Bytes())
		z := s.slotOf(in.Kind)
		if r.Err() != nil || z == nil {
			return keyed.ErrCorrupt
		}
		events, err := event.Decode(in.Block, nil)
		if err != nil {
			return err
		}
		for i := range events {
			in.Events = append(in.Events, z.kind.Info(&events[i], arrival))
		}
		if err := s.restoreInput(&in); err != nil {
			return err
		}
	}
	if r.Err() == nil {
		s.positions[source] = position
	}
	return nil
}

func (s *Store) restoreSpilled2(r *keyed.Reader) error {
	z, key, arrival := s.slotOf(task2), r.Text(), r.Millis()
	if r.Err() != nil || z == nil || key == "" {
		return keyed.ErrCorrupt
	}
	state, err := keyed.ReadState(bytes.Clone(r.Rest()))
	if err != nil {
		return err
	}
	state.Arrival, state.Since, state.Closed = arrival, keyed.None, true
	if state.Block, err = s.trees.events.Block(state.Block, z.kind.Part); err != nil {
		return err
	}
	s.clear(z, key)
	var b statedisk.Batch
	b.Spill([]byte(key), appendSpilled(nil, key, state))
	refs, err := s.temporary.Commit(&b)
	if err != nil {
		return err
	}
	z.spill.put(hashOf(key), spilled{ref: refs[0], left: true, older: true, expires: z.kind.Expires(state), until: z.kind.Until(state)})
	return nil
}
