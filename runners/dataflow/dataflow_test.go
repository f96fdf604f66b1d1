package dataflow_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	gocmp "github.com/google/go-cmp/cmp"
	dataflowpb "google.golang.org/api/dataflow/v1b3"

	"flexbeam/internal/testkit/dataflowfake"
	"flexbeam/internal/testkit/golden"
	"flexbeam/internal/workerenv"
	"flexbeam/runners"
	"flexbeam/runners/dataflow"
	"flexbeam/runners/dataflow/dataflowapi"
	"flexbeam/runners/portable"
)

func init() {
	beam.RegisterDoFn(&keptFn{})
	beam.RegisterFunction(pair)
	register.Emitter1[string]()
}

// keptFn keeps one state and one timer.
type keptFn struct {
	State state.Value[[]byte]
	Due   timers.EventTime
	Word  string
}

func (fn *keptFn) ProcessElement(state.Provider, timers.Provider, string, []byte, func(string)) {}
func (fn *keptFn) OnTimer(state.Provider, timers.Provider, string, timers.Context, func(string)) {
}

func pair(key string) (string, []byte) { return key, []byte(key) }

// pipelineOf returns a pipeline whose step with a state is in a scope. word travels with it.
func pipelineOf(scope, word string) *beam.Pipeline {
	p, s := beam.NewPipelineWithRoot()
	beam.ParDo(s.Scope(scope), &keptFn{State: state.MakeValueState[[]byte]("cell"), Due: timers.InEventTime("due"), Word: word}, beam.ParDo(s, pair, beam.Create(s, "k")))
	return p
}

// patience is how long a test waits for what must come.
const patience = time.Minute

func optionsFor(s *dataflowfake.Server) dataflow.Options {
	o := dataflow.NewOptions()
	o.Project, o.Region, o.Staging, o.Name = "my-project", "europe-west1", "gs://my-bucket/staging/", "flexbeam-live"
	o.Image = "europe-docker.pkg.dev/my-project/flexbeam/worker:0.1.0"
	o.Endpoint, o.StorageEndpoint, o.LookEvery = s.Endpoint(), s.StorageEndpoint(), 5*time.Millisecond
	return o
}

// ran is a job that runs in another goroutine.
type ran struct {
	t      *testing.T
	server *dataflowfake.Server
	cancel context.CancelCauseFunc
	err    chan error
	kept   []string
	log    *strings.Builder

	counted map[string]int64
	told    atomic.Int64 // how often the progress was
}

// start starts a job and waits until the service has as many as that.
func start(t *testing.T, s *dataflowfake.Server, o dataflow.Options, p *beam.Pipeline, streaming bool, jobs int) *ran {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	r := &ran{t: t, server: s, cancel: cancel, err: make(chan error, 1), log: &strings.Builder{}}
	j := runners.Job{
		Streaming: streaming, Bounded: !streaming, Options: o, Log: slog.New(slog.NewTextHandler(r.log, nil)),
		Kept:      func(id string) { r.kept = append(r.kept, id) },
		Namespace: "flexbeam", Progress: func(p runners.Progress) { r.counted = p.Counters; r.told.Add(1) },
	}
	go func() { r.err <- dataflow.Run(ctx, p, j) }()
	for deadline := time.Now().Add(patience); len(s.Jobs()) < jobs; time.Sleep(time.Millisecond) {
		select {
		case err := <-r.err:
			r.err <- err
			return r
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("no job was created")
		}
	}
	return r
}

// id returns the ID of the newest job.
func (r *ran) id() string {
	all := r.server.Jobs()
	return all[len(all)-1].Id
}

// end returns how Run has ended.
func (r *ran) end() error {
	r.t.Helper()
	select {
	case err := <-r.err:
		return err
	case <-time.After(patience):
		r.t.Fatal("the job is still watched")
		return nil
	}
}

func TestAJobIsWatchedToItsEnd(t *testing.T) {
	s := dataflowfake.Start(t)
	r := start(t, s, optionsFor(s), pipelineOf("here", ""), false, 1)
	for _, text := range []string{"Worker configuration: e2-standard-2", "Executing operation Impulse", "Finished operation Impulse"} {
		s.Say(r.id(), "JOB_MESSAGE_BASIC", text)
	}
	s.Say(r.id(), "JOB_MESSAGE_DETAILED", "of no interest")
	s.Say(r.id(), "JOB_MESSAGE_WARNING", "the quota is nearly used up")
	s.Count(r.id(), "s1", "flexbeam", "records", 12)
	s.Move(r.id(), "JOB_STATE_DONE")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(map[string]int64{"records": 12}, r.counted); d != "" {
		t.Errorf("counted (-want +got):\n%s", d)
	}
	for _, want := range []string{"Worker configuration", "Executing operation", "Finished operation", "level=WARN msg=\"dataflow: the quota is nearly used up\"", "state=DONE"} {
		if n := strings.Count(r.log.String(), want); n != 1 {
			t.Errorf("%q was told %d times:\n%s", want, n, r.log)
		}
	}
	if strings.Contains(r.log.String(), "of no interest") || len(r.kept) > 0 {
		t.Errorf("kept %q, told:\n%s", r.kept, r.log)
	}
}

