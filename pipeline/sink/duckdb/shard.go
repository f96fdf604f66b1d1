package duckdb

import (
	"fmt"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"flexbeam/schemas/model"
)

// When a shard works without being asked. Only tests change it.
var (
	insertRows  = rowGroup     // of one table: inserts exactly a row group, which is compressed at once and not touched again
	lookRows    = 4 * rowGroup // the same for a table that must be read first for what it has
	insertBytes = 96 << 20     // packed rows of all tables: inserts them all
	commitRows  = 8 * rowGroup // inserted: commits, since each commit and each table that ends in a part of a row group costs
)

// A shard settles the changes of its share of the keys. Its goroutine alone uses it.
type shard struct {
	store *store
	conn  *conn
	queue chan request
	room  *room
	done  chan struct{} // closed when run has ended

	batches []*batch // by TableID
	forget  []func()

	open bool // a transaction
	rows int  // inserted in it
}

// A request is a part of a parcel, or a function that the shard runs between parts.
type request struct {
	part  *part
	do    func(*shard) error
	reply chan error
}

func newShard(st *store, number int, room *room) (*shard, error) {
	c, err := st.connect()
	if err != nil {
		return nil, err
	}
	s := &shard{store: st, conn: c, queue: make(chan request, 256), room: room, done: make(chan struct{})}
	for _, t := range model.Tables {
		b := newBatch(t, number, st.rows[t.Name] > 0, st.deletes[t.Name] > 0)
		forget, err := b.register(c.conn)
		if err != nil {
			s.close()
			return nil, err
		}
		s.batches = append(s.batches, b)
		s.forget = append(s.forget, forget)
	}
	return s, nil
}

func (s *shard) close() {
	s.conn.close()
	for _, f := range s.forget {
		f()
	}
}

func (s *shard) interrupt() { bindings.Interrupt(s.conn.conn) }

// run takes requests until the queue is closed. After an error of any shard it only drains it.
func (s *shard) run() {
	defer close(s.done)
	for r := range s.queue {
		err := s.store.failure()
		switch {
		case r.do != nil:
			if err == nil {
				err = r.do(s)
			}
			r.reply <- err
		default:
			if err == nil {
				err = s.store.explain(s.gather(r.part))
			}
			s.room.give(r.part.size)
		}
		s.store.fail(err)
	}
}

// gather adds changes to the batches and settles those that are full.
func (s *shard) gather(p *part) error {
	for _, r := range p.rows {
		b := s.batches[r.table]
		b.add(p.parcel, r)
		if n := len(b.rows); n == lookRows || n == insertRows && b.seen != nil {
			if err := s.insert(b); err != nil {
				return err
			}
		}
	}
	bytes := 0
	for _, b := range s.batches {
		bytes += b.size
	}
	if bytes >= insertBytes {
		if err := s.insert(s.batches...); err != nil {
			return err
		}
	}
	if s.rows >= commitRows {
		return s.commit()
	}
	return nil
}

// settle stores all that has come.
func (s *shard) settle() error {
	err := s.insert(s.batches...)
	if err == nil {
		err = s.commit()
	}
	return s.store.explain(err)
}

func (s *shard) counts() (map[string]int64, error) {
	m := make(map[string]int64, len(model.Tables))
	for _, t := range model.Tables {
		n, err := s.conn.number("SELECT count(*) FROM " + t.Name)
		if err != nil {
			return nil, fmt.Errorf("duckdb: count rows: %w", err)
		}
		m[t.Name] = n
	}
	return m, nil
}

// insert adds batches to the open transaction, or to a new one, and empties them.
func (s *shard) insert(batches ...*batch) error {
	for _, b := range batches {
		if len(b.rows) == 0 {
			continue
		}
		b.pin()
		err := s.settleBatch(b)
		b.reset()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *shard) settleBatch(b *batch) error {
	p, err := s.look(b)
	if err != nil {
		return err
	}
	if p.replaces { // only rows that are committed are replaced
		if err := s.commit(); err != nil {
			return err
		}
	}
	if !s.open {
		if _, err := s.conn.exec("BEGIN"); err != nil {
			return err
		}
		s.open = true
	}
	s.rows += len(b.rows)
	return p.carry(s.conn)
}

// commit ends the open transaction, if there is one.
func (s *shard) commit() error {
	if !s.open {
		return nil
	}
	s.open, s.rows = false, 0
	if _, err := s.conn.exec("COMMIT"); err != nil {
		return err
	}
	for _, b := range s.batches {
		if b.inserted {
			if err := b.learn(s.conn); err != nil {
				return err
			}
		}
	}
	return nil
}
