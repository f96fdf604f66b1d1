package main

import (
	"strings"
	"testing"

	"flexbeam/internal/testkit/dataflowfake"
)

// onFake are the flags of a job on a Dataflow of this machine.
func onFake(s *dataflowfake.Server) []string {
	return []string{"--dataflow-project=my-project", "--dataflow-region=europe-west1", "--dataflow-endpoint=" + s.Endpoint(), "--dataflow-gcs-endpoint=" + s.StorageEndpoint()}
}

// dataflowRun are the arguments of a job that is right.
func dataflowRun(more ...string) []string {
	return append([]string{
		"run", "--runner=dataflow", "--source=kinesis:flex-events?region=us-east-1", "--sink=bigquery:my-project.flex", "--dataflow-project=my-project",
		"--dataflow-region=europe-west1", "--dataflow-staging=gs://my-bucket/staging", "--dataflow-image=gcr.io/my-project/worker:0.1.0",
	}, more...)
}

func TestADryRunPrintsTheJobAndAsksNobody(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	r := call(t, dataflowRun("--dry-run", "--dataflow-label=team=cc", "--dataflow-secret=FLEXBEAM_CONTACT_KEY=gcpsecretmanager://projects/my-project/secrets/contact-key")...)
	if r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, r.errors)
	}
	for _, want := range []string{
		"stream", "kinesis:flex-events?region=us-east-1", "bigquery:my-project.flex", "team=cc", "FLEXBEAM_CONTACT_KEY, which each worker reads from gcpsecretmanager://",
		"keyed.State.task/beamstate.ProcessFn", "kinesisio.encodeProgress",
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is missing in:\n%s", want, r.out)
		}
	}
	if !strings.HasPrefix(r.errors, "dry run: ") || strings.Count(r.errors, "\n") != 1 {
		t.Errorf("it says %q", r.errors)
	}
}

func TestAWrongJobOnDataflowSaysInOneLineWhatToDo(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"no project", []string{"run", "--runner=dataflow", "--source=kinesis:s?region=us-east-1", "--sink=bigquery:p.d"}, []string{"--dataflow-project is missing"}},
		{"another runner", []string{"run", "--source=kinesis:s?region=us-east-1", "--sink=bigquery:p.d", "--dataflow-region=europe-west1"}, []string{"--dataflow-region", "the runner is auto"}},
		{"a dry run elsewhere", []string{"run", "--source=kinesis:s?region=us-east-1", "--sink=bigquery:p.d", "--dry-run"}, []string{"--dry-run", "--runner dataflow"}},
		{"a state", dataflowRun("--state=" + t.TempDir()), []string{"--state", "--dataflow-update"}},
		{"at once", dataflowRun("--at-once"), []string{"--at-once", "--runner prism"}},
		{"a file", dataflowRun("--sink=duckdb:x.duckdb"), []string{"--sink duckdb:x.duckdb", "one process", "other machines"}},
		{"files", dataflowRun("--source=file:dataflow_test.go"), []string{"--source file:dataflow_test.go", "this machine"}},
		{"a server here", dataflowRun("--source=kinesis:s?endpoint=http://127.0.0.1:4567"), []string{"an endpoint on this machine"}},
		{"a folder", dataflowRun("--source=taskrouter:WS0123456789abcdef0123456789abcdef?account=AC0123456789abcdef0123456789abcdef&key=SK0123456789abcdef0123456789abcdef&keep=here"), []string{"a folder of this machine"}},
		{"a secret that workers lack", dataflowRun("--source=taskrouter:WS0123456789abcdef0123456789abcdef?account=AC0123456789abcdef0123456789abcdef&key=SK0123456789abcdef0123456789abcdef"),
			[]string{"env:TWILIO_API_SECRET", "--dataflow-secret TWILIO_API_SECRET="}},
		{"transcripts", dataflowRun("--turns=all?account=AC0123456789abcdef0123456789abcdef&key=SK0123456789abcdef0123456789abcdef"), []string{"env:TWILIO_API_SECRET", "--dataflow-secret TWILIO_API_SECRET="}},
		{"a label twice", dataflowRun("--dataflow-label=a=b", "--dataflow-label=a=c"), []string{"--dataflow-label a", "twice"}},
		{"a secret for a reference", dataflowRun("--dataflow-secret=s3cr3t"), []string{"--dataflow-secret", "NAME="}},
		{"a secret for another reference", dataflowRun("--dataflow-secret=A=s3cr3t"), []string{"--dataflow-secret A"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TWILIO_API_SECRET", "of-a-test")
			r := call(t, tt.args...)
			if r.code != 2 || r.out != "" || strings.Contains(r.errors, "s3cr3t") {
				t.Errorf("exit %d, output %q, errors %q", r.code, r.out, r.errors)
			}
			oneLine(t, r.errors, tt.want...)
		})
	}
	t.Setenv("FLEXBEAM_CONTACT_KEY", "k3y")
	r := call(t, dataflowRun()...)
	if r.code != 2 || strings.Contains(r.errors, "k3y") {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
	oneLine(t, r.errors, "the contact key never travels", "--dataflow-secret FLEXBEAM_CONTACT_KEY=")
}

