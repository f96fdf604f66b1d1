package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"

	"flexbeam/internal/testkit/golden"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/source"
	"flexbeam/runners/portable"
	"flexbeam/transforms/keyed/beamstate"
	"flexbeam/transforms/keyed/grouped"
	"flexbeam/transforms/keyed/local"
)

// graphOf returns the graph of a job as a runner gets it.
func graphOf(t *testing.T, o Options, driver Driver, workers string) *pipepb.Pipeline {
	t.Helper()
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	p, s := beam.NewPipelineWithRoot()
	if err := j.graph(s, driver, nil); err != nil {
		t.Fatal(err)
	}
	env, err := graphx.CreateEnvironment(context.Background(), graphx.URNEnvExternal, func(context.Context) string { return workers })
	if err != nil {
		t.Fatal(err)
	}
	env.Dependencies = nil // workers have the program
	graph, err := portable.Marshal(p, env)
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

// A runner keeps the state of a job by the names of its steps, in the encodings of their coders. So
// these change only on purpose, and CHANGELOG.md says what becomes of a job that runs.
func TestTheGraphsOfAllJobsAreFitForRemoteRunners(t *testing.T) {
	const secret = "the contact key"
	outside, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	forbidden := []portable.Forbidden{
		{What: "the contact key", Text: secret}, {What: "the source", Text: filepath.Dir(outside)}, {What: "the home directory", Text: home + "/"},
		{What: "the temporary directory", Text: os.TempDir() + "/"}, {What: "the program", Text: os.Args[0]},
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"} {
		t.Setenv(name, "credential of "+name)
		forbidden = append(forbidden, portable.Forbidden{What: name, Text: os.Getenv(name)})
	}
	t.Setenv("A_SECRET", plantedSecret)
	forbidden = append(forbidden, portable.Forbidden{What: "the secret of an API key", Text: plantedSecret})
	t.Chdir(t.TempDir())
	for _, name := range []string{"a.ndjson", "b.ndjson"} {
		if err := os.WriteFile(name, []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const files, stream = "file:*.ndjson", "kinesis:flex-events,other-events?region=eu-west-1"
	const workspace = "WS00000000000000000000000000000001"
	accounts := []source.Account{{SID: "AC00000000000000000000000000000001", Key: "SK00000000000000000000000000000001", Secret: "env:A_SECRET", Workspaces: []string{workspace}}}
	tests := []struct {
		name    string
		options Options
		driver  Driver
		local   bool // states are in this process
	}{
		{"taskrouter", Options{Source: "taskrouter:" + workspace + "?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&old=yes", Turns: "none", Accounts: accounts, Columns: ownColumns()}, grouped.Driver{Buckets: 16, Compress: true}, false},
		{"batch", Options{Source: files, Mode: Batch}, grouped.Driver{Buckets: 16, Compress: true}, false},
		{"replay", Options{Source: files, Mode: Stream}, beamstate.Driver{}, false},
		{"replay-behind", Options{Source: files + "?lateness=1h", Mode: Stream}, beamstate.Driver{}, false},
		{"live", Options{Source: stream}, beamstate.Driver{}, false},
		{"live-embedded", Options{Source: stream}, local.Driver{}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := test.options
			o.Sink, o.ContactKey = memory(history.NewStore()), secret
			graph := graphOf(t, o, test.driver, "worker:50000")
			err := portable.Check(graph, forbidden...)
			if test.local {
				for fault := range strings.Lines(err.Error()) {
					if !strings.Contains(fault, portable.ErrInProcess.Error()) {
						t.Error(fault)
					}
				}
			} else if err != nil {
				t.Error(err)
			}
			text, err := portable.Describe(graph)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := portable.Describe(graphOf(t, o, test.driver, "worker:50000")); err != nil || again != text {
				t.Errorf("another run of the job has another graph, %v", err)
			}
			golden.Text(t, filepath.Join(outside, "testdata", "graphs", test.name+".golden"), text)
		})
	}
}
