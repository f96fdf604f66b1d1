package runtime

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
)

// Metrics is the namespace of the counters that Report tells a runner.
const Metrics = "flexbeam"

// A metric is a counter of telemetry under a name of Beam's metrics.
type metric struct {
	counter beam.Counter
	value   func(*telemetry.Counters) int64
}

// metrics are what a remote worker reports. Their names are those of the job's own metrics without
// prefix and suffix, and with the value of a label behind them.
var metrics = func() (all []metric) {
	add := func(name string, value func(*telemetry.Counters) int64) {
		all = append(all, metric{beam.NewCounter(Metrics, name), value})
	}
	add("records", func(c *telemetry.Counters) int64 { return c.Records.Load() })
	add("read_bytes", func(c *telemetry.Counters) int64 { return c.Bytes.Load() })
	add("events", func(c *telemetry.Counters) int64 { return c.Events.Load() })
	add("distinct_events", func(c *telemetry.Counters) int64 { return c.Distinct.Load() })
	add("duplicates", func(c *telemetry.Counters) int64 { return c.Repeats.Load() })
	add("dropped", func(c *telemetry.Counters) int64 { return c.Dropped.Load() })
	add("bad_attributes", func(c *telemetry.Counters) int64 { return c.BadAttrs.Load() })
	add("dead_letters", func(c *telemetry.Counters) int64 { return c.DeadLetters.Load() })
	add("left_alone_task", func(c *telemetry.Counters) int64 { return c.TasksLeft.Load() })
	add("left_alone_quarter_hour", func(c *telemetry.Counters) int64 { return c.QuartersLeft.Load() })
	add("unbegun_tasks", func(c *telemetry.Counters) int64 { return c.Unbegun.Load() })
	for _, t := range model.Tables {
		add("rows_"+t.Name+"_upsert", func(c *telemetry.Counters) int64 { return c.Changes[t.ID].Load() })
		add("rows_"+t.Name+"_delete", func(c *telemetry.Counters) int64 { return c.Deleted[t.ID].Load() })
	}
	for _, s := range evidence.Signs {
		add("missing_"+s.Name, func(c *telemetry.Counters) int64 { return c.Missing.Counts()[s.Missing] })
		add("missing_of_"+s.Name, func(c *telemetry.Counters) int64 { return c.Missing.Counts()[s.Of] })
	}
	return all
}()

// Report tells the runner what this process has counted since the last call. Only a remote worker has
// something to tell: the process that runs the job shows its counters by itself. A transform calls it
// at the end of a bundle.
func (r *Runtime) Report(ctx context.Context) {
	if !r.remote {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reported == nil {
		r.reported = make([]int64, len(metrics))
	}
	for i, m := range metrics {
		if now := m.value(r.Counters); now != r.reported[i] {
			m.counter.Inc(ctx, now-r.reported[i])
			r.reported[i] = now
		}
	}
}
