package taskrouter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	taskrouter "github.com/twilio/twilio-go/rest/taskrouter/v1"
	"golang.org/x/sync/errgroup"
)

// mentioned is what events of a time are about.
type mentioned struct {
	tasks   map[string]bool
	workers map[string]bool // true of all
	active  map[string]bool // workers with an event of their own
}

func newMentioned() *mentioned {
	return &mentioned{map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

// add takes what one event is about.
func (a *mentioned) add(m *mention) {
	if m.Data.Task != "" {
		a.tasks[m.Data.Task] = true
	}
	if m.Data.Worker != "" {
		a.workers[m.Data.Worker] = true
		if strings.HasPrefix(m.Kind, "worker.") {
			a.active[m.Data.Worker] = true
		}
	}
}

// endsActivity tells whether an event of a worker ends the activity that the worker was in.
func (m *mention) endsActivity() bool {
	return m.Kind == "worker.activity.update" || m.Kind == "worker.activity" || m.Kind == "worker.deleted"
}

// whole reads by their SIDs, each whole, the tasks that were mentioned, and of the workers who did
// something what they did before.
func (f *fetcher) whole(ctx context.Context, seen *mentioned, emit func(records) error) error {
	tasks, workers := slices.Sorted(maps.Keys(seen.tasks)), slices.Sorted(maps.Keys(seen.active))
	return f.all(ctx, len(tasks)+len(workers), func(ctx context.Context, i int) (r records, err error) {
		if i < len(tasks) {
			if r, err = f.task(ctx, tasks[i]); err != nil {
				err = fmt.Errorf("read the events of the task %s: %w", tasks[i], err)
			}
			return r, err
		}
		worker := workers[i-len(tasks)]
		if r, err = f.before(ctx, worker); err != nil {
			err = fmt.Errorf("read the events of the worker %s before %s: %w", worker, at(f.plan.From), err)
		}
		return r, err
	}, emit)
}

// all reads n things, several at the same time. Only the goroutine that calls it emits.
func (f *fetcher) all(ctx context.Context, n int, read func(ctx context.Context, i int) (records, error), emit func(records) error) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out, failed := make(chan records), make(chan error, 1)
	go func() {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(f.plan.Parallel)
		for i := range n {
			group.Go(func() error {
				r, err := read(ctx, i)
				if err != nil {
					return err
				}
				select {
				case out <- r:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}
		failed <- group.Wait()
		close(out)
	}()
	for r := range out {
		if err == nil {
			if err = emit(r); err != nil {
				stop()
			}
		}
	}
	if e := <-failed; err == nil {
		err = e
	}
	return err
}

// task reads all events of a task.
func (f *fetcher) task(ctx context.Context, sid string) (records, error) {
	return f.events(ctx, window{f.plan.LogFrom, f.plan.LogTo}, &taskrouter.ListEventParams{TaskSid: &sid}, false)
}

// lookBack is how many days before what was read the events of a worker are looked for, further and
// further until there is one that tells in which activity the worker was.
var lookBack = [...]int64{1, 4, 15}

// before reads back what a worker did before.
func (f *fetcher) before(ctx context.Context, sid string) (all records, err error) {
	const day = 24 * 60 * 60
	to, known := f.plan.From, false
	for _, days := range lookBack {
		from := max(f.plan.Back, f.plan.From-days*day)
		if known || from >= to {
			break
		}
		r, err := f.events(ctx, window{from, to}, &taskrouter.ListEventParams{WorkerSid: &sid}, false)
		if err != nil {
			return records{}, err
		}
		r.each(func(m *mention) { known = known || m.endsActivity() })
		all.join(r)
		to = from
	}
	return all, nil
}

// join adds records behind the others.
func (r *records) join(other records) {
	shift := int64(len(r.data))
	r.data, r.sids = append(r.data, other.data...), append(r.sids, other.sids...)
	for _, end := range other.ends {
		r.ends = append(r.ends, end+shift)
	}
}
