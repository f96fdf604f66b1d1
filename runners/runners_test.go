package runners_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/runners"
	_ "flexbeam/runners/direct"
	_ "flexbeam/runners/prism"
)

func TestTheFastestRunnerThatCanDoTheJobIsFound(t *testing.T) {
	tests := []struct {
		name string
		need runners.Capabilities
		want string
	}{
		{"nothing", runners.Capabilities{}, "direct"},
		{"state", runners.Capabilities{State: true}, "prism"},
		{"a source without an end", runners.Capabilities{Unbounded: true}, "prism"},
		{"both", runners.Capabilities{Unbounded: true, State: true}, "prism"},
	}
	for _, tt := range tests {
		if got, ok := runners.Fastest(tt.need); !ok || got.Name != tt.want {
			t.Errorf("for a job that needs %s: %q, %t, want %q", tt.name, got.Name, ok, tt.want)
		}
	}
}

func TestRunnersAreListedFastestFirst(t *testing.T) {
	if diff := cmp.Diff([]string{"direct", "prism"}, runners.Names()); diff != "" {
		t.Error(diff)
	}
	for _, name := range runners.Names() {
		if r, ok := runners.Named(name); !ok || r.Name != name || r.Run == nil {
			t.Errorf("%s: %+v, %t", name, r, ok)
		}
	}
	if r, ok := runners.Named("spark"); ok {
		t.Errorf("got %+v", r)
	}
}

func TestARunnerThatIsThereAlreadyIsNotRegistered(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was")
		}
	}()
	runners.Register(runners.Runner{Name: "direct"})
}
