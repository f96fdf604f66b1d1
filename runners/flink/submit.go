package flink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/apache/beam/sdks/v2/go/container/tools"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/runnerlib"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
)

// How long the job service may take to answer, and to take a job. Its jars go to the cluster with
// the job, where the service was not told to leave them.
const (
	answerWithin = 20 * time.Second
	submitWithin = 5 * time.Minute
)

// ErrService says that Beam's job service does not do what it should.
var ErrService = errors.New("the job service of Beam")

// submission is a job that was handed to Beam's job service.
type submission struct {
	service jobpb.JobServiceClient
	close   func() error
	id      string // of the job service
	name    string // on the cluster
	failed  chan error
}

// submit hands a pipeline to the job service. The caller closes the submission.
func submit(ctx context.Context, p *beam.Pipeline, o Options, streaming bool, name, workers string, log *slog.Logger) (*submission, error) {
	graph, err := marshal(ctx, p, o, workers)
	if err != nil {
		return nil, err
	}
	options, err := pipelineOptions(o, streaming, name)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient("passthrough:///"+o.Endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrService, o.Endpoint, err)
	}
	s := &submission{service: jobpb.NewJobServiceClient(conn), close: conn.Close, name: name, failed: make(chan error, 1)}
	if err := s.hand(ctx, &jobpb.PrepareJobRequest{Pipeline: graph, PipelineOptions: options, JobName: name}); err != nil {
		return nil, errors.Join(fmt.Errorf("%w at %s: %w: is it there, and does it belong to the cluster of --flink-rest?", ErrService, o.Endpoint, err), conn.Close())
	}
	go s.listen(ctx, log)
	return s, nil
}

// marshal returns the graph, with where its transforms run.
func marshal(ctx context.Context, p *beam.Pipeline, o Options, workers string) (*pipepb.Pipeline, error) {
	edges, _, err := p.Build()
	if err != nil {
		return nil, err
	}
	urn, config := graphx.URNEnvExternal, workers
	if o.Environment == Process {
		b, err := json.Marshal(map[string]string{"command": o.Worker})
		if err != nil {
			return nil, err
		}
		urn, config = graphx.URNEnvProcess, string(b)
	}
	env, err := graphx.CreateEnvironment(ctx, urn, func(context.Context) string { return config })
	if err != nil {
		return nil, err
	}
	env.Dependencies = []*pipepb.ArtifactInformation{} // workers have the program
	return graphx.Marshal(edges, &graphx.Options{Environment: env})
}

// hand prepares, stages and starts a job.
func (s *submission) hand(ctx context.Context, r *jobpb.PrepareJobRequest) error {
	answer, stop := context.WithTimeoutCause(ctx, answerWithin, fmt.Errorf("no answer within %v", answerWithin))
	defer stop()
	prepared, err := s.service.Prepare(answer, r, grpc.WaitForReady(true))
	if err != nil {
		return because(answer, err)
	}
	ctx, stop = context.WithTimeoutCause(ctx, submitWithin, fmt.Errorf("the job was not taken within %v", submitWithin))
	defer stop()
	// No file goes along, but the service waits to be told so.
	token, err := runnerlib.Stage(ctx, prepared.GetPreparationId(), prepared.GetArtifactStagingEndpoint().GetUrl(), "", prepared.GetStagingSessionToken())
	if err != nil {
		return because(ctx, fmt.Errorf("stage: %w", err))
	}
	s.id, err = runnerlib.Submit(ctx, s.service, prepared.GetPreparationId(), token)
	return because(ctx, err)
}

// because returns an error, with why ctx ended if that was the reason.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// pipelineOptions returns the options of the job, as the job service reads them. Options of Beam's
// Go SDK, which would take every flag of this program along, are left out: a worker needs none.
func pipelineOptions(o Options, streaming bool, name string) (*structpb.Struct, error) {
	all := map[string]any{
		"beam:option:app_name:v1":    name,
		"beam:option:job_name:v1":    name,
		"beam:option:experiments:v1": []string{"beam_fn_api"},
		"beam:option:go_options:v1":  map[string]any{"options": map[string]string{}},
	}
	for k, v := range o.own(streaming) {
		all["beam:option:"+k+":v1"] = v
	}
	return tools.OptionsToProto(all)
}

// listen logs what the job service tells of the job, and notes why it failed.
func (s *submission) listen(ctx context.Context, log *slog.Logger) {
	stream, err := s.service.GetMessageStream(ctx, &jobpb.JobMessagesRequest{JobId: s.id})
	if err != nil {
		log.Debug("flink: the job service tells nothing of the job", "error", err)
		return
	}
	last, failed := "", false
	for {
		m, err := stream.Recv()
		if err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				log.Debug("flink: the job service tells no more of the job", "error", err)
			}
			break
		}
		if text := m.GetMessageResponse(); text != nil {
			log.Debug("flink: job service", "importance", text.GetImportance().String(), "message", text.GetMessageText())
			if text.GetImportance() >= jobpb.JobMessage_JOB_MESSAGE_ERROR {
				last = text.GetMessageText()
			}
		}
		if state := m.GetStateResponse(); state != nil {
			log.Debug("flink: job service", "state", state.GetState().String())
			failed = failed || state.GetState() == jobpb.JobState_FAILED
		}
		if failed && last != "" {
			break
		}
	}
	if failed {
		s.failed <- errors.New(last)
	}
}
