package bigquery

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/googleapis/gax-go/v2"
)

// A retrier waits between the attempts of a request: up to 100 ms at first, up to twice as long
// each time, 30 s at most.
type retrier struct {
	backoff gax.Backoff
	until   time.Time
}

// newRetrier returns one whose attempts end after limit.
func newRetrier(limit time.Duration) *retrier {
	return &retrier{gax.Backoff{Initial: 100 * time.Millisecond, Max: 30 * time.Second, Multiplier: 2}, time.Now().Add(limit)}
}

// wait waits for the next attempt. It returns false when the time for attempts is over or ctx ends.
func (r *retrier) wait(ctx context.Context) bool {
	return !time.Now().After(r.until) && gax.Sleep(ctx, r.backoff.Pause()) == nil
}

// retry calls f until it succeeds or fails for good, at most as long as the option retry says.
func (w *Writer) retry(ctx context.Context, f func(context.Context) error) error {
	ctx, p := w.config.timeLimit(ctx)
	defer p.end()
	r := newRetrier(w.config.retry)
	for {
		err := f(ctx)
		if err == nil || !retryable(err) || !r.wait(ctx) {
			return p.told(err)
		}
	}
}

// retried is retry of what has an answer.
func retried[T any](ctx context.Context, w *Writer, f func(context.Context) (T, error)) (answer T, err error) {
	err = w.retry(ctx, func(ctx context.Context) (err error) { answer, err = f(ctx); return err })
	return answer, err
}

// look returns what BigQuery says of a table or view.
func (w *Writer) look(ctx context.Context, t *bigquery.Table) (*bigquery.TableMetadata, error) {
	return retried(ctx, w, func(ctx context.Context) (*bigquery.TableMetadata, error) { return t.Metadata(ctx) })
}

// A timeLimit ends the context of requests that Google's client would try for ever by itself: when
// the time for attempts is over and none is under way, or has been for as long as a single one may
// take.
type timeLimit struct {
	config   config
	cancel   context.CancelFunc
	underway atomic.Bool // a request has a connection, and no answer yet

	mu    sync.Mutex
	began time.Time
	quiet bool // nothing was under way at the last look
	over  bool
	timer *time.Timer
}

// shortestRetry is how long the first attempt may take to find a connection, whatever the option
// retry says.
const shortestRetry = time.Second

// timeLimit returns a context that it ends, and is ended itself when it is no longer needed.
func (p config) timeLimit(ctx context.Context) (context.Context, *timeLimit) {
	ctx, cancel := context.WithCancel(ctx)
	t := &timeLimit{config: p, cancel: cancel, began: time.Now()}
	t.timer = time.AfterFunc(max(p.retry, shortestRetry), t.look)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { t.underway.Store(true) },
		GotFirstResponseByte: func() { t.underway.Store(false) },
	}), t
}

// begin starts the time anew: something came back.
func (t *timeLimit) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.began, t.quiet = time.Now(), false
	t.timer.Reset(max(t.config.retry, shortestRetry))
}

// look ends the context if that is due. An answer that is being read has until the next look.
func (t *timeLimit) look() {
	t.mu.Lock()
	defer t.mu.Unlock()
	quiet := !t.underway.Load()
	if quiet && t.quiet || time.Since(t.began) > t.config.retry+t.config.timeout {
		t.over = true
		t.cancel()
		return
	}
	t.quiet = quiet
	t.timer.Reset(shortestRetry / 4)
}

// told returns an error as the one of an option, if that ended the context.
func (t *timeLimit) told(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil || !t.over {
		return err
	}
	return fmt.Errorf("given up after %v, the option retry is %v: %w", time.Since(t.began).Round(time.Second/10), t.config.retry, err)
}

func (t *timeLimit) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer.Stop()
	t.cancel()
}
