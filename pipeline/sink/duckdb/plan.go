package duckdb

import "fmt"

// A plan says what becomes of the changes of a batch.
type plan struct {
	batch    *batch
	out      []bool // older than what is stored, or the same
	stored   []bool // the table has a row of this key
	buried   []bool // a delete of this key is remembered
	replaces bool   // any row or delete of the file goes
}

// look asks which of a batch's keys the file has, as rows or as deletes, and with which versions. Since no other shard has
// these keys, the answer holds until the shard itself changes it.
func (s *shard) look(b *batch) (*plan, error) {
	n := len(b.rows)
	p := &plan{batch: b, out: make([]bool, n), stored: make([]bool, n), buried: make([]bool, n)}
	if b.fresh() {
		return p, nil
	}
	equal := make([]bool, n)
	mark := func(query string, found []bool) error {
		b.choose(func(int) bool { return true })
		return s.conn.each(query, func(n int, columns []vector) {
			for i := range n {
				j, version := columns[0].at(i), columns[1].at(i)
				found[j] = true
				p.out[j] = p.out[j] || version > b.rows[j].version
				equal[j] = version == b.rows[j].version
			}
		})
	}
	if b.stored {
		if err := mark(storedQuery(b), p.stored); err != nil {
			return nil, err
		}
	}
	if b.buried {
		if err := mark(buriedQuery(b), p.buried); err != nil {
			return nil, err
		}
	}
	// A replay comes with the versions that are there; what is as it was stays untouched.
	for i := range p.out {
		p.out[i] = p.out[i] || p.buried[i] && equal[i] && b.rows[i].gone
	}
	if b.choose(func(i int) bool { return p.stored[i] && equal[i] && !b.rows[i].gone }) > 0 {
		for _, i := range b.selected {
			p.out[i] = true
		}
		err := s.conn.each(changedQuery(b), func(n int, columns []vector) {
			for i := range n {
				p.out[columns[0].at(i)] = false
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for i := range p.out {
		p.replaces = p.replaces || !p.out[i] && (p.stored[i] || p.buried[i])
	}
	return p, nil
}

// carry makes the changes of a plan. What is replaced goes first.
func (p *plan) carry(c *conn) error {
	b := p.batch
	steps := []struct {
		query func(*batch) string
		which func(i int) bool
	}{
		{dropQuery, func(i int) bool { return p.stored[i] && b.rows[i].gone }},
		{updateQuery, func(i int) bool { return p.stored[i] && !b.rows[i].gone }},
		{insertQuery, func(i int) bool { return !p.stored[i] && !b.rows[i].gone }},
		{forgetQuery, func(i int) bool { return p.buried[i] }},
		{rememberQuery, func(i int) bool { return b.rows[i].gone }},
	}
	for _, step := range steps {
		want := b.choose(func(i int) bool { return !p.out[i] && step.which(i) })
		if want == 0 {
			continue
		}
		query := step.query(b)
		n, err := c.exec(query)
		if err == nil && n != int64(want) {
			err = fmt.Errorf("%s: changed %d rows, wanted %d", head(query), n, want)
		}
		if err != nil {
			return err
		}
	}
	b.settled()
	return nil
}
