package keyed

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
)

func init() {
	register.DoFn3x0[[]byte, func(beam.EventTime, string, []byte), func(beam.EventTime, string, []byte)](&RestoreFn{})
	register.Emitter3[beam.EventTime, string, []byte]()
}

// RestoreFn wakes the keys that an earlier process left in the store: tasks and workers, each with nothing, at the time when they last
// got something.
type RestoreFn struct {
	Job string
}

// ProcessElement is called once.
func (fn *RestoreFn) ProcessElement(_ []byte, tasks, workers func(beam.EventTime, string, []byte)) {
	StoreOf(fn.Job).Waiting(func(kind Kind, key string, arrival int64) {
		if kind == Task {
			tasks(beam.EventTime(arrival), key, nil)
		} else {
			workers(beam.EventTime(arrival), key, nil)
		}
	})
}

// Restore returns (account and task SID, nothing) and (account and worker SID, nothing) of what an earlier process left.
func Restore(s beam.Scope, job string) (tasks, workers beam.PCollection) {
	s = s.Scope("keyed.Restore")
	return beam.ParDo2(s, &RestoreFn{Job: job}, beam.Impulse(s))
}
