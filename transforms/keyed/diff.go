package keyed

import (
	"hash/fnv"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// emitted is a row that was emitted and not deleted since, or one that an earlier job left.
type emitted struct {
	table model.TableID
	key   string
	hash  uint64 // of the row as it was emitted, 0 when it was not
	left  bool   // an earlier job left it: it may know more, so that a delete loses, until this one has caught up
}

// name tells rows apart.
func (e emitted) name() string { return string(rune(e.table)) + e.key }

// A RowDiff turns the rows of a fold into the changes against what was emitted before: upserts of rows that
// are new or differ, deletes of rows that are gone.
type RowDiff struct {
	state  *State
	out    *Output
	before map[string]emitted // by table and key
	next   []emitted
	key    []byte
	one    change.Block
}

// Diff starts a fold of the key, whose changes go to out.
func (s *State) Diff(out *Output) *RowDiff {
	d := &RowDiff{state: s, out: out}
	if len(s.emitted) > 0 {
		d.before = make(map[string]emitted, len(s.emitted))
		for _, e := range s.emitted {
			d.before[e.name()] = e
		}
	}
	return d
}

// Row takes a row of the fold.
func (d *RowDiff) Row(id model.TableID, r model.Row) {
	c := change.Change{Table: id, Row: r}
	if d.out.Once && d.before == nil {
		d.out.Changes = d.out.Changes.Append(c)
		return
	}
	d.key = model.Tables[id].AppendKey(d.key[:0], r)
	d.one = d.one[:0].Append(c)
	h := fnv.New64a()
	h.Write(d.one)
	e := emitted{table: id, key: string(d.key), hash: h.Sum64()}
	old, known := d.before[e.name()]
	delete(d.before, e.name())
	e.left = old.left
	d.next = append(d.next, e)
	if known && old.hash == e.hash {
		return
	}
	d.out.Changes = append(d.out.Changes, d.one...)
}

// Done ends the fold. A row that is gone is deleted with the version that deleted gives for its key cells. A
// row that an earlier job left stays where deleted says no: the events tell nothing of its time. Else its
// delete is emitted again with every fold, since an earlier one, of fewer events, may have lost against what
// the sink holds.
func (d *RowDiff) Done(deleted func(model.TableID, model.Row) (version int64, ok bool)) error {
	for _, old := range d.state.emitted {
		if _, gone := d.before[old.name()]; !gone {
			continue
		}
		table := model.Tables[old.table]
		r := table.NewRow()
		if !table.ParseKey([]byte(old.key), r) {
			return ErrCorrupt
		}
		version, ok := deleted(old.table, r)
		if old.left {
			stays := !ok && old.hash == 0
			old.hash = 0
			d.next = append(d.next, old)
			if stays {
				continue
			}
		}
		r[len(r)-1] = model.Integer(version)
		d.out.Changes = d.out.Changes.Append(change.Change{Table: old.table, Delete: true, Row: r})
	}
	d.state.emitted = d.next
	return nil
}

// ForgetEmitted forgets the emitted rows for which settled says so: they stay as they are.
func (s *State) ForgetEmitted(settled func(model.TableID, model.Row) bool) error {
	kept := s.emitted[:0]
	for _, e := range s.emitted {
		t := model.Tables[e.table]
		r := t.NewRow()
		if !t.ParseKey([]byte(e.key), r) {
			return ErrCorrupt
		}
		if !settled(e.table, r) {
			kept = append(kept, e)
		}
	}
	clear(s.emitted[len(kept):])
	s.emitted = kept
	return nil
}
