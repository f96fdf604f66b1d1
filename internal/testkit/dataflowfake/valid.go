package dataflowfake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/api/dataflow/v1b3"
	"google.golang.org/protobuf/proto"
)

var (
	jobName    = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	labelKey   = regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`)
	labelValue = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)
)

// valid returns the graph of a job that a client wants to create, or why the service would not take
// it.
func (s *Server) valid(j *dataflow.Job, project, location string) (*pipepb.Pipeline, error) {
	streaming := j.Type == "JOB_TYPE_STREAMING"
	e := j.Environment
	switch {
	case !jobName.MatchString(j.Name) || len(j.Name) > 1024:
		return nil, fmt.Errorf("the job name %q is invalid", j.Name)
	case !streaming && j.Type != "JOB_TYPE_BATCH":
		return nil, fmt.Errorf("the job type %q is invalid", j.Type)
	case j.ProjectId != "" && j.ProjectId != project, j.Location != "" && j.Location != location:
		return nil, errors.New("the project or the location is not that of the request")
	case j.Id+j.CreateTime+j.CurrentState+j.CurrentStateTime+j.ReplacedByJobId+j.RequestedState != "":
		return nil, errors.New("a field is set that only the service sets")
	case e == nil || len(e.WorkerPools) != 1 || len(j.Steps) > 0:
		return nil, errors.New("a job has one worker pool, and its steps are in its graph")
	case e.WorkerRegion != "" && e.WorkerZone != "":
		return nil, errors.New("worker_region and worker_zone are mutually exclusive")
	case !slices.Contains([]string{"", "FLEXRS_SPEED_OPTIMIZED", "FLEXRS_COST_OPTIMIZED"}, e.FlexResourceSchedulingGoal), streaming && e.FlexResourceSchedulingGoal != "":
		return nil, fmt.Errorf("the goal %q is invalid for a %s", e.FlexResourceSchedulingGoal, j.Type)
	case !slices.Contains([]string{"", "STREAMING_MODE_EXACTLY_ONCE", "STREAMING_MODE_AT_LEAST_ONCE"}, e.StreamingMode), !streaming && e.StreamingMode != "":
		return nil, fmt.Errorf("the streaming mode %q is invalid for a %s", e.StreamingMode, j.Type)
	case !strings.HasPrefix(e.TempStoragePrefix, "gs://"):
		return nil, fmt.Errorf("the temp location %q is invalid", e.TempStoragePrefix)
	case !slices.Contains(e.Experiments, "use_runner_v2"), !slices.Contains(e.Experiments, "use_portable_job_submission"):
		return nil, errors.New("a job of Beam's Go SDK needs Runner v2 and portable submission")
	case streaming != slices.Contains(e.Experiments, "enable_streaming_engine"):
		return nil, errors.New("a stream needs Streaming Engine on Runner v2, and a batch has none")
	case len(j.TransformNameMapping) > 0 && j.ReplaceJobId == "":
		return nil, errors.New("a mapping of transform names needs a job that is updated")
	}
	if err := validLabels(j.Labels); err != nil {
		return nil, err
	}
	graph, err := s.graph(j, location)
	if err != nil {
		return nil, err
	}
	return graph, validPool(e, graph)
}

func validLabels(labels map[string]string) error {
	if len(labels) > 64 {
		return fmt.Errorf("%d labels", len(labels))
	}
	for key, value := range labels {
		if !labelKey.MatchString(key) || !labelValue.MatchString(value) {
			return fmt.Errorf("the label %s=%s is invalid", key, value)
		}
	}
	return nil
}

// graph reads the graph of a job from where its options say that it is.
func (s *Server) graph(j *dataflow.Job, location string) (*pipepb.Pipeline, error) {
	var version struct {
		JobType string `json:"job_type"`
		Major   string `json:"major"`
	}
	if err := json.Unmarshal(j.Environment.Version, &version); err != nil || version.Major == "" || !strings.HasPrefix(version.JobType, "FNAPI_") {
		return nil, fmt.Errorf("the version %s is invalid", j.Environment.Version)
	}
	o, err := optionsOf(j)
	if err != nil {
		return nil, fmt.Errorf("the options: %w", err)
	}
	if o.Options.Region != location || o.GoOptions == nil || o.Options.TempLocation != j.Environment.TempStoragePrefix {
		return nil, fmt.Errorf("the options are of another region or temp location, or not of Go: %s", j.Environment.SdkPipelineOptions)
	}
	model, ok := s.objects[o.Options.PipelineURL]
	hash := sha256.Sum256(model)
	if !ok || hex.EncodeToString(hash[:]) != o.Options.PipelineProtoHash {
		return nil, fmt.Errorf("the pipeline at %q is not there or not the one that was meant", o.Options.PipelineURL)
	}
	var graph pipepb.Pipeline
	if err := proto.Unmarshal(model, &graph); err != nil {
		return nil, fmt.Errorf("the pipeline: %w", err)
	}
	names := map[string]bool{}
	for _, t := range graph.GetComponents().GetTransforms() {
		if names[t.GetUniqueName()] {
			return nil, fmt.Errorf("the name %q is not unique", t.GetUniqueName())
		}
		names[t.GetUniqueName()] = true
	}
	return &graph, nil
}

// validPool refuses a worker pool that could not run the graph.
func validPool(e *dataflow.Environment, graph *pipepb.Pipeline) error {
	p := e.WorkerPools[0]
	switch {
	case p.Kind != "harness":
		return fmt.Errorf("the worker pool is a %q", p.Kind)
	case !slices.Contains([]string{"WORKER_IP_UNSPECIFIED", "WORKER_IP_PUBLIC", "WORKER_IP_PRIVATE"}, p.IpConfiguration):
		return fmt.Errorf("the IP configuration %q is invalid", p.IpConfiguration)
	case p.AutoscalingSettings != nil && p.AutoscalingSettings.MaxNumWorkers > 0 && p.NumWorkers > p.AutoscalingSettings.MaxNumWorkers:
		return fmt.Errorf("%d workers of %d", p.NumWorkers, p.AutoscalingSettings.MaxNumWorkers)
	case len(p.SdkHarnessContainerImages) != len(graph.GetComponents().GetEnvironments()):
		return errors.New("the images are not those of the graph's environments")
	}
	for _, i := range p.SdkHarnessContainerImages {
		env := graph.GetComponents().GetEnvironments()[i.EnvironmentId]
		var docker pipepb.DockerPayload
		if err := proto.Unmarshal(env.GetPayload(), &docker); err != nil || env.GetUrn() != "beam:env:docker:v1" || docker.GetContainerImage() != i.ContainerImage || i.ContainerImage == "" {
			return fmt.Errorf("the image %q is not that of the environment %s", i.ContainerImage, i.EnvironmentId)
		}
	}
	return nil
}

// stateful returns the names of the steps that have a state.
func stateful(graph *pipepb.Pipeline) (names []string) {
	for _, t := range graph.GetComponents().GetTransforms() {
		var p pipepb.ParDoPayload
		if t.GetSpec().GetUrn() == "beam:transform:pardo:v1" && proto.Unmarshal(t.GetSpec().GetPayload(), &p) == nil && len(p.GetStateSpecs()) > 0 {
			names = append(names, t.GetUniqueName())
		}
	}
	slices.Sort(names)
	return names
}
