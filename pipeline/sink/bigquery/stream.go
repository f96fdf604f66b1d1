package bigquery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A streamer stores changes through the Storage Write API.
type streamer struct {
	config   config
	known    *known
	dial     *dialer
	buffers  []*tableBuffer // by table
	inFlight *inFlight
	arrival  arrival

	ctx    context.Context // of everything that is under way
	cancel context.CancelFunc
	work   sync.WaitGroup

	once   sync.Once
	failed chan struct{}
	err    error // the first one, once failed is closed
}

func newStreamer(p config, k *known) *streamer {
	s := &streamer{config: p, known: k, inFlight: newInFlight(inFlightBytes), failed: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.dial = &dialer{config: p, ctx: s.ctx}
	for _, t := range tables {
		s.buffers = append(s.buffers, &tableBuffer{encoder: newEncoder(t), inFlight: s.inFlight})
	}
	s.work.Add(1)
	go s.age()
	return s
}

// age sends each batch that has waited for more rows for batchAge.
func (s *streamer) age() {
	defer s.work.Done()
	tick := time.NewTicker(batchAge / 2)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-tick.C:
			s.sendOlder(now, batchAge)
		}
	}
}

func (s *streamer) sendOlder(now time.Time, age time.Duration) {
	for _, l := range s.buffers {
		if b := l.older(now, age); b != nil {
			s.send(l, b)
		}
	}
}

// write implements settler.
func (s *streamer) write(ctx context.Context, b change.Block) error {
	now := time.Now()
	s.arrival.advance(now)
	if err := s.admit(ctx); err != nil {
		return err
	}
	var full []*batch
	put := func(l *tableBuffer, row model.Row, gone bool, version int64) (err error) {
		full, err = l.add(full[:0], row, gone, version, s.arrival.next(), now)
		for _, b := range full {
			s.send(l, b)
		}
		if err == nil && len(full) > 0 {
			err = s.admit(ctx)
		}
		return err
	}
	var key []byte
	memory := make(model.Row, len(deletesTable.columns))
	return b.Each(func(c change.Change) error {
		t := tables[c.Table]
		if c.Delete || s.known.about(t) {
			clean(c.Row)
			key = t.appendKey(key[:0], c.Row)
			if s.known.newer(t, key, c.Version()) {
				return nil
			}
		}
		if err := put(s.buffers[t.id], c.Row, c.Delete, c.Version()); err != nil || !c.Delete {
			return err
		}
		memory[0] = model.Text(t.name)
		memory[1] = model.Text(string(key))
		memory[2] = model.Integer(c.Version())
		return put(s.buffers[deletesTable.id], memory, false, c.Version())
	})
}

// admit waits until fewer than inFlightBytes are in flight, or the streamer has failed.
func (s *streamer) admit(ctx context.Context) error {
	if err := s.inFlight.wait(ctx, s.failed); err != nil {
		return fmt.Errorf("bigquery: write: %w", err)
	}
	return s.failure()
}

// send stores a batch in the background.
func (s *streamer) send(l *tableBuffer, b *batch) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		err := s.deliver(l.encoder, b.rows())
		if err != nil {
			s.fail(err)
		}
		s.inFlight.done(b.number, b.size)
		if err == nil {
			l.reuse(b)
		}
	}()
}

// deliver sends rows until all are stored. A row that BigQuery refuses is stored as a dead letter.
func (s *streamer) deliver(e *encoder, rows [][]byte) error {
	rows, refusals := large(rows)
	retrier := newRetrier(s.config.retry)
	for attempt := 1; len(rows) > 0; attempt++ {
		conn, refused, err := s.append(e, rows)
		if err == nil {
			break
		}
		if len(refused) > 0 {
			rows, refusals = split(rows, refused, refusals)
			retrier = newRetrier(s.config.retry) // something came back
			continue
		}
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if final(err) || !retrier.wait(s.ctx) {
			return fmt.Errorf("bigquery: write to %s: %w", s.config.path(e.table), explain(err))
		}
		if attempt%3 == 0 || dead(err) {
			s.dial.drop(conn)
		}
	}
	return s.deadLetter(e, refusals)
}

// dead tells whether a connection that failed with err must be replaced. After other errors its client
// reconnects by itself.
func dead(err error) bool {
	return status.Code(err) == codes.Unknown || errors.Is(err, context.DeadlineExceeded)
}

// fail keeps the first error. All further calls return it.
func (s *streamer) fail(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.failed)
	})
}

func (s *streamer) failure() error {
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}

// flush implements settler.
func (s *streamer) flush(ctx context.Context) error {
	s.sendOlder(time.Now(), -time.Hour)
	if err := s.inFlight.drain(ctx, s.failed); err != nil {
		return fmt.Errorf("bigquery: flush: %w", err)
	}
	return s.failure()
}

// close implements settler.
func (s *streamer) close(ctx context.Context) error {
	err := s.flush(ctx)
	s.cancel()
	s.dial.close()
	s.work.Wait()
	return err
}
