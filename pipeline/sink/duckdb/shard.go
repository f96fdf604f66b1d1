package duckdb

import (
	"fmt"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"golang.org/x/sync/semaphore"

	"flexbeam/schemas/model"
)

// A shard settles the changes of its share of the keys. Its goroutine alone uses it.
type shard struct {
	store   *store
	conn    *conn
	queue   chan request
	waiting *semaphore.Weighted // bytes of parts that no shard has taken yet
	done    chan struct{}       // closed when run has ended

	batches []*batch // by TableID
	forget  []func()

	open bool // a transaction
	rows int  // inserted in it
}

// A request is a part of a block, or a function that the shard runs between parts.
type request struct {
	part  *part
	do    func(*shard) error
	reply chan error
}

func newShard(st *store, number int, waiting *semaphore.Weighted) (*shard, error) {
	c, err := st.connect()
	if err != nil {
		return nil, err
	}
	s := &shard{store: st, conn: c, queue: make(chan request, 256), waiting: waiting, done: make(chan struct{})}
	for _, t := range model.Tables {
		b := newBatch(t, number, &st.config.limits, st.rows[t.Name] > 0, st.deletes[t.Name] > 0)
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
			s.waiting.Release(r.part.weight())
		}
		s.store.fail(err)
	}
}

// gather adds changes to the batches and settles those that are full.
func (s *shard) gather(p *part) error {
	l := &s.store.config.limits
	for _, r := range p.rows {
		b := s.batches[r.table]
		b.add(p.block, r)
		if n := len(b.rows); n == l.lookRows || n == l.insertRows && b.seen != nil {
			if err := s.insert(b); err != nil {
				return err
			}
		}
	}
	bytes := 0
	for _, b := range s.batches {
		bytes += b.size
	}
	if bytes >= l.insertBytes {
		if err := s.insert(s.batches...); err != nil {
			return err
		}
	}
	if s.rows >= l.commitRows {
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
	return p.apply(s.conn)
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
