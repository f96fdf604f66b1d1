package bigquery

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"flexbeam/pipeline/io/storagewrite"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A streamer stores changes through the Storage Write API.
type streamer struct {
	router  *router
	config  config
	known   *known
	writer  *storagewrite.Writer
	buffers []buffer // by table
	arrival arrival
	far     farRows
	leases  leases
	held    *holder                   // nil: changes are sent as they come
	now     atomic.Pointer[time.Time] // when the newest block came

	mu     sync.Mutex
	cause  error // the error that failed was made of
	failed error
}

// A buffer is a table that is streamed to.
type buffer struct {
	encoder *encoder
	table   *storagewrite.Table
}

func newStreamer(r *router) (*streamer, error) {
	p := r.sink.config
	w, err := p.storage()
	if err != nil {
		return nil, fmt.Errorf("bigquery: %w", err)
	}
	s := &streamer{router: r, config: p, known: newKnown(r.sink), writer: w}
	s.leases.until, s.leases.dirty = make([]time.Time, len(tables)), make([]bool, len(tables))
	s.tick()
	if r.sink.bounded && !r.sink.resend {
		s.held = &holder{sink: r.sink, put: s.send, lists: make([]heldList, len(tables))}
	}
	for _, t := range tables {
		b := buffer{encoder: newEncoder(t)}
		b.table, err = w.Table(p.path(t), b.encoder.descriptor, func(refused []storagewrite.Refused) error { return s.deadLetters(t, refused) })
		if err != nil {
			return nil, fmt.Errorf("bigquery: %w", err)
		}
		s.buffers = append(s.buffers, b)
	}
	return s, nil
}

// told returns an error of the writer as the sink tells it; one error is told as one.
func (s *streamer) told(err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != err {
		s.cause, s.failed = err, fmt.Errorf("bigquery: %w", explain(err))
	}
	return s.failed
}

// begin waits until there is room for a block.
func (s *streamer) begin(ctx context.Context) error {
	s.tick()
	return s.told(s.writer.Wait(ctx))
}

func (s *streamer) tick() {
	now := time.Now()
	s.now.Store(&now)
	s.arrival.advance(now)
}

// change stores a change of a block that the dataset does not have yet.
func (s *streamer) change(ctx context.Context, c change.Change, b change.Block) error {
	if s.held == nil {
		return s.send(ctx, c, b)
	}
	t := tables[c.Table]
	if known := &s.router.sink.stored; known.any.Load() {
		clean(c.Row)
		if known.has(t, c) {
			return nil
		}
	}
	return s.held.add(ctx, t, c, b)
}

// send stores a change of a block. What is older than what is known of its row is left out.
func (s *streamer) send(ctx context.Context, c change.Change, b change.Block) error {
	t := tables[c.Table]
	m := &s.known.of[t.id]
	if !m.about() {
		return s.pass(ctx, c)
	}
	if err := s.known.cover(ctx, t, c.Row, b); err != nil {
		return err
	}
	clean(c.Row)
	if m.newer(t.appendKey(nil, c.Row), c.Version()) {
		return nil
	}
	if s.known.asks(t, c) {
		return s.known.wait(ctx, t, c, s.pass)
	}
	return s.pass(ctx, c)
}

// pass stores a change, and remembers it if it is a delete.
func (s *streamer) pass(ctx context.Context, c change.Change) error {
	t := tables[c.Table]
	if err := s.put(ctx, t, c.Row, c.Delete, c.Version()); err != nil || !c.Delete || c.Forget {
		return err
	}
	clean(c.Row)
	return s.remember(ctx, t, string(t.appendKey(nil, c.Row)), c.Version(), t.rowTime(c.Row, *s.now.Load()))
}

// remember stores that a row of a time was deleted.
func (s *streamer) remember(ctx context.Context, t *table, key string, version int64, at model.Value) error {
	return s.put(ctx, deletesTable, model.Row{model.Text(t.name), model.Text(key), model.Integer(version), at}, false, version)
}

func (s *streamer) put(ctx context.Context, t *table, row model.Row, gone bool, version int64) error {
	if err := s.announce(ctx, t, *s.now.Load()); err != nil {
		return s.told(err)
	}
	arrival, to := s.arrival.next(), &s.buffers[t.id]
	number := sequence(version, arrival)
	return s.told(to.table.Append(ctx, number[:], gone, func(b []byte) ([]byte, error) { return to.encoder.append(b, row, gone, arrival) }))
}

// say stores until when rows of a table may be on their way.
func (s *streamer) say(ctx context.Context, t *table, until time.Time) error {
	return s.storeRow(ctx, deletesTable, model.Row{model.Text(writtenName), model.Text(t.name), model.Integer(until.UnixMilli())}, until.UnixMilli())
}

// store stores a dead letter at once.
func (s *streamer) store(ctx context.Context, letter model.Row) error {
	return s.storeRow(ctx, deadLettersTable, letter, letter[len(letter)-1].Num)
}

func (s *streamer) storeRow(ctx context.Context, t *table, row model.Row, version int64) error {
	arrival, to := s.arrival.next(), &s.buffers[t.id]
	b, err := to.encoder.append(nil, row, false, arrival)
	if err != nil {
		return err
	}
	number := sequence(version, arrival)
	return to.table.Store(ctx, []storagewrite.Mutation{{Row: b, Sequence: number[:]}})
}

// flush returns when all changes are stored.
func (s *streamer) flush(ctx context.Context) error {
	if s.held != nil {
		if err := s.held.flush(ctx); err != nil {
			return err
		}
	}
	if err := s.known.passAll(ctx, s.pass); err != nil {
		return err
	}
	err := s.writer.Flush(ctx)
	if err == nil {
		err = s.confirm(ctx)
	}
	return s.told(err)
}

// close flushes, and tells of rows whose days cannot be streamed.
func (s *streamer) close(ctx context.Context) error {
	err := s.told(s.writer.Close(ctx))
	s.far.tell()
	s.router.sink.stored.tell()
	return err
}
