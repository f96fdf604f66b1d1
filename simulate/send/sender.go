package send

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"flexbeam/internal/repeat"
	"flexbeam/simulate"
)

// Options say how records are sent.
type Options struct {
	Speed float64 // multiple of real time; 0: as fast as the stream takes them
	Calls int     // at once; 0: 8
}

const defaultCalls = 8

// Progress is how far sending is.
type Progress struct {
	Sent    int64     // records that the stream has taken
	Bytes   int64     // of their texts
	Retries int64     // records sent again, because the stream refused them or its reply was lost
	Calls   int64     // of PutRecords
	Arrival time.Time // simulated time of the last record that was drawn; zero before the first
}

// Summary is what was drawn and what was sent.
type Summary struct {
	Drawn simulate.Stats
	Progress
	Elapsed time.Duration
	// Behind is how late a record was at most, because the stream or this machine was slower than
	// the speed.
	Behind time.Duration
}

// Sender sends records into one stream.
type Sender struct {
	api     API
	stream  string
	options Options
	chance  func() float64 // from 0 to 1, for pauses
	count   struct{ sent, bytes, retries, calls, arrival atomic.Int64 }
}

// New returns a sender into a stream, which is a name or an ARN.
func New(api API, stream string, o Options) *Sender {
	if o.Calls <= 0 {
		o.Calls = defaultCalls
	}
	return &Sender{api: api, stream: stream, options: o, chance: rand.Float64}
}

// Progress may be called at any time, from any goroutine.
func (s *Sender) Progress() Progress {
	p := Progress{Sent: s.count.sent.Load(), Bytes: s.count.bytes.Load(), Retries: s.count.retries.Load(), Calls: s.count.calls.Load()}
	if ms := s.count.arrival.Load(); ms != 0 {
		p.Arrival = time.UnixMilli(ms).UTC()
	}
	return p
}

// Send draws the records of a config and sends each when its time has come, c.Start, shifted, being
// the moment of the call. It returns when the stream has taken all of them, or with the first error
// that no retry heals (see [Error]), or with the cause of ctx; calls under way then get a moment to
// end. The summary tells what was done until then. A Sender sends once.
func (s *Sender) Send(ctx context.Context, c simulate.Config) (Summary, error) {
	return s.send(ctx, c.Start.Add(c.Shift), func(ctx context.Context, fn func(simulate.Record) error) (simulate.Stats, error) {
		return simulate.Each(ctx, c, fn)
	})
}

// drawing hands records to a function, in order of arrival, until that fails.
type drawing func(context.Context, func(simulate.Record) error) (simulate.Stats, error)

func (s *Sender) send(ctx context.Context, start time.Time, draw drawing) (sum Summary, err error) {
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := time.Now()
	l := &line{
		pace:  pace{begin: begin, start: start, speed: s.options.Speed},
		ctx:   work,
		slots: make(chan struct{}, s.options.Calls),
		fail:  cancel,
		s:     s,
	}
	if sum.Drawn, err = draw(work, l.record); err == nil {
		err = l.flush()
	}
	l.calls.Wait()
	if work.Err() != nil {
		err = context.Cause(work) // of the call that failed, or of ctx, rather than what it led to
	}
	sum.Progress, sum.Elapsed, sum.Behind = s.Progress(), time.Since(begin), l.pace.behind
	if err != nil {
		return sum, err
	}
	return sum, nil
}

// line is the way of the records from the drawing to the calls.
type line struct {
	pace
	batch batch
	ctx   context.Context
	slots chan struct{} // one for each call under way
	calls sync.WaitGroup
	fail  context.CancelCauseFunc
	s     *Sender
}

// record takes a record when it is due.
func (l *line) record(r simulate.Record) error {
	now, err := l.hold(l.due(r.Arrival))
	if err != nil {
		return err
	}
	l.s.count.arrival.Store(r.Arrival.UnixMilli())
	if !l.batch.fits(r.Text) {
		if err := l.flush(); err != nil {
			return err
		}
	}
	l.batch.add(r.Text, now)
	if len(l.batch.entries) == maxEntries {
		return l.flush()
	}
	return nil
}

// hold waits for a moment and lets the batch go meanwhile when that has waited long enough.
func (l *line) hold(until time.Time) (now time.Time, err error) {
	for {
		now = time.Now()
		if l.batch.due(now) {
			if err := l.flush(); err != nil {
				return now, err
			}
			continue
		}
		if l.reached(until, now) {
			return now, nil
		}
		next := l.wake(until, now)
		if len(l.batch.entries) > 0 && l.batch.leave.Before(next) {
			next = l.batch.leave
		}
		if err := repeat.Pause(l.ctx, next.Sub(now)); err != nil {
			return now, err
		}
	}
}

// flush begins the call that sends the batch, as soon as fewer than the most are under way.
func (l *line) flush() error {
	if len(l.batch.entries) == 0 {
		return nil
	}
	select {
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	default:
	}
	select {
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	case l.slots <- struct{}{}:
	}
	entries := l.batch.entries
	l.batch = batch{}
	l.calls.Go(func() {
		defer func() { <-l.slots }()
		if err := l.s.put(l.ctx, entries); err != nil {
			l.fail(err)
		}
	})
	return nil
}
