package duckdb

import (
	"fmt"
	"slices"
)

// A plan says what becomes of the changes of a batch.
type plan struct {
	batch      *batch
	out        []bool // older than what is stored, or the same
	stored     []bool // the table has a row of this key
	remembered []bool // a delete of this key is remembered
	replaces   bool   // any row or delete of the file goes
	byRowid    bool   // they are found by rowid
}

// locate notes where the selected rows are, all of which have a rowid.
func (p *plan) locate(r *rowids) {
	if !p.byRowid || r == nil {
		return
	}
	b := p.batch
	selected := slices.Clone(b.selected)
	b.locate(r)
	b.selected = append(b.selected[:0], selected...)
}

// look asks the file which of a batch's keys it has, as rows or as deletes, and with which versions.
// No other shard writes these keys, so the answer holds until this shard changes them.
func (s *shard) look(b *batch) (*plan, error) {
	if b.allNew() {
		return newPlan(b, false), nil
	}
	small, err := s.small(b)
	if err != nil {
		return nil, err
	}
	if !small {
		p, _, err := s.lookUp(b, false)
		return p, err
	}
	if b.inserted { // by this transaction
		if err := s.commit(); err != nil {
			return nil, err
		}
	}
	p, certain, err := s.lookUp(b, b.rowids != nil)
	if err == nil && !certain {
		p, _, err = s.lookUp(b, false)
	}
	return p, err
}

func newPlan(b *batch, byRowid bool) *plan {
	n := len(b.rows)
	return &plan{batch: b, byRowid: byRowid, out: make([]bool, n), stored: make([]bool, n), remembered: make([]bool, n)}
}

// lookUp asks by rowid or by key. An answer by rowid is not certain when several keys have one hash:
// then the caller asks again by key.
func (s *shard) lookUp(b *batch, byRowid bool) (p *plan, certain bool, err error) {
	p = newPlan(b, byRowid)
	equal := make([]bool, len(b.rows))
	mark := func(query func(*batch, bool) string, r *rowids, found []bool) (certain bool, err error) {
		b.choose(func(int) bool { return true })
		if byRowid {
			if !b.locate(r) {
				return false, nil
			}
			if len(b.selected) == 0 {
				return true, nil
			}
		}
		same := 0
		err = s.conn.each(query(b, byRowid), func(n int, columns []vector) {
			for i := range n {
				j, version := columns[0].at(i), columns[1].at(i)
				same += int(columns[2].at(i))
				found[j] = true
				p.out[j] = p.out[j] || version > b.rows[j].version
				equal[j] = version == b.rows[j].version
			}
		})
		return !byRowid || same == len(b.selected), err
	}
	if b.stored {
		if certain, err = mark(storedQuery, b.rowids, p.stored); err != nil || !certain {
			return nil, certain, err
		}
	}
	if b.remembered {
		if certain, err = mark(rememberedQuery, b.deletes, p.remembered); err != nil || !certain {
			return nil, certain, err
		}
	}
	// A replay brings the versions that are stored already. Rows that would not change are left out.
	for i := range p.out {
		p.out[i] = p.out[i] || p.remembered[i] && equal[i] && b.rows[i].gone && !b.rows[i].forgets
	}
	if b.choose(func(i int) bool { return p.stored[i] && equal[i] && !b.rows[i].gone }) > 0 {
		for _, i := range b.selected {
			p.out[i] = true
		}
		p.locate(b.rowids)
		err := s.conn.each(changedQuery(b, byRowid), func(n int, columns []vector) {
			for i := range n {
				p.out[columns[0].at(i)] = false
			}
		})
		if err != nil {
			return nil, true, err
		}
	}
	for i := range p.out {
		p.replaces = p.replaces || !p.out[i] && (p.stored[i] || p.remembered[i])
	}
	return p, true, nil
}

// apply makes the changes of a plan. It deletes before it inserts, so that no key is there twice.
func (p *plan) apply(c *conn) error {
	b := p.batch
	steps := []struct {
		query  func(*batch, bool) string
		which  func(i int) bool
		rowids *rowids // where what is replaced is
	}{
		{dropQuery, func(i int) bool { return p.stored[i] && b.rows[i].gone }, b.rowids},
		{updateQuery, func(i int) bool { return p.stored[i] && !b.rows[i].gone }, b.rowids},
		{insertQuery, func(i int) bool { return !p.stored[i] && !b.rows[i].gone }, nil},
		{forgetQuery, func(i int) bool { return p.remembered[i] }, b.deletes},
		{rememberQuery, func(i int) bool { return b.rows[i].gone && !b.rows[i].forgets }, nil},
	}
	for _, step := range steps {
		want := b.choose(func(i int) bool { return !p.out[i] && step.which(i) })
		if want == 0 {
			continue
		}
		p.locate(step.rowids)
		query := step.query(b, p.byRowid)
		n, err := c.exec(query)
		if err == nil && n != int64(want) {
			err = fmt.Errorf("%s: changed %d rows, wanted %d", head(query), n, want)
		}
		if err != nil {
			return err
		}
	}
	p.forget()
	b.settled()
	return nil
}

// forget removes the rowids of rows and deletes that are gone. The rowids of new ones are read after
// the commit.
func (p *plan) forget() {
	b := p.batch
	if b.rowids == nil {
		return
	}
	for i := range b.rows {
		if p.out[i] {
			continue
		}
		gone := b.rows[i].gone
		b.inserted = b.inserted || gone || !p.stored[i]
		if p.stored[i] && gone {
			b.gone(b.rowids, i)
		}
		if p.remembered[i] {
			b.gone(b.deletes, i)
		}
	}
}
