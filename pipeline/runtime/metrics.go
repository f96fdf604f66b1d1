package runtime

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
)

// Metrics is the namespace of the counters that Report tells a runner.
const Metrics = "flexbeam"

// lettersOf begins the names of the counters of dead letters by class.
const lettersOf = "dead_letters_"

// A metric is a counter of telemetry, under its name as one of Beam's.
type metric struct {
	name  string
	value func(*telemetry.Counters) int64
	add   func(*telemetry.Counters, int64)
}

// metrics are what a remote worker reports, beside dead letters by class. Their names are those of the
// job's own metrics without prefix and suffix, and with the value of a label behind them.
var metrics = func() (all []metric) {
	add := func(name string, of func(*telemetry.Counters) *atomic.Int64) {
		all = append(all, metric{name,
			func(c *telemetry.Counters) int64 { return of(c).Load() }, func(c *telemetry.Counters, n int64) { of(c).Add(n) }})
	}
	add("records", func(c *telemetry.Counters) *atomic.Int64 { return &c.Records })
	add("read_bytes", func(c *telemetry.Counters) *atomic.Int64 { return &c.Bytes })
	add("events", func(c *telemetry.Counters) *atomic.Int64 { return &c.Events })
	add("distinct_events", func(c *telemetry.Counters) *atomic.Int64 { return &c.Distinct })
	add("duplicates", func(c *telemetry.Counters) *atomic.Int64 { return &c.Repeats })
	add("dropped", func(c *telemetry.Counters) *atomic.Int64 { return &c.Dropped })
	add("early", func(c *telemetry.Counters) *atomic.Int64 { return &c.Early })
	add("bad_attributes", func(c *telemetry.Counters) *atomic.Int64 { return &c.BadAttrs })
	add("dead_letters", func(c *telemetry.Counters) *atomic.Int64 { return &c.DeadLetters })
	add("left_alone_task", func(c *telemetry.Counters) *atomic.Int64 { return &c.TasksLeft })
	add("left_alone_quarter_hour", func(c *telemetry.Counters) *atomic.Int64 { return &c.QuartersLeft })
	add("transcripts_fetched", func(c *telemetry.Counters) *atomic.Int64 { return &c.Transcripts.Fetched })
	add("transcripts_gone", func(c *telemetry.Counters) *atomic.Int64 { return &c.Transcripts.Gone })
	add("transcripts_spared", func(c *telemetry.Counters) *atomic.Int64 { return &c.Transcripts.Spared })
	add("chosen_tasks", func(c *telemetry.Counters) *atomic.Int64 { return &c.Chosen })
	add("unbegun_tasks", func(c *telemetry.Counters) *atomic.Int64 { return &c.Unbegun })
	for _, t := range model.Tables {
		add("rows_"+t.Name+"_upsert", func(c *telemetry.Counters) *atomic.Int64 { return &c.Changes[t.ID] })
		all = append(all, metric{"rows_" + t.Name + "_delete", func(c *telemetry.Counters) int64 { return c.Deleted[t.ID].Load() }, func(c *telemetry.Counters, n int64) {
			c.Deleted[t.ID].Add(n)
			c.Deletes.Add(n)
		}})
	}
	sign := func(name string, k evidence.Kind) {
		all = append(all, metric{name, func(c *telemetry.Counters) int64 { return c.Missing.Counts()[k] }, func(c *telemetry.Counters, n int64) {
			var counts evidence.Counts
			counts[k] = n
			c.Missing.Add(counts)
		}})
	}
	for _, s := range evidence.Signs {
		sign("missing_"+s.Name, s.Missing)
		sign("missing_of_"+s.Name, s.Of)
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
		r.reported = map[string]int64{}
	}
	report := func(name string, now int64) {
		if now != r.reported[name] {
			beam.NewCounter(Metrics, name).Inc(ctx, now-r.reported[name])
			r.reported[name] = now
		}
	}
	for class, n := range r.Counters.Letters() {
		report(lettersOf+class, n)
	}
	for _, m := range metrics {
		report(m.name, m.value(r.Counters))
	}
}

// Take brings counters up to what Report has told of, in all workers of a job together.
func Take(c *telemetry.Counters, counted map[string]int64) {
	had := c.Letters()
	for name, n := range counted { // of a class first, since it counts for the total, too
		if class, ok := strings.CutPrefix(name, lettersOf); ok {
			c.DeadLetter(class, n-had[class])
		}
	}
	for _, m := range metrics {
		if n, ok := counted[m.name]; ok {
			m.add(c, n-m.value(c))
		}
	}
}
