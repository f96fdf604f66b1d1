// Package runtime holds what the transforms of one job share in one process: its counters, its
// sink, what the sink held when the job began, and the driver's store of states. It is the only
// registry of the program.
//
// The process that starts a job shares what it has opened (Start). A process that only runs
// transforms of a job, a remote worker, opens what can be opened from what travels with the
// transforms, once for all of them: the sink, and from it the prior rows. What cannot be opened
// there, the store of states, is an error.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// A Job is what every transform carries, to find what its process shares.
type Job struct {
	ID   string // of this run of the job
	Sink string // the sink's URI

	HidePayload bool // dead letters are written without their record

	TextSink string `json:",omitempty"` // the URI of the sink of turn_contents; empty: Sink
	Columns  string `json:",omitempty"` // the Text of the job's model.Attributes
	// Turns says how a worker that does not run the job fetches transcripts, as RegisterTranscripts reads
	// it; empty: it fetches none. It names secrets and holds none.
	Turns string `json:",omitempty"`
}

// A Runtime is what one process shares for one job. What is set is set before the first transform
// starts.
type Runtime struct {
	Job      Job
	Counters *telemetry.Counters

	// States is what the driver of keyed states keeps in this process; nil on a remote worker.
	States any
	// Source is the control of a source without an end that was begun in this process; else nil.
	Source any
	// Texts reads the text of a record again; nil where it cannot be.
	Texts event.TextReader
	// ContactKey hashes contacts. It never travels: a remote worker takes it from its environment.
	ContactKey string
	// Transcripts fetches transcripts; nil where none are fetched. A remote worker opens it when a
	// transform asks for its Env.
	Transcripts keyed.Transcripts
	// Found is told what a job that heals has found; nil: nobody is.
	Found func(keyed.Finding)

	mu       sync.Mutex
	remote   bool
	users    int // transforms that Acquire was called for
	keyError error
	pool     Transcripts // that was opened for Transcripts here
	out      sink.Sink
	prior    *keyed.PriorRows
	known    bool // prior is what it stays
	shared   map[string]any
	reported map[string]int64 // of each counter, what Report has told
	failed   error
}

var (
	mu   sync.Mutex
	jobs = map[string]*Runtime{}
)

// Start makes what a process has opened for a job the one that its transforms use, until End.
func Start(j Job, c *telemetry.Counters, out sink.Sink, prior *keyed.PriorRows) *Runtime {
	r := &Runtime{Job: j, Counters: c, out: out, prior: prior, known: true}
	mu.Lock()
	defer mu.Unlock()
	jobs[j.ID] = r
	return r
}

// End ends Start. It closes nothing.
func (r *Runtime) End() {
	mu.Lock()
	defer mu.Unlock()
	if jobs[r.Job.ID] == r {
		delete(jobs, r.Job.ID)
	}
}

// Acquire returns what this process shares for a job. A transform calls it in Setup, and Release in
// Teardown.
func Acquire(j Job) *Runtime {
	mu.Lock()
	defer mu.Unlock()
	r := jobs[j.ID]
	if r == nil {
		r = &Runtime{Job: j, Counters: telemetry.New(time.Now), remote: true, Texts: remoteTexts}
		r.ContactKey, r.keyError = EnvironmentKey()
		jobs[j.ID] = r
	}
	if r.Job.Sink == "" {
		r.Job = j
	}
	r.users++
	return r
}

// Lookup returns what the process that runs a job shares for it; nil in any other.
func Lookup(id string) *Runtime {
	mu.Lock()
	defer mu.Unlock()
	if r := jobs[id]; r != nil && !r.remote {
		return r
	}
	return nil
}

// Counters returns the counters of a job; those of nobody in a process that has nothing of it.
func Counters(id string) *telemetry.Counters {
	mu.Lock()
	defer mu.Unlock()
	if r := jobs[id]; r != nil {
		return r.Counters
	}
	return telemetry.New(time.Now)
}

