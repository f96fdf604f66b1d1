// Package runners says which runners this program has and what each of them can do.
//
// A runner is a package beside this one that registers itself. A job names the runner that it
// wants, or says what it needs and takes the fastest that offers it.
package runners

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/runners/portable"
)

// Capabilities are what a runner can do, or what a job needs of its runner.
type Capabilities struct {
	Unbounded bool // read sources that have no end
	State     bool // keep state and event-time timers for each key
}

// Has tells whether everything that need asks for is there.
func (c Capabilities) Has(need Capabilities) bool {
	return (c.Unbounded || !need.Unbounded) && (c.State || !need.State)
}

// A Runner runs pipelines.
type Runner struct {
	Name string
	Capabilities
	Encodes bool // elements are encoded between stages, so it pays to make them small
	Rank    int  // the lower, the faster: what one element costs, compared with other runners

	// Keeps says that the runner keeps positions and states of a stream by itself, over restarts of
	// this program.
	Keeps bool

	// Run runs a pipeline to its end. When ctx ends before, it stops the pipeline, and no other one
	// of the process, and returns the cause of ctx. A runner that keeps the state of a stream leaves it
	// so that a job can go on, and returns no error.
	Run func(ctx context.Context, p *beam.Pipeline, j Job) error
}

// A Job is what a runner is told of a job beside its pipeline.
type Job struct {
	Streaming bool         // keys are processed while more comes
	Bounded   bool         // its source has an end
	Options   any          // of this runner alone, of the type that its package says; nil where it has none
	Log       *slog.Logger // gets what an operator should know

	// Kept is told where the state of a stream is when Run returns, for a job that goes on: the path of
	// a savepoint, or the ID of the job that runs on.
	Kept func(savepoint string)

	// Forbidden must not be in what travels to other machines.
	Forbidden []portable.Forbidden

	// Progress is told from time to time how far a job is that a cluster runs. nil: nobody asks.
	Progress  func(Progress)
	Namespace string // of those of Beam's counters that Progress is told
}

// Progress is how far a job is.
type Progress struct {
	Watermark time.Time        // up to which the job has read; zero: it is not known
	Counters  map[string]int64 // what transforms in other processes have counted in all, by name; nil: there are none
}

var registry struct {
	sync.Mutex
	runners []Runner // the fastest first
}

// Register adds a runner. It panics if there is one of the same name: call it from an init function.
func Register(r Runner) {
	registry.Lock()
	defer registry.Unlock()
	if slices.ContainsFunc(registry.runners, func(o Runner) bool { return o.Name == r.Name }) {
		panic(fmt.Sprintf("runners: %s is registered twice", r.Name))
	}
	registry.runners = append(registry.runners, r)
	slices.SortStableFunc(registry.runners, func(a, b Runner) int { return a.Rank - b.Rank })
}

// All returns the registered runners, the fastest first.
func All() []Runner {
	registry.Lock()
	defer registry.Unlock()
	return slices.Clone(registry.runners)
}

// Names returns the names of the registered runners, the fastest first.
func Names() []string {
	var names []string
	for _, r := range All() {
		names = append(names, r.Name)
	}
	return names
}

// Named returns the runner of a name, and false if none is registered under it.
func Named(name string) (Runner, bool) {
	return first(func(r Runner) bool { return r.Name == name })
}

// Fastest returns the fastest runner that has what a job needs, and false if there is none.
func Fastest(need Capabilities) (Runner, bool) {
	return first(func(r Runner) bool { return r.Has(need) })
}

func first(is func(Runner) bool) (Runner, bool) {
	all := All()
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	return Runner{}, false
}
