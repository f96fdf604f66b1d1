package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/source/file"
)

// small is a file of a few events.
func small(t *testing.T) string {
	t.Helper()
	var lines []byte
	for _, l := range history.Lines(history.Parse(`
		0   entered ta={"from":"+1"}
		9   accepted
		20  completed
		30  activity was=Break now=Lunch for=20`), history.Mixed) {
		lines = append(append(lines, l...), '\n')
	}
	path := filepath.Join(t.TempDir(), "small.ndjson")
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	return "file:" + path
}

func TestAFaultOfTheSinkFailsTheJobAndSaysSo(t *testing.T) {
	tests := []struct {
		name string
		sink faulty
		want error
	}{
		{"write", faulty{write: errWrite}, errWrite},
		{"flush", faulty{flush: errFlush}, errFlush},
		{"close", faulty{close: errClose}, errClose},
	}
	for _, test := range tests {
		for _, runner := range []string{Direct, Prism} {
			t.Run(test.name+" on "+runner, func(t *testing.T) {
				test.sink.Store = history.NewStore()
				_, err := run(context.Background(), t, Options{Source: small(t), Sink: memory(test.sink), Runner: runner}, file.ChunkSize)
				if err == nil || !strings.Contains(err.Error(), test.want.Error()) {
					t.Errorf("got %v, want %q in it", err, test.want)
				}
			})
		}
	}
}

func TestASinkThatCannotSayWhatItHoldsFailsTheJob(t *testing.T) {
	_, err := run(context.Background(), t, Options{Source: small(t), Sink: memory(unreadable{history.NewStore()}), Runner: Direct}, file.ChunkSize)
	if !errors.Is(err, errKeys) {
		t.Errorf("got %v", err)
	}
}

func TestASinkThatCannotBeOpenedFailsTheJob(t *testing.T) {
	_, err := run(context.Background(), t, Options{Source: small(t), Sink: "memory:nowhere", Runner: Direct}, file.ChunkSize)
	if err == nil || !strings.Contains(err.Error(), "no store nowhere") {
		t.Errorf("got %v", err)
	}
}

func TestAnInputThatGoesAwayFailsTheJob(t *testing.T) {
	for _, o := range []Options{{Runner: Direct}, {Runner: Prism, Mode: Batch}, {Mode: Stream}} {
		t.Run(o.Runner+o.Mode, func(t *testing.T) {
			source := small(t)
			o.Source, o.Sink = source, memory(history.NewStore())
			j, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(strings.TrimPrefix(source, "file:")); err != nil {
				t.Fatal(err)
			}
			if _, err := j.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "small.ndjson") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheEndOfTheContextEndsTheRun(t *testing.T) {
	cause := errors.New("the user has had enough")
	for _, o := range []Options{{Runner: Direct}, {Runner: Prism, Mode: Batch}, {Mode: Stream}} {
		t.Run(o.Runner+o.Mode, func(t *testing.T) {
			writing, release := make(chan struct{}, 1), make(chan struct{})
			o.Source, o.Sink = small(t), memory(stuck{history.NewStore(), writing, release})
			ctx, cancel := context.WithCancelCause(context.Background())
			ended := make(chan error, 1)
			go func() {
				_, err := run(ctx, t, o, file.ChunkSize)
				ended <- err
			}()
			<-writing
			cancel(cause)
			time.AfterFunc(200*time.Millisecond, func() { close(release) })
			select {
			case err := <-ended:
				if !errors.Is(err, cause) {
					t.Errorf("got %v", err)
				}
			case <-time.After(time.Minute):
				t.Fatal("the job goes on")
			}
		})
	}
}