func TestWhyAJobHasFailedIsTold(t *testing.T) {
	s := dataflowfake.Start(t)
	r := start(t, s, optionsFor(s), pipelineOf("here", ""), false, 1)
	s.Say(r.id(), "JOB_MESSAGE_ERROR", "Workflow failed. Causes: the zone\n has no such machine")
	s.Move(r.id(), "JOB_STATE_FAILED")
	if err := r.end(); !errors.Is(err, dataflow.ErrJob) || !strings.Contains(err.Error(), "the zone has no such machine") {
		t.Error(err)
	}
	r = start(t, s, optionsFor(s), pipelineOf("here", ""), false, 2)
	s.Move(r.id(), "JOB_STATE_CANCELLED")
	if err := r.end(); !errors.Is(err, dataflow.ErrStopped) {
		t.Error(err)
	}
}

var errSignal = errors.New("a signal")

func TestASignalCancelsABatchAndLeavesAStream(t *testing.T) {
	s := dataflowfake.Start(t)
	r := start(t, s, optionsFor(s), pipelineOf("here", ""), false, 1)
	r.cancel(errSignal)
	if err := r.end(); !errors.Is(err, errSignal) || len(r.kept) > 0 {
		t.Errorf("%v, kept %q", err, r.kept)
	}
	if j := s.Jobs()[0]; j.CurrentState != "JOB_STATE_CANCELLED" {
		t.Errorf("the batch is %s", j.CurrentState)
	}
	r = start(t, s, optionsFor(s), pipelineOf("here", ""), true, 2)
	r.cancel(errSignal)
	if err := r.end(); err != nil || !gocmp.Equal(r.kept, []string{r.id()}) {
		t.Errorf("%v, kept %q", err, r.kept)
	}
	if j := s.Jobs()[1]; j.RequestedState != "" {
		t.Errorf("the stream was asked to be %s", j.RequestedState)
	}
}

// A health check goes by that: a stream that waits minutes for its machines, runs, or is drained, is well.
func TestAStreamIsToldToBeThereInEveryState(t *testing.T) {
	s := dataflowfake.Start(t)
	r := start(t, s, optionsFor(s), pipelineOf("here", ""), true, 1)
	for _, state := range []string{"JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_DRAINING"} {
		s.Move(r.id(), state)
		for told, deadline := r.told.Load(), time.Now().Add(patience); r.told.Load() < told+2; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("nothing is told of a job that is %s", state)
			}
		}
	}
	s.Move(r.id(), "JOB_STATE_DRAINED")
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

func TestAStreamThatIsDrainedByOthersHasEnded(t *testing.T) {
	s := dataflowfake.Start(t)
	r := start(t, s, optionsFor(s), pipelineOf("here", ""), true, 1)
	c, err := dataflowapi.New(t.Context(), optionsFor(s).Place())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Drain(t.Context(), r.id()); err != nil {
		t.Fatal(err)
	}
	if err := r.end(); err != nil || len(r.kept) > 0 {
		t.Errorf("%v, kept %q", err, r.kept)
	}
}

func TestAnUpdateTakesThePlaceOfTheRunningJob(t *testing.T) {
	s := dataflowfake.Start(t)
	o := optionsFor(s)
	o.Update = true
	if err := start(t, s, o, pipelineOf("here", ""), true, 1).end(); !errors.Is(err, dataflowapi.ErrNoJob) || !strings.Contains(err.Error(), "--dataflow-update") {
		t.Errorf("an update of nothing: %v", err)
	}
	first := start(t, s, optionsFor(s), pipelineOf("here", ""), true, 1)
	was := first.id()
	if err := start(t, s, optionsFor(s), pipelineOf("here", ""), true, 2).end(); !errors.Is(err, dataflowapi.ErrSameName) || !strings.Contains(err.Error(), "--dataflow-update") {
		t.Errorf("a second job of the name: %v", err)
	}

	missing := start(t, s, o, pipelineOf("there", ""), true, 2)
	if err := missing.end(); !errors.Is(err, dataflow.ErrJob) || !strings.Contains(err.Error(), "missing steps here/") {
		t.Errorf("an update whose step has another name: %v", err)
	}
	o.Renames = map[string]string{"here/dataflow_test.keptFn": "there/dataflow_test.keptFn"}
	renamed := start(t, s, o, pipelineOf("there", ""), true, 3)
	if err := first.end(); err != nil || !gocmp.Equal(first.kept, []string{renamed.id()}) || was == renamed.id() {
		t.Errorf("the first job: %v, kept %q", err, first.kept)
	}
	s.Move(renamed.id(), "JOB_STATE_DRAINED")
	if err := renamed.end(); err != nil {
		t.Error(err)
	}
}

