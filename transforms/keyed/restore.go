package keyed

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
)

func init() {
	register.DoFn3x0[[]byte, func(beam.EventTime, string, []byte), func(beam.EventTime, string, []byte)](&RestoreFn{})
	register.Emitter3[beam.EventTime, string, []byte]()
}

// String returns the key that the keys of a kind share.
func (k Kind) String() string { return [...]string{"tasks", "workers"}[k] }

// RestoreFn wakes what an earlier process left in the store: of tasks and of workers each time that keys wait for.
type RestoreFn struct {
	Job string
}

// ProcessElement is called once.
func (fn *RestoreFn) ProcessElement(_ []byte, tasks, workers func(beam.EventTime, string, []byte)) {
	s := StoreOf(fn.Job)
	for kind, emit := range map[Kind]func(beam.EventTime, string, []byte){Task: tasks, Worker: workers} {
		for _, at := range s.Times(kind) {
			emit(beam.EventTime(at), kind.String(), nil)
		}
	}
}

// Restore returns (key of all tasks, nothing) and (key of all workers, nothing) of what an earlier process left, each at a time at which a timer has to be set.
func Restore(s beam.Scope, job string) (tasks, workers beam.PCollection) {
	s = s.Scope("keyed.Restore")
	return beam.ParDo2(s, &RestoreFn{Job: job}, beam.Impulse(s))
}
