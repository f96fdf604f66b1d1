package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/googleapis/gax-go/v2"
)

// Open returns a reader of at most length bytes of an object from an offset on. No call is made until
// it is read. Its errors name the object; they wrap ErrChanged if it is not what it was when it was
// listed. Close it.
func (c *Client) Open(ctx context.Context, o Object, offset, length int64) io.ReadCloser {
	return &reader{ctx: ctx, c: c, o: o, at: offset, end: min(offset+length, o.Size), backoff: c.backoff}
}

var errCut = errors.New("the answer ended before its end")

// A reader reads a part of an object, and goes on where a connection broke.
type reader struct {
	ctx     context.Context
	c       *Client
	o       Object
	at, end int64

	body   io.ReadCloser      // nil: it has to be opened
	cancel context.CancelFunc // of body
	timer  *time.Timer        // cancels when nothing comes

	failures int // in a row
	backoff  gax.Backoff
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.at < r.end {
		n, err := r.once(p[:min(int64(len(p)), r.end-r.at)])
		r.at += int64(n)
		if err != nil {
			r.drop()
		}
		if n > 0 {
			r.failures, r.backoff = 0, r.c.backoff
			return n, nil
		}
		if err == nil {
			continue
		}
		r.failures++
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errCut
		}
		if err = r.c.again(r.ctx, err, r.failures, &r.backoff); err != nil {
			return 0, fmt.Errorf("read %s at byte %d: %w", r.o.URL, r.at, err)
		}
	}
	return 0, io.EOF
}

// once reads once, within the time in which something has to come.
func (r *reader) once(p []byte) (int, error) {
	if r.body == nil {
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	r.timer.Reset(r.c.idle)
	defer r.timer.Stop()
	n, err := r.body.Read(p)
	if err != nil && n == 0 && r.ctx.Err() == nil && errors.Is(err, context.Canceled) {
		err = fmt.Errorf("nothing came for %v", r.c.idle)
	}
	return n, explain(err, ErrChanged) // one SDK opens broken connections anew by itself
}

func (r *reader) open() error {
	at, err := parse(r.o.URL)
	if err != nil {
		return err
	}
	s, err := r.c.store(r.ctx, at.scheme)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.ctx)
	timer := time.AfterFunc(r.c.idle, cancel)
	body, err := s.open(ctx, at, r.o.Version, r.at, r.end-r.at)
	if !timer.Stop() && err != nil && r.ctx.Err() == nil {
		err = fmt.Errorf("no answer for %v", r.c.idle)
	}
	if err != nil {
		cancel()
		return err
	}
	r.body, r.cancel, r.timer = body, cancel, timer
	return nil
}

// drop gives up the connection.
func (r *reader) drop() {
	if r.body != nil {
		r.cancel()
		_ = r.body.Close() // what was read is right; the rest is read anew
		r.body = nil
	}
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.drop()
	return nil
}
