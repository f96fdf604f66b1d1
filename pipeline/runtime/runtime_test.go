package runtime_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flexbeam/internal/span"
	"flexbeam/internal/telemetry"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
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
			err = prior.Cover(ctx, []string{model.TaskKind}, span.Set{span.All})
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

// Two jobs of one worker that name one sink have one: a second one would find the store taken.
func TestAWorkerOpensOneSinkForAURI(t *testing.T) {
	ctx, opened, closed := context.Background(), 0, 0
	sink.Register("once", func(context.Context, string, sink.Options) (sink.Sink, error) {
		opened++
		return counted{history.NewStore(), &closed}, nil
	})
	var all []*runtime.Runtime
	var first sink.Sink
	for _, id := range []string{"one", "two"} {
		r := runtime.Acquire(runtime.Job{ID: id, Sink: "once:x"})
		out, err := r.Sink(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = out
		}
		if out != first {
			t.Error("the second job has another sink")
		}
		all = append(all, r)
	}
	for i, r := range all {
		if err := r.Release(ctx); err != nil || closed != i {
			t.Errorf("released %d jobs: closed %d times, %v", i+1, closed, err)
		}
	}
	r := runtime.Acquire(runtime.Job{ID: "three", Sink: "once:x"})
	if _, err := r.Sink(ctx); err != nil || opened != 2 {
		t.Errorf("opened %d times, %v", opened, err)
	}
	if err := r.Release(ctx); err != nil {
		t.Error(err)
	}
}

func TestAWorkerTakesItsContactKeyFromItsEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(" of a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name            string
		key, file, want string
		err             error
	}{
		{"none", "-", "-", "", nil},
		{"a variable", " of a variable ", "-", "of a variable", nil},
		{"a file", "-", file, "of a file", nil},
		{"both", "k", file, "", runtime.ErrTwoKeys},
		{"an empty variable", " ", "-", "", runtime.ErrEmptyKey},
		{"an empty file", "-", empty, "", runtime.ErrEmptyKey},
		{"an empty name of a file", "-", "", "", runtime.ErrEmptyKey},
		{"a file that is not there", "-", file + ".gone", "", fs.ErrNotExist},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range map[string]string{keyed.KeyVariable: test.key, keyed.KeyFileVariable: test.file} {
				t.Setenv(name, value) // which puts it back
				if value == "-" {
					if err := os.Unsetenv(name); err != nil {
						t.Fatal(err)
					}
				}
			}
			r := runtime.Acquire(runtime.Job{ID: "key of " + test.name})
			defer r.Release(context.Background())
			env, err := r.Env()
			if env.ContactKey != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v", env.ContactKey, err)
			}
		})
	}
}

func TestTransformsShareWhatTheFirstOneMakes(t *testing.T) {
	r := runtime.Start(runtime.Job{ID: "shares"}, telemetry.New(time.Now), nil, nil)
	defer r.End()
	made := 0
	for range 2 {
		if v := r.Share("a", func() any { made++; return made }); v != 1 {
			t.Errorf("got %v", v)
		}
	}
	if v := r.Share("b", func() any { return "another" }); v != "another" {
		t.Errorf("got %v", v)
	}
}

// fetching is a runtime.Transcripts that counts how often it is closed.
type fetching struct {
	keyed.Transcripts
	closed *int
}

func (f fetching) Close() { *f.closed++ }

func TestAWorkerThatDoesNotRunTheJobOpensItsTranscriptsOnce(t *testing.T) {
	ctx, opened, closed := context.Background(), 0, 0
	fails := errors.New("the secret is not there")
	runtime.RegisterTranscripts(func(turns string, count *telemetry.Counters) (runtime.Transcripts, error) {
		if turns != "of here" || count == nil {
			return nil, fails
		}
		opened++
		return fetching{closed: &closed}, nil
	})
	var all []*runtime.Runtime
	for range 2 {
		r := runtime.Acquire(runtime.Job{ID: "fetching", Sink: "none:x", Turns: "of here"})
		all = append(all, r)
		if env, err := r.Env(); err != nil || env.Transcripts == nil {
			t.Errorf("%v, %v", env, err)
		}
	}
	for _, r := range all {
		if err := r.Release(ctx); err != nil {
			t.Error(err)
		}
	}
	if opened != 1 || closed != 1 {
		t.Errorf("opened %d times, closed %d times", opened, closed)
	}
	for turns, want := range map[string]error{"": nil, "elsewhere": fails} {
		r := runtime.Acquire(runtime.Job{ID: "fetching " + turns, Sink: "none:x", Turns: turns})
		if env, err := r.Env(); !errors.Is(err, want) || env.Transcripts != nil {
			t.Errorf("%q: %v, %v", turns, env, err)
		}
		if err := r.Release(ctx); err != nil {
			t.Error(err)
		}
	}
}
