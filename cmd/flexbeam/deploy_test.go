package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
	"google.golang.org/api/cloudscheduler/v1"
	runv1 "google.golang.org/api/run/v1"
	runv2 "google.golang.org/api/run/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func deployed(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(top, "deploy", "backfill", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scheduled checks a job of a scheduler: that its schedule is one, once a day at a time that leaves
// the log two hours at least to be whole, and that its command line is right. What days the command
// names begin where the schedule's do.
func scheduled(t *testing.T, schedule, zone string, args []string) (command string) {
	t.Helper()
	at, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatalf("time zone %q: %v", zone, err)
	}
	s, err := cron.ParseStandard(schedule)
	if err != nil {
		t.Fatalf("schedule %q: %v", schedule, err)
	}
	midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, at)
	first := s.Next(midnight.Add(-time.Second))
	if wait := first.Sub(midnight); wait < 2*time.Hour || wait > 12*time.Hour || !s.Next(first).Equal(first.AddDate(0, 0, 1)) {
		t.Errorf("schedule %q runs at %v and then at %v", schedule, first, s.Next(first))
	}
	var out, errs bytes.Buffer
	root := newRoot(newApp(&out, &errs))
	cmd, rest, err := root.Find(args)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err != nil || cmd.Flags().NArg() > 0 {
		t.Fatalf("%q: %v, arguments %q", args, err, cmd.Flags().Args())
	}
	flag := func(name string) string {
		if f := cmd.Flags().Lookup(name); f != nil {
			return f.Value.String()
		}
		return ""
	}
	if flag("source") == "" || flag("sink") == "" {
		t.Errorf("%q names no source or no sink", args)
	}
	if cmd.Name() == "run" {
		if flag("mode") != "batch" || flag("from") != "yesterday" || flag("to") != "today" || flag("time-zone") != zone {
			t.Errorf("%q is no backfill of the day before in %s", args, zone)
		}
	}
	return cmd.Name()
}

// words splits a command line as a shell does, as far as crontab's lines need it.
func words(line string) (all []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			all[len(all)-1] += part
			continue
		}
		fields := strings.Fields(part)
		if part != "" && !strings.HasPrefix(part, " ") && len(all) > 0 && len(fields) > 0 {
			all[len(all)-1] += fields[0]
			fields = fields[1:]
		}
		all = append(all, fields...)
		if strings.HasSuffix(part, " ") {
			all = append(all, "")
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// The crontab is read line by line: settings, and schedules with commands.
func TestTheCrontabBackfillsAndHealsEveryDay(t *testing.T) {
	zone := ""
	var commands []string
	for line := range strings.Lines(string(deployed(t, "crontab"))) {
		line = strings.TrimSpace(line)
		name, value, setting := strings.Cut(line, "=")
		switch fields := strings.Fields(line); {
		case line == "" || strings.HasPrefix(line, "#"):
		case setting && !strings.Contains(name, " "):
			if name == "CRON_TZ" {
				zone = value
			}
		case len(fields) < 7 || fields[5] != "flexbeam":
			t.Errorf("not a line of a crontab: %s", line)
		case strings.Contains(line, "%"):
			t.Errorf("cron reads %% as the end of a line: %s", line)
		default:
			_, command, _ := strings.Cut(line, " flexbeam ")
			commands = append(commands, scheduled(t, strings.Join(fields[:5], " "), zone, words(command)))
		}
	}
	if !slices.Equal(commands, []string{"run", "heal"}) {
		t.Errorf("it runs %q", commands)
	}
}

// The manifests are decoded strictly into Kubernetes' own types: a field that it does not know is an
// error.
func TestTheCronJobsAreKubernetesOwn(t *testing.T) {
	var commands []string
	for doc := range strings.SplitSeq(string(deployed(t, "cronjob.yaml")), "\n---\n") {
		var c batchv1.CronJob
		if err := yaml.UnmarshalStrict([]byte(doc), &c); err != nil {
			t.Fatal(err)
		}
		if c.Kind != "CronJob" || c.APIVersion != "batch/v1" || c.Spec.TimeZone == nil || c.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent {
			t.Fatalf("%s %s %s, time zone %v, %s", c.APIVersion, c.Kind, c.Name, c.Spec.TimeZone, c.Spec.ConcurrencyPolicy)
		}
		job := c.Spec.JobTemplate.Spec
		pod := job.Template.Spec
		if len(pod.Containers) != 1 || pod.RestartPolicy != corev1.RestartPolicyNever {
			t.Fatalf("%s: %d containers, restarted %s", c.Name, len(pod.Containers), pod.RestartPolicy)
		}
		box := pod.Containers[0]
		if p := job.PodFailurePolicy; p == nil || *p.Rules[0].OnExitCodes.ContainerName != box.Name || !slices.Equal(p.Rules[0].OnExitCodes.Values, []int32{exitUsage}) {
			t.Errorf("%s: a wrong command line is tried again", c.Name)
		}
		if !slices.Equal(box.Command, []string{"flexbeam"}) || strings.HasSuffix(box.Image, ":latest") || !strings.Contains(box.Image, ":") {
			t.Errorf("%s: runs %q of %s", c.Name, box.Command, box.Image)
		}
		commands = append(commands, scheduled(t, c.Spec.Schedule, *c.Spec.TimeZone, box.Args))
	}
	if !slices.Equal(commands, []string{"run", "heal"}) {
		t.Errorf("they run %q", commands)
	}
}

// strictly decodes JSON, and refuses fields that a type does not have.
func strictly(t *testing.T, data []byte, to any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		t.Fatal(err)
	}
}

// The files for Google are decoded strictly into the types that Google publishes of its services.
func TestTheCloudSchedulerFilesAreGooglesOwn(t *testing.T) {
	text, err := yaml.YAMLToJSONStrict(deployed(t, "cloud-run-job.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var job runv1.Job
	strictly(t, text, &job)
	if job.Kind != "Job" || job.ApiVersion != "run.googleapis.com/v1" {
		t.Fatalf("%s %s", job.ApiVersion, job.Kind)
	}
	box := job.Spec.Template.Spec.Template.Spec.Containers[0]
	for file, want := range map[string]string{"backfill-scheduler.json": "run", "heal-scheduler.json": "heal"} {
		var s cloudscheduler.Job
		strictly(t, deployed(t, file), &s)
		args := box.Args
		if s.HttpTarget.Body != "" {
			body, err := base64.StdEncoding.DecodeString(s.HttpTarget.Body)
			if err != nil {
				t.Fatal(err)
			}
			var r runv2.GoogleCloudRunV2RunJobRequest
			strictly(t, body, &r)
			over := r.Overrides.ContainerOverrides[0]
			if args = over.Args; over.Name != box.Name {
				t.Errorf("%s: it overrides the container %s", file, over.Name)
			}
		}
		if !strings.HasSuffix(s.HttpTarget.Uri, "/jobs/"+job.Metadata.Name+":run") || s.HttpTarget.HttpMethod != "POST" || s.HttpTarget.OauthToken == nil {
			t.Errorf("%s: it calls %s %s", file, s.HttpTarget.HttpMethod, s.HttpTarget.Uri)
		}
		if command := scheduled(t, s.Schedule, s.TimeZone, args); command != want {
			t.Errorf("%s: it runs %s", file, command)
		}
	}
}
