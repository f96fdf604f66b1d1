package taskrouter

import (
	"context"
	"errors"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/twilio"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/record"
)

func init() {
	beam.RegisterDoFn(&readFn{})
	beam.RegisterType(reflect.TypeFor[Plan]())
	register.Emitter1[record.Batch]()
	register.Emitter1[record.Agent]()
}

// readFn reads the events of a plan, and then tells of agents whom none of them names.
type readFn struct {
	Job string
}

// ProcessElement reads a plan.
func (fn *readFn) ProcessElement(ctx context.Context, p Plan, batches func(record.Batch), agents func(record.Agent)) (err error) {
	if r := runtime.Lookup(fn.Job); r != nil {
		defer r.Note(&err)
	}
	count := runtime.Counters(fn.Job)
	client, err := p.client(func(c twilio.Call) {
		count.Twilio.Requested(c.Product, c.Outcome(), c.Attempt > 1, c.Waited)
		if errors.Is(c.Kind, twilio.ErrThrottled) {
			count.Throttled.Add(1)
		}
	})
	if err != nil {
		return err
	}
	defer client.Close()
	count.Twilio.Limited(telemetry.TwilioLimit{Account: p.Account, Use: "log"}, client.Limit)
	keep, err := newKeeper(p.Keep, p.Account, p.Workspace)
	if err != nil {
		return err
	}
	f, seen := &fetcher{p, client, keep}, newMentioned()
	given := map[string]bool{} // SIDs of events, where tasks are read whole that windows have a part of
	emit := func(r records) error {
		if p.Whole {
			r = r.without(given)
		}
		if len(r.ends) > 0 {
			batches(record.Batch{Source: "taskrouter", Name: p.Workspace, FirstLine: 1, Data: r.data, Ends: r.ends, Positions: r.sids})
		}
		return ctx.Err()
	}
	err = f.each(ctx, func(r records) error {
		if p.Snapshots || p.Whole {
			r.each(seen.add)
		}
		return emit(r)
	})
	if err == nil && p.Whole {
		err = f.whole(ctx, seen, emit)
	}
	if err != nil || !p.Snapshots {
		return err
	}
	all, err := f.agents(ctx, seen.workers)
	for _, a := range all {
		agents(a)
	}
	return err
}