func TestJobsOnDataflowAreLookedAfter(t *testing.T) {
	s := dataflowfake.Start(t)
	old := s.Add("europe-west1", "flexbeam-live", "JOB_TYPE_STREAMING")
	s.Move(old, "JOB_STATE_UPDATED")
	live := s.Add("europe-west1", "flexbeam-live", "JOB_TYPE_STREAMING")
	batch := s.Add("europe-west1", "flexbeam-batch", "JOB_TYPE_BATCH")
	s.Say(live, "JOB_MESSAGE_WARNING", "a worker was\n replaced")
	s.Say(live, "JOB_MESSAGE_BASIC", "of no interest")
	s.Count(live, "s1", "flexbeam", "records", 12345)
	job := func(args ...string) ran { return call(t, append(append([]string{"job"}, onFake(s)...), args...)...) }

	for _, tt := range []struct {
		args []string
		code int
		out  []string
		errs []string
	}{
		{[]string{"list"}, 0, []string{live + "  flexbeam-live   RUNNING", old + "  flexbeam-live   UPDATED", batch}, nil},
		{[]string{"status", "flexbeam-live"}, 0, []string{live, "RUNNING", "records", "12,345", "a worker was replaced"}, nil},
		{[]string{"status"}, 2, nil, []string{"2 jobs run on Dataflow"}},
		{[]string{"status", "nobody"}, 1, nil, []string{"Dataflow knows no job nobody"}},
		{[]string{"savepoint", live}, 2, nil, []string{"--dataflow-update"}},
		{[]string{"stop", live}, 2, nil, []string{"flexbeam job drain"}},
		{[]string{"drain", batch}, 1, nil, []string{"refused by Dataflow"}},
		{[]string{"cancel", "flexbeam-batch"}, 0, nil, []string{batch, "CANCELLED"}},
		{[]string{"drain"}, 0, nil, []string{live, "DRAINED"}},
		{[]string{"cancel", live}, 1, nil, []string{"terminal state"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			r := job(tt.args...)
			if r.code != tt.code {
				t.Errorf("exit %d: %s", r.code, r.errors)
			}
			for _, want := range tt.out {
				if !strings.Contains(r.out, want) {
					t.Errorf("%q is missing in:\n%s", want, r.out)
				}
			}
			for _, want := range tt.errs {
				if !strings.Contains(r.errors, want) {
					t.Errorf("%q is missing in %q", want, r.errors)
				}
			}
		})
	}
}

func TestAJobIsOfOneCluster(t *testing.T) {
	for args, want := range map[string]string{
		"--dataflow-project=my-project":                          "--dataflow-region is missing",
		"--dataflow-region=europe-west1":                         "--dataflow-project is missing",
		"--flink-rest=127.0.0.1:1 --dataflow-project=my-project": "leave the other out",
	} {
		r := call(t, append([]string{"job", "list"}, strings.Fields(args)...)...)
		if r.code != 2 {
			t.Errorf("%s: exit %d", args, r.code)
		}
		oneLine(t, r.errors, want)
	}
	addr, _ := flinkSays(t, map[string]string{"GET /jobs/overview": twoJobs})
	r := call(t, "job", "drain", "--flink-rest="+addr)
	if r.code != 2 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "Flink does not drain", "flexbeam job stop")
}
