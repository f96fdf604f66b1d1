package pipeline

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/change"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
)

// HealOptions say what is healed: the tables of a sink, by a source that is a log.
type HealOptions struct {
	// Options are those of the job that keeps the tables, but for the source. Of a stream, of a range and
	// of AsOf there is none.
	Options

	DryRun bool // nothing is written
}

// settled is how long a task has to be over, and a quarter hour, until it is healed: a live job has let go
// of it then.
const settled = 24 * time.Hour

// A Healing is a job that heals tables (contract, section 12).
type Healing struct {
	*Job
	from, to time.Time
}

// Healed says what a Healing has found and done.
type Healed struct {
	Summary
	From, To time.Time // of the log

	// What the sink lacked: tasks in the order in which they began, then agents. Findings with a reason
	// why they are left were not mended, and with DryRun none was.
	Found []keyed.Finding
}

// Lacking counts what can be mended: tasks, events of them, and quarter hours of agents.
func (h Healed) Lacking() (tasks, events, quarters int64) {
	for _, f := range h.Found {
		switch {
		case f.Left != "":
		case f.Kind == task.Name:
			tasks++
			events += f.All - f.Known
		default:
			quarters += f.All - f.Known
		}
	}
	return tasks, events, quarters
}

// Left counts the tasks that lack events and are left for a later run.
func (h Healed) Left() (tasks int64) {
	for _, f := range h.Found {
		if f.Left != "" {
			tasks++
		}
	}
	return tasks
}

// NewHealing checks the options and returns a job that heals. Its errors are those of New.
func NewHealing(o HealOptions) (*Healing, error) {
	if o.Mode = Batch; o.DryRun {
		o.Turns = "none"
	}
	src, err := o.check()
	if err != nil {
		return nil, err
	}
	log, ok := src.(source.LogSource)
	if !ok {
		return nil, usage("--source %s: it is no log that keeps everything for some time: choose taskrouter:WORKSPACE", o.Source)
	}
	h := &Healing{}
	var read source.Source
	if read, h.from, h.to, err = log.Log(); err != nil {
		return nil, usage("--source: %w", err)
	}
	o.AsOf = h.to
	since := millis(h.from)
	o.choice = &keyed.Choice{From: since, To: millis(h.to.Add(-settled)), Since: since, Heal: true}
	if h.Job, err = newJob(o.Options, read); err != nil {
		return nil, err
	}
	h.heals = &heals{dry: o.DryRun}
	return h, nil
}

// Run compares the log with the sink, and writes anew what the sink lacks. It ends as that of Job does.
func (h *Healing) Run(ctx context.Context) (Healed, error) {
	sum, err := h.Job.Run(ctx)
	return Healed{Summary: sum, From: h.from, To: h.to, Found: h.heals.sorted()}, err
}

// heals is what a job that heals gathers.
type heals struct {
	dry bool

	mu  sync.Mutex
	all []keyed.Finding
}

// found takes a finding.
func (h *heals) found(f keyed.Finding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, f)
}

// sorted returns all findings.
func (h *heals) sorted() []keyed.Finding {
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.SortFunc(h.all, func(a, b keyed.Finding) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), cmp.Compare(a.First, b.First), strings.Compare(a.Account, b.Account), strings.Compare(a.SID, b.SID))
	})
	return h.all
}

// untouched is a sink that nothing is written to.
type untouched struct{ sink.Sink }

func (untouched) Write(context.Context, change.Block) error  { return nil }
func (untouched) Flush(context.Context) error                { return nil }
func (untouched) SetShape(context.Context, sink.Shape) error { return nil }
