package local

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"flexbeam/internal/statedisk"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// The records on disk. A record's key begins with one of these.
const (
	recordLayout    = 'L' // how events are kept, by number
	recordOwner     = 'O' // the version of the records, the sink, and the layout of the blocks that follow
	recordPosition  = 'P' // of a source
	recordState     = 'K' // a state by its kind and key, and inputs behind it
	recordEvidence  = 'E' // what was counted as missing of keys that are not in memory
	recordTombstone = 'X' // until when there is one, by the kind and the hash of the key
)

// version is that of the records and of the heads of spilled states. It reads the log of the one
// before it (log2.go). A record that it does not know, or that means something else now, needs
// another.
const version = "3"

// layout is a way in which events are kept.
type layout struct {
	text   string
	events *model.Translation // nil: as in this version
}

func layoutKey(number int) []byte { return binary.AppendUvarint([]byte{recordLayout}, uint64(number)) }

var ownerKey = []byte{recordOwner}

func appendOwner(b []byte, sink Sink, layout int) []byte {
	b = keyed.AppendText(b, version)
	b = keyed.AppendText(b, sink.ID)
	b = keyed.AppendText(b, sink.Name)
	return binary.AppendUvarint(b, uint64(layout))
}

func positionKey(source string) []byte { return append([]byte{recordPosition}, source...) }

func stateKey(k *keyed.Kind, key string) []byte { return appendStateKey(nil, k, key) }

func appendStateKey(b []byte, k *keyed.Kind, key string) []byte {
	return append(append(slices.Grow(b, 2+len(key)), recordState, k.ID), key...)
}

func tombstoneKey(k *keyed.Kind, h hash) []byte {
	return append([]byte{recordTombstone, k.ID}, h[:]...)
}

func appendTime(b []byte, t keyed.Millis) []byte { return binary.AppendVarint(b, int64(t)) }

// The first byte of what is kept of a state.
const (
	isState = 'S'
	isInput = 'I'
)

// appendState appends a state but for its rows: the next process asks the sink for those.
func appendState(b []byte, s *keyed.State) []byte {
	without := *s
	without.Disown()
	without.Evidence = evidence.Counts{} // the next process counts it again
	return without.Append(append(b, isState))
}

// appendInput appends an input. Its key is that of the record.
func appendInput(b []byte, in *keyed.Input) []byte {
	const keyOfRecord = "-"
	of := *in
	of.Key = keyOfRecord
	return of.Append(append(b, isInput), false)
}

// appendHead appends what comes back at a start of a state that is spilled.
func appendHead(b []byte, k *keyed.Kind, h hash, f spilled) []byte {
	b = append(append(b, k.ID), h[:]...)
	return binary.AppendUvarint(appendTime(appendTime(b, f.expires), f.until), uint64(f.layout))
}

// readNumber reads a number that is all that is left.
func readNumber(r *keyed.Reader) (int, error) {
	n, w := binary.Uvarint(r.Rest())
	if r.Err() != nil || w <= 0 || w != len(r.Rest()) || n >= 1<<16 {
		return 0, keyed.ErrCorrupt
	}
	return int(n), nil
}

// translations tell how the blocks are kept that are being restored.
type translations struct {
	version string
	events  *model.Translation // nil: as in this version
}

// current tells whether the records go on as they began.
func (t translations) current() bool { return t.version == version && t.events == nil }

// restore takes what an earlier process left.
func (s *Store) restore(c statedisk.Change, release func(statedisk.Ref)) (err error) {
	s.release = release
	if c.Op == statedisk.Older {
		return s.restore2(c.Value)
	}
	if len(c.Key) == 0 {
		return fmt.Errorf("a record without a key: %w", keyed.ErrCorrupt)
	}
	if c.Op == statedisk.Spill {
		if err := s.restoreSpilled(c); err != nil {
			return fmt.Errorf("a spilled state: %w", err)
		}
		return nil
	}
	key, r := c.Key[1:], keyed.NewReader(c.Value)
	switch c.Key[0] {
	case recordLayout:
		err = s.restoreLayout(key, string(c.Value))
	case recordOwner:
		err = s.restoreOwner(r)
	case recordPosition:
		delete(s.positions, string(key))
		if c.Op == statedisk.Put {
			s.positions[string(key)] = bytes.Clone(c.Value)
		}
	case recordState:
		err = s.restoreState(c)
	case recordEvidence:
		err = s.restoreEvidence(c)
	case recordTombstone:
		kind := keyed.NewReader(key)
		z, h, until := s.slotOf(kind.Byte()), hash(kind.Take(len(hash{}))), keyed.Millis(0)
		if c.Op == statedisk.Put {
			until = r.Millis()
		}
		if kind.Err() == nil && r.Err() == nil && z != nil {
			s.restoreTombstone(z, h, "", until)
		}
		err = kind.Err()
	default:
		err = keyed.ErrCorrupt
	}
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return fmt.Errorf("a record of kind %q: %w", c.Key[0], err)
	}
	return nil
}