// The answer to a request that creates a job may be lost, and the service be away for a while.
func TestAJobIsCreatedOnceWhateverBreaks(t *testing.T) {
	s := dataflowfake.Start(t)
	s.Break(
		dataflowfake.Fault{Method: http.MethodPost, Status: http.StatusServiceUnavailable}, // of the graph
		dataflowfake.Fault{Method: http.MethodGet, Status: http.StatusInternalServerError},
		dataflowfake.Fault{Method: http.MethodGet},
	)
	r := start(t, s, optionsFor(s), pipelineOf("here", ""), false, 1)
	s.Move(r.id(), "JOB_STATE_DONE")
	if err := r.end(); err != nil || len(s.Jobs()) != 1 {
		t.Errorf("%v, %d jobs", err, len(s.Jobs()))
	}

	c, err := dataflowapi.New(t.Context(), optionsFor(s).Place())
	if err != nil {
		t.Fatal(err)
	}
	plan := plan(t, optionsFor(s), false)
	var o struct{ Options struct{ PipelineURL string } }
	if err := json.Unmarshal(plan.Job.Environment.SdkPipelineOptions, &o); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(t.Context(), o.Options.PipelineURL, plan.Model()); err != nil {
		t.Fatal(err)
	}
	s.Break(dataflowfake.Fault{Method: http.MethodPost})
	j, err := c.Create(t.Context(), plan.Job)
	if err != nil || len(s.Jobs()) != 2 || j.ID != s.Jobs()[1].Id {
		t.Errorf("%v, %v of %d jobs", err, j, len(s.Jobs()))
	}
}