// Share returns what the transforms of the job share in this process under a name. The first of them
// makes it.
func (r *Runtime) Share(name string, first func() any) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.shared[name]; ok {
		return v
	}
	if r.shared == nil {
		r.shared = map[string]any{}
	}
	v := first()
	r.shared[name] = v
	return v
}

// Release gives back what Acquire gave. The last one closes what this process opened for the job by
// itself.
func (r *Runtime) Release(ctx context.Context) error {
	mu.Lock()
	defer mu.Unlock()
	r.users--
	if !r.remote || r.users > 0 {
		return nil
	}
	delete(jobs, r.Job.ID)
	if r.pool != nil {
		r.pool.Close()
	}
	if r.out == nil {
		return nil
	}
	return closeSink(ctx, r.Job)
}

// Remote tells whether this process does not run the job, but only transforms of it: then every
// bundle has to flush the sink, since nobody else does.
func (r *Runtime) Remote() bool { return r.remote }

// ErrMissing says that a transform needs what only the process that runs the job has.
var ErrMissing = errors.New("this process does not run the job")

// Sink returns the job's sink.
func (r *Runtime) Sink(ctx context.Context) (sink.Sink, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sink(ctx)
}

func (r *Runtime) sink(ctx context.Context) (sink.Sink, error) {
	if r.out != nil {
		return r.out, nil
	}
	if r.Job.Sink == "" {
		return nil, fmt.Errorf("%w, and the job names no sink", ErrMissing)
	}
	out, err := openSink(ctx, r.Job)
	if err != nil {
		return nil, fmt.Errorf("open the sink on this worker: %w", err)
	}
	r.out = out
	return out, nil
}

// PriorRows returns what finds rows of other jobs in the sink; nil if it held nothing when the job
// began.
func (r *Runtime) PriorRows(ctx context.Context) (*keyed.PriorRows, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known {
		return r.prior, nil
	}
	out, err := r.sink(ctx)
	if err != nil {
		return nil, err
	}
	r.prior, r.known = keyed.NewPriorRows(out), true
	return r.prior, nil
}

// Note is deferred in transforms: it keeps the first error that one returns, or panics with. Prism
// sometimes answers for a transform that failed that the pipeline is stuck, and not why.
func (r *Runtime) Note(err *error) {
	p := recover()
	failed := *err
	if p != nil {
		failed = fmt.Errorf("panic: %v", p)
	}
	if failed != nil && !errors.Is(failed, context.Canceled) {
		r.mu.Lock()
		if r.failed == nil {
			r.failed = failed
		}
		r.mu.Unlock()
	}
	if p != nil {
		panic(p)
	}
}

// Failure returns the first error of a transform in this process; nil without one.
func (r *Runtime) Failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// Env returns what the rules of a kind take from this process. On a remote worker it fails if the
// contact key, or the secret with which transcripts are fetched, cannot be read.
func (r *Runtime) Env() (keyed.Env, error) {
	a, err := r.Attributes()
	if err != nil {
		return keyed.Env{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keyError != nil {
		return keyed.Env{}, r.keyError
	}
	if r.remote && r.Job.Turns != "" && r.pool == nil {
		if remoteTranscripts == nil {
			return keyed.Env{}, fmt.Errorf("%w, and cannot fetch transcripts", ErrMissing)
		}
		pool, err := remoteTranscripts(r.Job.Turns, r.Counters)
		if err != nil {
			return keyed.Env{}, fmt.Errorf("transcripts cannot be fetched: %w: the environment of this worker has to hold it", err)
		}
		r.pool, r.Transcripts = pool, pool
	}
	return keyed.Env{Texts: r.Texts, ContactKey: r.ContactKey, Transcripts: r.Transcripts, Attributes: a, Found: r.Found}, nil
}

// Attributes returns the attributes that the job reads.
func (r *Runtime) Attributes() (*model.Attributes, error) { return model.ReadAttributes(r.Job.Columns) }
