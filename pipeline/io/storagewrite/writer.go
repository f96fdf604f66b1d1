package storagewrite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Writer writes to tables. Its methods, and those of its tables, may be called from several
// goroutines. The first error that does not pass is the answer to all further calls.
type Writer struct {
	option   *writeOption
	dial     *dialer
	inFlight *inFlight

	ctx    context.Context // of everything that is under way
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex
	tables []*Table

	once   sync.Once
	failed chan struct{}
	err    error // the first one, once failed is closed
}

// NewWriter returns a writer that works for a project. Options are those of Write. It connects when
// the first rows are sent. The caller closes it.
func NewWriter(project string, opts ...WriteOptionFn) (*Writer, error) {
	o, err := newWriteOption(opts)
	if err != nil {
		return nil, fmt.Errorf("write to BigQuery: %w", err)
	}
	w := &Writer{option: o, inFlight: newInFlight(o.InFlight), failed: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.dial = &dialer{project: project, option: o, ctx: w.ctx}
	w.work.Add(1)
	go w.age()
	return w, nil
}

// age sends each batch that has waited for more rows for batchAge.
func (w *Writer) age() {
	defer w.work.Done()
	tick := time.NewTicker(batchAge / 2)
	defer tick.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case now := <-tick.C:
			w.sendOlder(now, batchAge)
		}
	}
}

func (w *Writer) sendOlder(now time.Time, age time.Duration) {
	w.mu.Lock()
	tables := w.tables
	w.mu.Unlock()
	for _, t := range tables {
		if b := t.buffer.older(now, age); b != nil {
			t.send(b)
		}
	}
}

// Wait waits until there is room for more, or the writer has failed.
func (w *Writer) Wait(ctx context.Context) error {
	if err := w.inFlight.wait(ctx, w.failed); err != nil {
		return fmt.Errorf("wait for BigQuery: %w", err)
	}
	return w.failure()
}

// Flush returns when BigQuery has acknowledged or refused every mutation that was written before.
func (w *Writer) Flush(ctx context.Context) error {
	w.sendOlder(time.Now(), -time.Hour)
	if err := w.inFlight.drain(ctx, w.failed); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return w.failure()
}

// Close flushes, and ends the connections. Further calls fail with ErrClosed.
func (w *Writer) Close(ctx context.Context) error {
	err := w.Flush(ctx)
	w.cancel()
	w.dial.close()
	w.work.Wait()
	w.fail(ErrClosed)
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// fail keeps the first error. All further calls return it.
func (w *Writer) fail(err error) {
	w.once.Do(func() {
		w.err = err
		close(w.failed)
	})
}

func (w *Writer) failure() error {
	select {
	case <-w.failed:
		return w.err
	default:
		return nil
	}
}