func plan(t *testing.T, o dataflow.Options, streaming bool) *dataflow.Plan {
	t.Helper()
	p, err := dataflow.NewPlan(t.Context(), pipelineOf("here", ""), o, streaming)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// full are options of which none has its default.
func full(s *dataflowfake.Server) dataflow.Options {
	o := optionsFor(s)
	o.Temp, o.MachineType, o.Workers, o.MaxWorkers, o.DiskGB = "gs://my-bucket/temp", "e2-standard-2", 2, 5, 30
	o.WorkerZone, o.Network, o.Subnetwork, o.NoPublicIPs = "europe-west1-b", "my-network", "regions/europe-west1/subnetworks/my-subnetwork", true
	o.Account, o.KMSKey = "flexbeam@my-project.iam.gserviceaccount.com", "projects/my-project/locations/europe-west1/keyRings/r/cryptoKeys/k"
	o.AtLeastOnce, o.Labels = true, map[string]string{"team": "contact-centre", "stage": "test"}
	o.ServiceOptions, o.Experiments = []string{"enable_google_cloud_profiler"}, []string{"an_experiment", "use_runner_v2"}
	o.Secrets = workerenv.References{
		"FLEXBEAM_CONTACT_KEY":  "gcpsecretmanager://projects/my-project/secrets/contact-key",
		"AWS_SECRET_ACCESS_KEY": "gcpsecretmanager://projects/my-project/secrets/aws#secret",
	}
	return o
}

// What the service gets is a golden file, and the service takes it.
func TestWhatTheServiceGetsOfEveryOptionIsAsItWas(t *testing.T) {
	s := dataflowfake.Start(t)
	for name, o := range map[string]dataflow.Options{"least": optionsFor(s), "full": full(s)} {
		r := start(t, s, o, pipelineOf("here", ""), true, len(s.Jobs())+1)
		if len(r.err) > 0 {
			t.Fatal(r.end())
		}
		s.Move(r.id(), "JOB_STATE_DRAINED")
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		created := *s.Jobs()[len(s.Jobs())-1]
		request := created.ClientRequestId
		if len(request) < 20 {
			t.Errorf("the request has the ID %q", request)
		}
		created.Id, created.CreateTime, created.CurrentState, created.CurrentStateTime = "", "", "", ""
		b, err := json.Marshal(created)
		if err != nil {
			t.Fatal(err)
		}
		golden.Text(t, filepath.Join("testdata", name+".golden.json"), masked(t, strings.ReplaceAll(string(b), request, "REQUEST")))
	}
}

// masked returns a job in one order, without what differs with the version of Beam.
func masked(t *testing.T, text string) string {
	t.Helper()
	var job struct {
		Environment struct {
			SDKPipelineOptions map[string]any   `json:"sdkPipelineOptions"`
			UserAgent          map[string]any   `json:"userAgent"`
			WorkerPools        []map[string]any `json:"workerPools"`
		} `json:"environment"`
	}
	var all map[string]any
	if err := errors.Join(json.Unmarshal([]byte(text), &job), json.Unmarshal([]byte(text), &all)); err != nil {
		t.Fatal(err)
	}
	options := job.Environment.SDKPipelineOptions
	slices.SortFunc(options["display_data"].([]any), func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	options["options"].(map[string]any)["pipelineProtoHash"] = "MASKED"
	job.Environment.UserAgent["version"] = "MASKED"
	for _, pool := range job.Environment.WorkerPools {
		for _, image := range pool["sdkHarnessContainerImages"].([]any) {
			image.(map[string]any)["capabilities"] = "MASKED"
		}
	}
	environment := all["environment"].(map[string]any)
	environment["sdkPipelineOptions"], environment["userAgent"], environment["workerPools"] = options, job.Environment.UserAgent, job.Environment.WorkerPools
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func TestATemplateIsAJobThatNobodyHasCreated(t *testing.T) {
	s := dataflowfake.Start(t)
	o := optionsFor(s)
	o.Template = "gs://my-bucket/templates/job"
	if err := dataflow.Run(t.Context(), pipelineOf("here", ""), runners.Job{Streaming: true, Options: o, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	var job dataflowpb.Job
	if err := json.Unmarshal(s.Object(o.Template), &job); err != nil || len(s.Jobs()) > 0 {
		t.Fatalf("%v, %d jobs", err, len(s.Jobs()))
	}
	c, err := dataflowapi.New(t.Context(), o.Place())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} { // it is launched under a name that the launch gives
		job.Name = name
		if _, err := c.Create(t.Context(), &job); err != nil {
			t.Error(err)
		}
	}
}

func TestAJobThatIsDetachedRunsOn(t *testing.T) {
	s := dataflowfake.Start(t)
	o := optionsFor(s)
	o.Detach = true
	r := start(t, s, o, pipelineOf("here", ""), false, 1)
	if err := r.end(); err != nil || !gocmp.Equal(r.kept, []string{r.id()}) || s.Jobs()[0].RequestedState != "" {
		t.Errorf("%v, kept %q", err, r.kept)
	}
}

func TestWhatMustNotTravelIsRefusedAndNotShown(t *testing.T) {
	const secret = "the contact key"
	s := dataflowfake.Start(t)
	refused := func(name string, p *beam.Pipeline, o dataflow.Options) {
		t.Helper()
		_, err := dataflow.NewPlan(t.Context(), p, o, true, portable.Forbidden{What: "what hashes contacts", Text: secret})
		if !errors.Is(err, portable.ErrFound) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("in the graph", pipelineOf("here", secret), optionsFor(s))
	o := optionsFor(s)
	o.ServiceOptions = []string{"note=" + secret}
	refused("in an option", pipelineOf("here", ""), o)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
	refused("a credential", pipelineOf("here", "key=wJalrXUtnFEMI"), optionsFor(s))
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	refused("a path", pipelineOf("here", filepath.Join(dir, "a.ndjson")), optionsFor(s))
	if len(s.Requests()) > 0 {
		t.Errorf("a plan has asked %q", s.Requests())
	}
}

func TestAPlanIsTold(t *testing.T) {
	s := dataflowfake.Start(t)
	o := full(s)
	p := plan(t, o, true)
	var b strings.Builder
	if err := p.Describe(&b, o, "kinesis:flex-events", "bigquery:my-project.flex"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"flexbeam-live", "stream", "kinesis:flex-events", "bigquery:my-project.flex", o.Image, "AWS_SECRET_ACCESS_KEY, which each worker reads from gcpsecretmanager://",
		"e2-standard-2", "WORKER_IP_PRIVATE", "STREAMING_MODE_AT_LEAST_ONCE", "team=contact-centre", "enable_streaming_engine", "dataflow_test.keptFn", "due event_time",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not told:\n%s", want, &b)
		}
	}
}
