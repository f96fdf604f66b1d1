package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The file that a template is built with is what the flags of run are.
func TestTheMetadataOfTheTemplateIsAsItWas(t *testing.T) {
	r := call(t, "template", "metadata")
	if r.code != 0 {
		t.Fatal(r.errors)
	}
	golden(t, "../../deploy/dataflow/metadata.json", r.out)
}

func TestParametersOfTheTemplateAreFlagsOfRun(t *testing.T) {
	flags := newRun(newApp(nil, nil)).Flags()
	name := regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)
	required := []string{}
	for i, p := range templateMetadata(flags).Parameters {
		if flags.Lookup(parameters[i].flag) == nil || !name.MatchString(p.Name) || p.Label == "" || len(p.HelpText) < 10 {
			t.Errorf("%+v", p)
		}
		if !p.IsOptional {
			required = append(required, p.Name)
		}
		if beamOptions[p.Name] != "" || beamLists[p.Name] != "" || beamMaps[p.Name] != "" {
			t.Errorf("%s is Beam's as well", p.Name)
		}
	}
	if d := cmp.Diff([]string{"source", "sink"}, required); d != "" {
		t.Errorf("required (-want +got):\n%s", d)
	}
	for _, names := range []map[string]string{beamOptions, beamLists, beamMaps} {
		for name, flag := range names {
			if flags.Lookup(flag) == nil {
				t.Errorf("%s means --%s, which there is not", name, flag)
			}
		}
	}
}

// What works on Dataflow passes the template, and what is on this machine does not.
func TestTheTemplateTakesTheSourcesThatWorkOnDataflow(t *testing.T) {
	takes := regexp.MustCompile(parameters[0].regex)
	for source, ok := range map[string]bool{
		"kinesis:flex-events?region=us-east-1": true, "taskrouter:WS0123456789abcdef0123456789abcdef?from=1h": true,
		"s3://bucket/2026/*.gz": true, "gs://bucket/*.ndjson": true, "file:day.ndjson": false, "gs:": false,
	} {
		if takes.MatchString(source) != ok {
			t.Errorf("%s: want %v", source, ok)
		}
	}
}

func TestWhatALauncherGivesIsARun(t *testing.T) {
	got, err := runArgs([]string{
		"--project=my-project", "--region=europe-west1", "-job_name=flexbeam-live", "--temp_location=gs://my-bucket/temp/", "--template_location", "gs://my-bucket/job",
		"--source=kinesis:flex-events?region=us-east-1&start=latest", "--sink=bigquery:my-project.flex", "--hide_activity=Offline, Break", "--reshape=false",
		"--customer_left_reason=", `--labels={"team":"contact-centre","goog-dataflow-provided":"x"}`, "--experiments=a,b", "--flexrs_goal=FLEXRS_COST_OPTIMIZED",
		"--use_public_ips=false", "--runner=dataflow", "--enable_streaming_engine", "--num_workers=2", "--nobody_knows=this",
		"--dataflow_secret=AWS_ACCESS_KEY_ID=gcpsecretmanager://projects/p/secrets/a,AWS_SECRET_ACCESS_KEY=gcpsecretmanager://projects/p/secrets/b",
	}, "gcr.io/p/worker:1")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"--runner=dataflow",
		"--dataflow-experiment=a", "--dataflow-experiment=b", "--dataflow-flexrs=cost", "--dataflow-image=gcr.io/p/worker:1", "--dataflow-job-name=flexbeam-live",
		"--dataflow-label=goog-dataflow-provided=x", "--dataflow-label=team=contact-centre", "--dataflow-no-public-ips=true", "--dataflow-project=my-project",
		"--dataflow-region=europe-west1", "--dataflow-secret=AWS_ACCESS_KEY_ID=gcpsecretmanager://projects/p/secrets/a",
		"--dataflow-secret=AWS_SECRET_ACCESS_KEY=gcpsecretmanager://projects/p/secrets/b", "--dataflow-staging=gs://my-bucket/temp/staging", "--dataflow-temp=gs://my-bucket/temp/",
		"--dataflow-template=gs://my-bucket/job", "--dataflow-workers=2", "--hide-activity=Break", "--hide-activity=Offline", "--reshape=false",
		"--sink=bigquery:my-project.flex", "--source=kinesis:flex-events?region=us-east-1&start=latest",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := newRun(newApp(nil, nil)).ParseFlags(got); err != nil {
		t.Error(err)
	}
}

func TestALauncherIsToldWhatIsWrong(t *testing.T) {
	for args, want := range map[string]string{
		"--source=kinesis:s": "--template_location is missing", "--template_location=gs://b/j --labels=[1]": "--labels", "source=kinesis:s": "want --NAME=VALUE",
	} {
		r := call(t, append([]string{"template", "launch"}, strings.Fields(args)...)...)
		if r.code != 2 {
			t.Errorf("%s: exit %d", args, r.code)
		}
		oneLine(t, r.errors, want)
	}
}

func TestUnderItsNameForTemplatesTheProgramLaunches(t *testing.T) {
	if got := launched([]string{"/opt/flexbeam/flexbeam-template", "--a=b"}); !slices.Equal(got, []string{"template", "launch", "--a=b"}) {
		t.Errorf("got %q", got)
	}
	if got := launched([]string{"/usr/bin/flexbeam", "run"}); !slices.Equal(got, []string{"run"}) {
		t.Errorf("got %q", got)
	}
}
