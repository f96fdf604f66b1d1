package customer

import (
	"context"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn6x1[beam.EventTime, state.Provider, timers.Provider, string, []byte, func([]byte), error](&LiveFn{})
	register.Emitter1[[]byte]()
}

// rememberedFor is how long a contact that is not seen again is remembered. A sighting that is older than what the sink holds
// loses there by its version, so forgetting changes no row.
const rememberedFor = 24 * time.Hour

// LiveFn is StreamFn for a stream without an end: it forgets contacts that are not seen for a day.
type LiveFn struct {
	Job    string
	Newest state.Value[[]byte]
	Forget timers.EventTime

	store *keyed.Store
}

// Setup finds the store.
func (fn *LiveFn) Setup() { fn.store = keyed.StoreOf(fn.Job) }

// ProcessElement takes sightings of one contact.
func (fn *LiveFn) ProcessElement(ts beam.EventTime, sp state.Provider, tp timers.Provider, contact string, sightings []byte, emit func([]byte)) error {
	newer, err := take(fn.Newest, sp, contact, sightings, emit)
	if err != nil {
		return err
	}
	if newer {
		keyed.SetTimer(fn.Forget, tp, int64(ts)+rememberedFor.Milliseconds())
	}
	fn.store.OnTheWay(-1)
	return nil
}

// OnTimer forgets a contact.
func (fn *LiveFn) OnTimer(_ context.Context, _ beam.EventTime, sp state.Provider, _ timers.Provider, _ string, _ timers.Context, _ func([]byte)) error {
	return fn.Newest.Clear(sp)
}

// Live turns (contact, Sightings) into blocks of changes.
func Live(s beam.Scope, job string, sightings beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("customer.Live"), &LiveFn{
		Job: job, Newest: state.MakeValueState[[]byte]("newest"), Forget: timers.InEventTime("forget"),
	}, sightings)
}