func (s *Store) restoreLayout(key []byte, text string) error {
	number, err := readNumber(keyed.NewReader(key))
	if err != nil || number > len(s.layouts) {
		return keyed.ErrCorrupt
	}
	events, err := model.Translate(text, s.attributes)
	if err != nil {
		return errVersion()
	}
	if number == len(s.layouts) {
		s.layouts = append(s.layouts, layout{})
	}
	s.layouts[number] = layout{text, events}
	return nil
}

func errVersion() error {
	return fmt.Errorf("%w: drain it with that version first, then begin with an empty directory and start=at: that time; or remove it and read the stream from its start", ErrVersion)
}

func (s *Store) restoreOwner(r *keyed.Reader) (err error) {
	wrote, owner := r.Text(), Sink{r.Text(), r.Text()}
	if r.Err() != nil {
		return nil
	}
	if wrote != version {
		return errVersion()
	}
	if s.layout, err = readNumber(r); err != nil || s.layout >= len(s.layouts) {
		return keyed.ErrCorrupt
	}
	s.owner, s.trees = owner, translations{wrote, s.layouts[s.layout].events}
	return nil
}

// restoreState takes what is said of a state that was in memory.
func (s *Store) restoreState(c statedisk.Change) error {
	if len(c.Key) < 3 {
		return keyed.ErrCorrupt
	}
	z, key := s.slotOf(c.Key[1]), string(c.Key[2:])
	switch {
	case z == nil:
		return keyed.ErrCorrupt
	case c.Op == statedisk.Delete:
		s.clear(z, key)
		return nil
	case c.Op == statedisk.Put && len(c.Value) > 0 && c.Value[0] == isState:
		state, err := keyed.ReadState(bytes.Clone(c.Value[1:]))
		if err != nil {
			return err
		}
		return s.putState(z, key, state)
	case c.Op == statedisk.Append && len(c.Value) > 0 && c.Value[0] == isInput:
		in, rest, err := keyed.ReadInput(c.Value[1:])
		if err != nil {
			return err
		}
		if len(rest) > 0 || in.Kind != z.kind.ID {
			return keyed.ErrCorrupt
		}
		in.Key = key
		return s.restoreInput(&in)
	}
	return keyed.ErrCorrupt
}

// restoreInput adds an input as Add did: what came too late then was no part of it.
func (s *Store) restoreInput(in *keyed.Input) (err error) {
	z := s.slotOf(in.Kind)
	if z == nil || in.Key == "" || len(in.Events) == 0 && in.Value == nil {
		return keyed.ErrCorrupt
	}
	if in.Block, err = s.trees.events.Block(in.Block, z.kind.Part); err != nil {
		return err
	}
	if z.live[in.Key] == nil {
		if f, ok := z.spill.get(hashOf(in.Key)); ok && !f.older { // it was spilled between Add and its commit
			in.Block, in.Value = bytes.Clone(in.Block), bytes.Clone(in.Value)
			s.unsettled = append(s.unsettled, *in)
			return nil
		}
	}
	return s.addRestored(z, in)
}

func (s *Store) addRestored(z *slot, in *keyed.Input) error {
	l, detached, err := s.lockNew(z, in.Key, in.First())
	if err != nil {
		return err
	}
	defer l.Unlock()
	if _, err := z.kind.Add(z.logics[0], &l.State, in); err != nil || l.Tombstone {
		return err
	}
	if detached {
		s.clear(z, in.Key)
		z.live[in.Key] = l
	}
	z.count(l)
	return nil
}

// putState puts a state in the place of all that was said of its key before.
func (s *Store) putState(z *slot, key string, state *keyed.State) (err error) {
	if state.Block, err = s.trees.events.Block(state.Block, z.kind.Part); err != nil {
		return err
	}
	s.clear(z, key)
	if blank(state) {
		return nil
	}
	l := newEntry()
	l.State = *state
	l.Next = keyed.None
	z.live[key] = l
	z.count(l)
	return nil
}

// blank tells whether nothing was added to a state yet.
func blank(s *keyed.State) bool {
	return s.Arrival == keyed.None && len(s.Block) == 0 && len(s.Value) == 0
}

func (s *Store) restoreSpilled(c statedisk.Change) (err error) {
	r := keyed.NewReader(c.Key)
	z, h := s.slotOf(r.Byte()), hash(r.Take(len(hash{})))
	f := spilled{ref: c.Ref, left: true, expires: r.Millis(), until: r.Millis()}
	number, err := readNumber(r)
	if err != nil || number >= len(s.layouts) {
		return keyed.ErrCorrupt
	}
	if z == nil {
		s.release(c.Ref)
		return nil
	}
	f.layout = uint16(number)
	s.clearSpilled(z, h)
	z.spill.put(h, f)
	return nil
}

func (s *Store) restoreTombstone(z *slot, h hash, key string, until keyed.Millis) {
	if key != "" {
		s.clear(z, key)
	}
	s.clearSpilled(z, h)
	z.spill.mark(h, until)
}

