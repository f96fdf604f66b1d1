package dataflow

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow/dataflowlib"
	"google.golang.org/api/dataflow/v1b3"
	"google.golang.org/protobuf/proto"

	"flexbeam/internal/workerenv"
	"flexbeam/runners/portable"
)

// A Plan is a job as the service would get it.
type Plan struct {
	Graph *pipepb.Pipeline
	Job   *dataflow.Job

	model    []byte // Graph, encoded
	modelURL string // where the job says that it is
}

// experiments are those without which the service would not take a job of Beam's Go SDK, or not run
// it by the portable runner.
var (
	experiments          = []string{"beam_fn_api", "use_runner_v2", "use_unified_worker", "use_portable_job_submission"}
	streamingExperiments = []string{"enable_streaming_engine", "enable_windmill_service"}
)

// NewPlan returns the plan of a pipeline. Its errors are those of options, and of a graph that would
// fail on the service (portable.Check): one that holds something of secrets, which are texts that must
// not travel, is one.
func NewPlan(ctx context.Context, p *beam.Pipeline, o Options, streaming bool, secrets ...portable.Forbidden) (*Plan, error) {
	if err := o.Check(streaming); err != nil {
		return nil, err
	}
	workers, err := graphx.CreateEnvironment(ctx, graphx.URNEnvDocker, func(context.Context) string { return o.Image })
	if err != nil {
		return nil, err
	}
	workers.Dependencies = nil // the image has the program
	graph, err := portable.Marshal(p, workers)
	if err != nil {
		return nil, err
	}
	if o.Name == "" {
		o.Name = "flexbeam-" + strings.ToLower(rand.Text()[:8])
	}
	request := strings.ToLower(rand.Text())
	plan := &Plan{Graph: graph, modelURL: strings.TrimRight(o.Staging, "/") + "/" + o.Name + "-" + request + "/pipeline.pb"}
	if plan.model, err = (proto.MarshalOptions{Deterministic: true}).Marshal(graph); err != nil {
		return nil, fmt.Errorf("marshal the graph: %w", err)
	}
	if plan.Job, err = plan.translate(ctx, o, streaming); err != nil {
		return nil, err
	}
	plan.Job.ClientRequestId = request
	return plan, plan.check(secrets)
}

// translate makes the job of the service's interface.
func (p *Plan) translate(ctx context.Context, o Options, streaming bool) (*dataflow.Job, error) {
	hash := sha256.Sum256(p.model)
	job, err := dataflowlib.Translate(ctx, p.Graph, o.lib(streaming), "", p.modelURL, hex.EncodeToString(hash[:]))
	if err != nil {
		return nil, err
	}
	pool := job.Environment.WorkerPools[0]
	pool.Packages = nil // Beam would name the program here, which the image has
	if o.Workers == 0 {
		pool.NumWorkers = 0 // and would begin with one worker
	}
	job.Location = o.Region
	if o.AtLeastOnce {
		job.Environment.StreamingMode = "STREAMING_MODE_AT_LEAST_ONCE"
	}
	return job, nil
}

// lib returns the options as Beam's library has them.
func (o Options) lib(streaming bool) *dataflowlib.JobOptions {
	all := slices.Concat(experiments, o.Experiments)
	if streaming {
		all = append(all, streamingExperiments...)
	}
	slices.Sort(all)
	options := map[string]string{}
	if len(o.Secrets) > 0 {
		options[workerenv.Option] = o.Secrets.Encode()
	}
	return &dataflowlib.JobOptions{
		Name: o.Name, Experiments: slices.Compact(all), DataflowServiceOptions: o.ServiceOptions,
		Options: runtime.RawOptions{Options: options}, Streaming: streaming, Project: o.Project, Region: o.Region,
		KmsKey: o.KMSKey, Network: o.Network, Subnetwork: o.Subnetwork, NoUsePublicIPs: o.NoPublicIPs,
		NumWorkers: int64(o.Workers), MaxNumWorkers: int64(o.MaxWorkers), DiskSizeGb: int64(o.DiskGB), MachineType: o.MachineType,
		Labels: o.Labels, ServiceAccountEmail: o.Account, WorkerRegion: o.WorkerRegion, WorkerZone: o.WorkerZone,
		ContainerImage: o.Image, FlexRSGoal: goals[o.FlexRS], TransformNameMapping: o.Renames, TempLocation: o.temp(),
	}
}

// check finds what would fail on the service, or must not come to it, in the graph and in the job.
func (p *Plan) check(secrets []portable.Forbidden) error {
	forbidden := slices.Concat(secrets, ofThisMachine())
	if err := portable.Check(p.Graph, forbidden...); err != nil {
		return fmt.Errorf("the graph does not fit Dataflow: %w", err)
	}
	job, err := p.Job.MarshalJSON()
	if err != nil {
		return err
	}
	for _, f := range forbidden {
		if f.Text != "" && strings.Contains(string(job), f.Text) {
			return fmt.Errorf("the options of the job: %w: %s", portable.ErrFound, f.What)
		}
	}
	return nil
}

// credentials are environment variables whose values must not travel.
var credentials = []string{
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "TWILIO_API_SECRET", "TWILIO_AUTH_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS",
}

// ofThisMachine returns what may be in a graph by mistake: credentials, and paths that another machine
// does not have. A text that is very short would be found by chance.
func ofThisMachine() (all []portable.Forbidden) {
	const least = 5
	add := func(what, text string) {
		if len(text) >= least {
			all = append(all, portable.Forbidden{What: what, Text: text})
		}
	}
	for _, name := range credentials {
		add("the value of "+name, os.Getenv(name))
	}
	folder := func(what, path string, err error) {
		if err == nil && path != "" {
			add(what, filepath.Clean(path)+string(filepath.Separator))
		}
	}
	home, err := os.UserHomeDir()
	folder("the home directory", home, err)
	work, err := os.Getwd()
	folder("the working directory", work, err)
	folder("the directory for temporary files", os.TempDir(), nil)
	program, err := os.Executable()
	folder("the directory of the program", filepath.Dir(program), err)
	return all
}

// Model returns the encoded graph, as it is staged.
func (p *Plan) Model() []byte { return p.model }
