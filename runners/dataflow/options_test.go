package dataflow_test

import (
	"strings"
	"testing"

	"flexbeam/internal/testkit/dataflowfake"
	"flexbeam/internal/workerenv"
	"flexbeam/runners/dataflow"
)

func TestOptionsThatCannotBeSayWhatToWrite(t *testing.T) {
	s := dataflowfake.Start(t)
	tests := []struct {
		name   string
		change func(*dataflow.Options)
		batch  bool
		want   string // empty: they can be
	}{
		{"the least", func(*dataflow.Options) {}, false, ""},
		{"the most", func(o *dataflow.Options) { *o = full(s) }, false, ""},
		{"a batch", func(o *dataflow.Options) { o.FlexRS = dataflow.ForCost }, true, ""},
		{"no project", func(o *dataflow.Options) { o.Project = "" }, false, "--dataflow-project is missing"},
		{"a project's number", func(o *dataflow.Options) { o.Project = "123" }, false, "--dataflow-project 123"},
		{"no region", func(o *dataflow.Options) { o.Region = "" }, false, "--dataflow-region is missing"},
		{"a zone for a region", func(o *dataflow.Options) { o.Region = "europe-west1-b" }, false, "such as europe-west1"},
		{"no staging", func(o *dataflow.Options) { o.Staging = "" }, false, "--dataflow-staging is missing"},
		{"staging here", func(o *dataflow.Options) { o.Staging = "/tmp/staging" }, false, "such as gs://"},
		{"no image", func(o *dataflow.Options) { o.Image = "" }, false, "--dataflow-image is missing"},
		{"an image without a version", func(o *dataflow.Options) { o.Image = "gcr.io/p/worker" }, false, "--dataflow-image gcr.io/p/worker"},
		{"a digest", func(o *dataflow.Options) { o.Image = "gcr.io/p/worker@sha256:" + strings.Repeat("0a", 32) }, false, ""},
		{"a wrong name", func(o *dataflow.Options) { o.Name = "Flexbeam_1" }, false, "--dataflow-job-name Flexbeam_1"},
		{"no name", func(o *dataflow.Options) { o.Name = "" }, false, ""},
		{"an update without a name", func(o *dataflow.Options) { o.Name, o.Update = "", true }, false, "--dataflow-job-name is missing"},
		{"an update of a batch", func(o *dataflow.Options) { o.Update = true }, true, "--dataflow-update"},
		{"renames without an update", func(o *dataflow.Options) { o.Renames = map[string]string{"a": "b"} }, false, "--dataflow-rename"},
		{"too many workers", func(o *dataflow.Options) { o.Workers, o.MaxWorkers = 3, 2 }, false, "--dataflow-workers 3"},
		{"fewer than none", func(o *dataflow.Options) { o.DiskGB = -1 }, false, "--dataflow-disk"},
		{"two places", func(o *dataflow.Options) { o.WorkerRegion, o.WorkerZone = "europe-west1", "europe-west1-b" }, false, "leave one out"},
		{"a subnetwork's name alone", func(o *dataflow.Options) { o.Subnetwork = "mine" }, false, "regions/"},
		{"a person's account", func(o *dataflow.Options) { o.Account = "me@example.com" }, false, "--dataflow-service-account"},
		{"a key's name alone", func(o *dataflow.Options) { o.KMSKey = "k" }, false, "cryptoKeys"},
		{"a stream that waits", func(o *dataflow.Options) { o.FlexRS = dataflow.ForCost }, false, "--dataflow-flexrs cost"},
		{"a goal that there is not", func(o *dataflow.Options) { o.FlexRS = "soon" }, true, "--dataflow-flexrs soon"},
		{"a batch with a stream's mode", func(o *dataflow.Options) { o.AtLeastOnce = true }, true, "--dataflow-at-least-once"},
		{"a label in capitals", func(o *dataflow.Options) { o.Labels = map[string]string{"Team": "a"} }, false, "--dataflow-label Team=a"},
		{"a template that is a folder", func(o *dataflow.Options) { o.Template = "gs://b-1/t/" }, false, "--dataflow-template"},
		{"a secret for a reference", func(o *dataflow.Options) { o.Secrets = workerenv.References{"A": "s3cr3t"} }, false, "--dataflow-secret A"},
		{"a secret of this machine", func(o *dataflow.Options) { o.Secrets = workerenv.References{"A": "env:A"} }, false, "gcpsecretmanager://"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := optionsFor(s)
			tt.change(&o)
			err := o.Check(!tt.batch)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
}
