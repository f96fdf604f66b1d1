package pipeline

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/dataflowfake"
	"flexbeam/internal/testkit/history"
	"flexbeam/internal/workerenv"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/transcripts"
	"flexbeam/runners/dataflow"
	"flexbeam/runners/portable"
	"flexbeam/transforms/keyed"
)

// onDataflow returns the options of a stream on a Dataflow of this machine.
func onDataflow(s *dataflowfake.Server) Options {
	d := dataflow.NewOptions()
	d.Project, d.Region, d.Staging, d.Name, d.Image = "my-project", "europe-west1", "gs://my-bucket/staging", "flexbeam-live", "gcr.io/my-project/worker:0.1.0"
	d.Endpoint, d.StorageEndpoint, d.LookEvery = s.Endpoint(), s.StorageEndpoint(), 5*time.Millisecond
	d.Secrets = workerenv.References{keyed.KeyVariable: "gcpsecretmanager://projects/my-project/secrets/contact-key"}
	return Options{
		Source: "kinesis:flex-events?region=eu-west-1", Sink: memory(history.NewStore()), Runner: Dataflow, ContactKey: "the contact key of the house", Dataflow: d,
	}
}

// A stream on Dataflow outlives the process that created it; its contact key does not come there.
func TestAStreamIsHandedToDataflow(t *testing.T) {
	s := dataflowfake.Start(t)
	o := onDataflow(s)
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for len(s.Jobs()) == 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel(errors.New("a signal"))
	}()
	sum, err := j.Run(ctx)
	if err != nil || !sum.Remote {
		t.Fatal(err, sum)
	}
	job := s.Jobs()[0]
	if job.Type != "JOB_TYPE_STREAMING" || job.RequestedState != "" || j.Savepoint() != job.Id {
		t.Errorf("%s, asked to be %q, and kept is %q", job.Type, job.RequestedState, j.Savepoint())
	}
	all := s.Everything()
	if len(all) < 1000 || bytes.Contains(all, []byte(o.ContactKey)) {
		t.Errorf("the contact key is among %d bytes that the service got", len(all))
	}
}

func TestADryRunOnDataflowFindsWhatMustNotTravel(t *testing.T) {
	s := dataflowfake.Start(t)
	o := onDataflow(s)
	o.Dataflow.ServiceOptions = []string{"note=" + o.ContactKey}
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	err = j.DescribeDataflow(t.Context(), &b)
	if !errors.Is(err, portable.ErrFound) || strings.Contains(err.Error(), o.ContactKey) || !strings.Contains(b.String(), "beamstate.ProcessFn") {
		t.Errorf("%v, told:\n%s", err, &b)
	}
	if asked := s.Requests(); len(asked) > 0 {
		t.Errorf("it has asked %q", asked)
	}
}

// elsewhereSource is a source of files that are in a bucket, or not.
type elsewhereSource struct {
	source.Source
	local bool
}

func (s elsewhereSource) Local() bool { return s.local }

func TestFilesInABucketAreReadOnDataflow(t *testing.T) {
	o := onDataflow(dataflowfake.Start(t))
	o.Source, o.Mode = "file:gs://my-bucket/*.ndjson", Batch
	for _, local := range []bool{false, true} {
		if err := o.checkDataflow(elsewhereSource{local: local}, transcripts.Config{}); (err != nil) != local {
			t.Errorf("local %v: %v", local, err)
		}
	}
}

// What a Flex Template's launcher asks for is written, and no job is created.
func TestAJobForATemplateIsWritten(t *testing.T) {
	s := dataflowfake.Start(t)
	o := onDataflow(s)
	o.Dataflow.Template = "gs://my-bucket/templates/job"
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	written := s.Object(o.Dataflow.Template)
	if !bytes.Contains(written, []byte("JOB_TYPE_STREAMING")) || bytes.Contains(s.Everything(), []byte(o.ContactKey)) || len(s.Jobs()) > 0 {
		t.Errorf("%d jobs, written is %s", len(s.Jobs()), written)
	}
}