// clear removes what was said of a key before.
func (s *Store) clear(z *slot, key string) {
	if old := z.live[key]; old != nil {
		s.remove(z, key, old)
	}
	h := hashOf(key)
	s.clearSpilled(z, h)
	z.spill.mark(h, 0)
}

func (s *Store) clearSpilled(z *slot, h hash) {
	f, ok := z.spill.take(h)
	switch {
	case ok && f.older:
		s.releaseOlder(f)
	case ok:
		s.release(f.ref)
	}
}

// begin has the disk say whose it is, and how the blocks are kept that follow.
func (s *Store) begin(sink Sink) {
	s.owner = sink
	s.layout = slices.IndexFunc(s.layouts, func(l layout) bool { return l.text == s.attributes.Layout() })
	if s.layout < 0 {
		s.layout = len(s.layouts)
		s.layouts = append(s.layouts, layout{text: s.attributes.Layout()})
	}
	var b statedisk.Batch
	b.Put(layoutKey(s.layout), []byte(s.attributes.Layout()))
	b.Put(ownerKey, appendOwner(nil, s.owner, s.layout))
	commit(s.disk, &b)
}

// settle brings to the disk what an earlier version left, and adds the inputs that had to wait for it.
func (s *Store) settle() error {
	var batch statedisk.Batch
	for _, z := range s.kinds {
		for i := range z.spill.parts {
			for h, f := range z.spill.parts[i].states {
				if !f.older {
					continue
				}
				key, state, err := s.readSpilled(z, f)
				if err != nil {
					return err
				}
				s.releaseOlder(f)
				if f, err = s.putOnDisk(z, &batch, key, state); err != nil {
					return err
				}
				f.left = true
				z.spill.parts[i].states[h] = f
			}
		}
	}
	s.release = batch.Release
	for i := range s.unsettled {
		in := &s.unsettled[i]
		z := s.slotOf(in.Kind)
		batch.Reset()
		if err := s.addRestored(z, in); err != nil {
			return err
		}
		if l := z.live[in.Key]; l != nil {
			batch.Put(stateKey(z.kind, in.Key), appendState(nil, &l.State))
		}
		commit(s.disk, &batch)
	}
	s.unsettled = nil
	return nil
}

// records returns all that the store holds now. Positions are read first, then what is spilled,
// then what is in memory: a state may be newer than they are, never older, and one that is loaded
// meanwhile is there.
func (s *Store) records() iter.Seq[statedisk.Change] {
	put := func(key, value []byte) statedisk.Change {
		return statedisk.Change{Op: statedisk.Put, Key: key, Value: value}
	}
	var all []statedisk.Change
	for i, l := range s.layouts {
		all = append(all, put(layoutKey(i), []byte(l.text)))
	}
	s.mu.RLock()
	all = append(all, put(ownerKey, appendOwner(nil, s.owner, s.layout)))
	for source, p := range s.positions {
		all = append(all, put(positionKey(source), p))
	}
	s.mu.RUnlock()
	if c := s.gone.get(); c != (evidence.Counts{}) {
		all = append(all, put(evidenceKey, c.Append(nil)))
	}
	n, out := len(all), s.allHidden()
	s.each(func(z *slot, key string, l *entry) {
		if !blank(&l.State) && !z.kind.Volatile {
			all = append(all, put(stateKey(z.kind, key), appendState(nil, &l.State)))
		}
	})
	return func(yield func(statedisk.Change) bool) {
		refused := func(c statedisk.Change) bool { return !yield(c) }
		_ = slices.ContainsFunc(all[:n], refused) ||
			slices.ContainsFunc(out, func(x hidden) bool { return refused(x.record()) }) ||
			slices.ContainsFunc(all[n:], refused)
	}
}

// hidden is a spilled state, or without one a tombstone.
type hidden struct {
	kind *keyed.Kind
	hash hash
	spilled
}

func (x hidden) record() statedisk.Change {
	if x.ref == (statedisk.Ref{}) {
		return statedisk.Change{Op: statedisk.Put, Key: tombstoneKey(x.kind, x.hash), Value: appendTime(nil, x.until)}
	}
	return statedisk.Change{Op: statedisk.Spill, Key: appendHead(nil, x.kind, x.hash, x.spilled), Ref: x.ref}
}

// allHidden returns all tombstones and spilled states that outlive the process.
func (s *Store) allHidden() (all []hidden) {
	for _, z := range s.kinds {
		if z.kind.Volatile {
			continue
		}
		for i := range z.spill.parts {
			s.mu.RLock()
			p := &z.spill.parts[i]
			for h, until := range p.tombstones {
				all = append(all, hidden{z.kind, h, spilled{until: until}})
			}
			for h, f := range p.states {
				all = append(all, hidden{z.kind, h, f})
			}
			s.mu.RUnlock()
		}
	}
	return all
}
