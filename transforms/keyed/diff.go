package keyed

import (
	"hash/fnv"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// emitted is a row that was emitted and not deleted since, or one of another job in the sink.
type emitted struct {
	table   model.TableID
	key     string
	hash    uint64 // of the row as it was emitted; of another job's 0, unless it was looked up as a whole
	version int64  // its row_version; 0 if nobody knows
	day     Millis // when the day of its partition column begins; None: not known, or the key tells it
	left    bool   // another job wrote it, or wrote over it
}

// dayOf returns the day of a row's partition column as emitted has it.
func dayOf(t *model.Table, r model.Row) Millis {
	i, ok := t.PartitionColumn()
	if !ok || r[i].IsNull() {
		return None
	}
	at := Millis(r[i].Num)
	return at - ((at%Day)+Day)%Day
}

// name tells rows apart.
func (e emitted) name() string { return string(rune(e.table)) + e.key }

// hashRow returns what tells a row from others of its key: of a block that upserts it.
func hashRow(upsert change.Block) uint64 {
	h := fnv.New64a()
	h.Write(upsert)
	return h.Sum64()
}

// A Unit is rows of a key that have one row_version: those of a task, or those of a quarter hour of
// a worker. Of two jobs that one writes a whole unit which knows more of it.
type Unit struct {
	At      int64 // tells it from others of the key
	Settled bool  // the job knows that nothing more is to be expected of it
}

// UnitOf returns the unit of a row, which has at least its key and its row_version; ok is false for
// a row that settles by itself.
type UnitOf func(model.TableID, model.Row) (u Unit, ok bool)

// A RowDiff turns the rows of a fold into the changes against what was emitted before: upserts of
// rows that are new or differ, deletes of rows that are gone. A row whose partition column goes
// over to another day is deleted in the old one first, with its new version: a store may settle
// each partition by itself. Of a unit of which another job knows more it changes nothing.
type RowDiff struct {
	state  *State
	out    *Output
	unitOf UnitOf
	before map[string]emitted // by table and key
	others map[int64]int64    // by unit: the greatest version of a row that another job wrote
	alone  map[int64]bool     // units of which another job knows more
	next   []emitted
	key    []byte
}

// Diff starts a fold of the key, whose changes go to out. It fails with ErrCorrupt if a row that
// was emitted has a key that is none.
func (s *State) Diff(out *Output, unitOf UnitOf) (*RowDiff, error) {
	d := &RowDiff{state: s, out: out, unitOf: unitOf}
	if len(s.emitted) == 0 {
		return d, nil
	}
	d.before = make(map[string]emitted, len(s.emitted))
	for _, e := range s.emitted {
		d.before[e.name()] = e
	}
	err := s.eachLeft(unitOf, func(e emitted, u Unit) {
		if d.others == nil {
			d.others = map[int64]int64{}
		}
		d.others[u.At] = max(d.others[u.At], e.version)
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// eachLeft calls f with each row of a unit that another job left in the sink, as far as it was looked
// up. It fails with ErrCorrupt if such a row has a key that is none.
func (s *State) eachLeft(unitOf UnitOf, f func(emitted, Unit)) error {
	for _, e := range s.emitted {
		if !e.left {
			continue
		}
		r, err := e.row(e.version)
		if err != nil {
			return err
		}
		if u, ok := unitOf(e.table, r); ok {
			f(e, u)
		}
	}
	return nil
}

// row returns the key cells of a row that was emitted and the day of its partition, with a version.
func (e emitted) row(version int64) (model.Row, error) {
	t := model.Tables[e.table]
	r := t.NewRow()
	if !t.ParseKey([]byte(e.key), r) {
		return nil, ErrCorrupt
	}
	if i, ok := t.PartitionColumn(); ok && e.day != None {
		r[i] = model.Millis(e.day)
	}
	r[len(r)-1] = model.Integer(version)
	return r, nil
}

// leaves tells whether a row is left alone: another job knows more of its unit, or this one does
// not know whether the unit is over and another job wrote rows of it. A process that goes on from
// what another one kept is the same job.
func (d *RowDiff) leaves(t model.TableID, r model.Row) bool {
	if d.others == nil {
		return false
	}
	u, ok := d.unitOf(t, r)
	if !ok {
		return false
	}
	version, wrote := d.others[u.At]
	knowsMore := version > r[len(r)-1].Num
	switch {
	case !wrote || !knowsMore && (u.Settled || d.state.Resumed):
		return false
	case !knowsMore:
		return true
	}
	if d.alone == nil {
		d.alone = map[int64]bool{}
	}
	d.alone[u.At] = true
	return true
}

// Erased tells whether rows of the key were erased (contract, section 11): then they are left alone
// whatever the fold gives, and nothing else may come of the key.
func (d *RowDiff) Erased() bool {
	for _, version := range d.others {
		if version >= model.Erased {
			return true
		}
	}
	return false
}

// Row takes a row of the fold.
func (d *RowDiff) Row(id model.TableID, r model.Row) {
	t := model.Tables[id]
	c := change.Change{Table: id, Row: r}
	if d.out.Once && d.before == nil {
		d.out.Changes = d.out.Changes.Append(c)
		return
	}
	if d.leaves(id, r) {
		return
	}
	d.key = t.AppendKey(d.key[:0], r)
	given := len(d.out.Changes)
	d.out.Changes = d.out.Changes.Append(c)
	e := emitted{table: id, key: string(d.key), hash: hashRow(d.out.Changes[given:]), version: r[len(r)-1].Num, day: dayOf(t, r)}
	old, known := d.before[e.name()]
	delete(d.before, e.name())
	d.next = append(d.next, e)
	if known && old.hash == e.hash {
		d.out.Changes = d.out.Changes[:given]
		return
	}
	if known && old.day != e.day && old.day != None {
		if was, err := old.row(e.version); err == nil { // Diff has read the key
			d.out.Changes = d.out.Changes[:given].Append(change.Change{Table: id, Delete: true, Row: was}).Append(c)
		}
	}
}

// Done ends the fold. A row that is gone is deleted with the version that deleted gives for its key
// cells. A row of another job stays where deleted says no: the events tell nothing of its time.
func (d *RowDiff) Done(deleted func(model.TableID, model.Row) (version int64, ok bool)) error {
	for _, old := range d.state.emitted {
		if _, gone := d.before[old.name()]; !gone {
			continue
		}
		r, err := old.row(0)
		if err != nil {
			return err
		}
		version, ok := deleted(old.table, r)
		r[len(r)-1] = model.Integer(version)
		if old.left && !ok || d.leaves(old.table, r) {
			d.next = append(d.next, old)
			continue
		}
		d.out.Changes = d.out.Changes.Append(change.Change{Table: old.table, Delete: true, Row: r})
	}
	d.state.emitted = d.next
	alone := int64(len(d.alone))
	d.out.Alone += max(0, alone-d.state.Alone)
	d.state.Alone = max(alone, d.state.Alone)
	return nil
}

// ForgetEmitted forgets the emitted rows for which final says so: they stay as they are.
func (s *State) ForgetEmitted(final func(model.TableID, model.Row) bool) error {
	kept := s.emitted[:0]
	for _, e := range s.emitted {
		r, err := e.row(e.version)
		if err != nil {
			return err
		}
		if !final(e.table, r) {
			kept = append(kept, e)
		}
	}
	clear(s.emitted[len(kept):])
	s.emitted = kept
	return nil
}
