// Package transcripts fetches the transcripts of conversations for the transforms of a process: in a
// pool of goroutines that no bundle waits for, unless it has nothing else to do.
//
// A transcript that is fetched waits until it is taken. So that memory stays bounded, no more are
// begun then than may be on their way or wait; who is refused comes back later. Jobs whose input
// has an end begin all that a bundle has at once, and take them one after the other.
package transcripts

import (
	"context"
	"errors"
	"sync"
	"time"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/turn"
	"flexbeam/transforms/keyed"
)

// mostHeld is how many transcripts may be on their way or wait to be taken.
const mostHeld = 256

// stale is after how long a transcript that nobody takes is given up: who asked is gone.
const stale = 10 * time.Minute

// ErrClosed says that the pool was closed.
var ErrClosed = errors.New("the job has ended: no more transcripts are fetched")

// A Fetch fetches the transcript of a conversation. It returns an error only when ctx has ended.
type Fetch func(ctx context.Context, sid string) (*turn.Transcript, error)

// A Pool is a keyed.Transcripts for one account.
type Pool struct {
	account string
	fetch   Fetch
	had     bool
	every   time.Duration
	count   *telemetry.Counters
	places  chan struct{} // of fetches that run at once
	ctx     context.Context
	cancel  context.CancelCauseFunc
	running sync.WaitGroup

	mu   sync.Mutex
	jobs map[string]*job
	free []*job // in the order in which they were begun; those that were started meanwhile are passed over
}

var _ keyed.Transcripts = (*Pool)(nil)

// A job is a transcript that was begun.
type job struct {
	sid     string
	started bool
	done    chan struct{}
	ended   time.Time
	t       *turn.Transcript
	err     error
}

// Options say how a pool fetches.
type Options struct {
	Account  string
	Parallel int           // transcripts at once
	Had      bool          // what the sink has need not be fetched again
	Every    time.Duration // how often the transcript of an open conversation is fetched
}

// NewPool returns a pool. Close ends it.
func NewPool(o Options, fetch Fetch, count *telemetry.Counters) *Pool {
	p := &Pool{
		account: o.Account, fetch: fetch, had: o.Had, every: o.Every, count: count,
		places: make(chan struct{}, max(1, o.Parallel)), jobs: map[string]*job{},
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	return p
}

// Close ends all fetches and waits for that.
func (p *Pool) Close() {
	p.mu.Lock()
	p.cancel(ErrClosed)
	p.mu.Unlock()
	p.running.Wait()
}

// Serves implements keyed.Transcripts.
func (p *Pool) Serves(account string) bool { return account == p.account }

// Had implements keyed.Transcripts.
func (p *Pool) Had() bool { return p.had }

// Every implements keyed.Transcripts.
func (p *Pool) Every() time.Duration { return p.every }

// Now implements keyed.Transcripts.
func (p *Pool) Now() time.Time { return p.count.Now() }

// Counted implements keyed.Transcripts.
func (p *Pool) Counted(o keyed.TranscriptOutcome) {
	switch o {
	case keyed.Fetched:
		p.count.Transcripts.Fetched.Add(1)
	case keyed.Gone:
		p.count.Transcripts.Gone.Add(1)
	case keyed.Spared:
		p.count.Transcripts.Spared.Add(1)
	case keyed.Incomplete:
		p.count.DeadLetter(telemetry.Incomplete, 1)
	}
}

// Begin implements keyed.Transcripts.
func (p *Pool) Begin(_, sid string, must bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.jobs[sid] != nil {
		return true
	}
	if len(p.jobs) >= mostHeld && !must {
		p.giveUp()
		if len(p.jobs) >= mostHeld {
			return false
		}
	}
	j := &job{sid: sid, done: make(chan struct{})}
	p.jobs[sid] = j
	p.free = append(p.free, j)
	p.next()
	return true
}

// giveUp forgets transcripts that nobody has taken. The lock is held.
func (p *Pool) giveUp() {
	for sid, j := range p.jobs {
		if !j.ended.IsZero() && time.Since(j.ended) > stale {
			delete(p.jobs, sid)
		}
	}
}

// next starts jobs as long as there is a place for one. The lock is held.
func (p *Pool) next() {
	for len(p.free) > 0 && p.ctx.Err() == nil {
		if p.free[0].started {
			p.free = p.free[1:]
			continue
		}
		select {
		case p.places <- struct{}{}:
		default:
			return
		}
		j := p.free[0]
		p.free = p.free[1:]
		j.started = true
		p.running.Add(1)
		go func() {
			defer p.running.Done()
			p.run(j)
			<-p.places
			p.mu.Lock()
			defer p.mu.Unlock()
			p.next()
		}()
	}
}

// run fetches the transcript of a job.
func (p *Pool) run(j *job) {
	t, err := p.fetch(p.ctx, j.sid)
	p.mu.Lock()
	defer p.mu.Unlock()
	j.t, j.err, j.ended = t, err, time.Now()
	close(j.done)
}

// Take implements keyed.Transcripts. Who waits for one that has not started yet fetches it himself.
func (p *Pool) Take(_, sid string, wait bool) (t *turn.Transcript, begun bool, err error) {
	p.mu.Lock()
	j := p.jobs[sid]
	own := j != nil && wait && !j.started
	if own {
		j.started = true
	}
	p.mu.Unlock()
	switch {
	case j == nil:
		return nil, false, p.closed()
	case own:
		p.run(j)
	case wait:
		select {
		case <-j.done:
		case <-p.ctx.Done():
			return nil, true, context.Cause(p.ctx)
		}
	}
	select {
	case <-j.done:
	default:
		return nil, true, p.closed()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.jobs, sid)
	return j.t, true, j.err
}

func (p *Pool) closed() error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	return nil
}
