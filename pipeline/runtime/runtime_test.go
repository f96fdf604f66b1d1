package runtime_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"flexbeam/internal/span"
	"flexbeam/internal/telemetry"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

func TestTheTransformsOfAJobShareWhatItsProcessHasOpened(t *testing.T) {
	ctx, out, count := context.Background(), history.NewStore(), telemetry.New(time.Now)
	r := runtime.Start(runtime.Job{ID: "shared"}, count, out, nil)
	defer r.End()
	for range 2 {
		got := runtime.Acquire(runtime.Job{ID: "shared"})
		s, err := got.Sink(ctx)
		if got != r || got.Remote() || err != nil || s != sink.Sink(out) || runtime.Counters("shared") != count {
			t.Errorf("got %v, %v", got, err)
		}
		if err := got.Release(ctx); err != nil {
			t.Error(err)
		}
	}
	if runtime.Lookup("shared") != r || runtime.Lookup("another") != nil || runtime.Counters("another") == count {
		t.Error("two jobs share something")
	}
	r.End()
	if runtime.Lookup("shared") != nil {
		t.Error("a job that has ended is known")
	}
}

// counted counts how often it is closed.
type counted struct {
	*history.Store
	closed *int
}

func (c counted) Close(context.Context) error {
	*c.closed++
	return nil
}

func TestAWorkerThatDoesNotRunTheJobOpensItsSinkOnce(t *testing.T) {
	ctx, opened, closed := context.Background(), 0, 0
	store := history.NewStore()
	row := model.Engagements.NewRow()
	row[model.Engagements.Col("account_sid")], row[model.Engagements.Col("task_sid")] = model.Text("AC1"), model.Text("WT1")
	if err := store.Write(ctx, change.Block(nil).Append(change.Change{Table: model.EngagementsID, Row: row})); err != nil {
		t.Fatal(err)
	}
	sink.Register("counted", func(context.Context, string, sink.Options) (sink.Sink, error) {
		opened++
		return counted{store, &closed}, nil
	})
	job := runtime.Job{ID: "remote", Sink: "counted:x"}
	runtime.Acquire(runtime.Job{ID: "remote"}) // of a transform that knows no sink
	var all []*runtime.Runtime
	for range 3 {
		r := runtime.Acquire(job)
		all = append(all, r)
		prior, err := r.PriorRows(ctx)
		if err == nil {
			err = prior.Cover(ctx, span.Set{span.All})
		}
		if _, e := r.Sink(ctx); e != nil || err != nil || prior.Keys(model.TaskKind) != 1 {
			t.Fatal(e, err)
		}
		if !r.Remote() {
			t.Error("it passes for the process that runs the job")
		}
	}
	if opened != 1 || closed != 0 {
		t.Errorf("opened %d times, closed %d times", opened, closed)
	}
	for _, r := range append(all, all[0]) {
		if err := r.Release(ctx); err != nil {
			t.Error(err)
		}
	}
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

func TestWhatCannotBeOpenedIsAnError(t *testing.T) {
	r := runtime.Acquire(runtime.Job{ID: "nothing"})
	defer r.Release(context.Background())
	if _, err := r.Sink(context.Background()); !errors.Is(err, runtime.ErrMissing) {
		t.Errorf("a sink: %v", err)
	}
	if _, err := r.PriorRows(context.Background()); !errors.Is(err, runtime.ErrMissing) {
		t.Errorf("its rows: %v", err)
	}
}
