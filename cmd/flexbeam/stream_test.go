package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/testkit/tape"
	"flexbeam/schemas/model"
)

// streaming returns the counters of a stream some days old.
func streaming() *telemetry.Counters {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	c := telemetry.New(func() time.Time { return at })
	c.Unbounded.Store(true)
	c.Records.Add(1_240_000)
	c.Events.Add(1_234_567)
	c.Folded(1_200_000, 4567)
	c.OpenTasks.Add(143)
	c.Tasks.Add(200, 300_000)
	c.Agents.Add(85, 20_000)
	c.DeadLetter("invalid_json", 2)
	c.Changes[model.EngagementsID].Add(61_234)
	c.Changes[model.AgentsID].Add(85)
	c.Changes[model.AgentStatusID].Add(12_345)
	c.Changes[model.CustomersID].Add(24_000)
	c.Change(model.EngagementsID, true)
	c.Change(model.DeadLettersID, false)
	s := c.Shard("events", "shard-0")
	s.Polled(at, 3100)
	s.SetWatermark(at.Add(-12 * time.Second).UnixMilli())
	return c
}

func TestStreamShowsLagWatermarkTasksAndRows(t *testing.T) {
	w := streamWork(streaming())
	want := []string{"lag 3.1 s", "watermark 12 s", "143 open tasks", "2 dead letters", "engagements 61k", "agents 85", "agent_status 12k", "customers 24k"}
	if diff := cmp.Diff(want, w.More); diff != "" {
		t.Error(diff)
	}
	if w.Phase != "streaming" || w.Share >= 0 || w.Events != 1_234_567 || !w.Endless {
		t.Errorf("%+v", w)
	}
	first := strings.Join(append([]string{w.Phase, "1.2M events", "512/s"}, w.More[:5]...), "  ")
	if n := utf8.RuneCountInString(first); n > 105 {
		t.Errorf("what matters most is %d letters wide: %s", n, first)
	}
	if diff := cmp.Diff([]string{"0 open tasks"}, streamWork(new(telemetry.Counters)).More); diff != "" {
		t.Errorf("a stream that just began:\n%s", diff)
	}
}

func TestJobOfAStreamIsStreamingAndOfFilesIsReading(t *testing.T) {
	if w := jobWork(streaming()); w.Phase != "streaming" {
		t.Errorf("%+v", w)
	}
	c := new(telemetry.Counters)
	c.BytesTotal.Store(100)
	if w := jobWork(c); w.Phase != "reading" || w.Endless || w.Share != 0 {
		t.Errorf("%+v", w)
	}
}

func TestProgressOfAStreamIsALogLineWithFigures(t *testing.T) {
	defer func(d time.Duration) { endlessEvery = d }(endlessEvery)
	endlessEvery = 5 * time.Millisecond
	out := new(tape.Tape)
	stop := logProgress(slog.New(newHandler(out, slog.LevelInfo, "json")), streaming())
	eventually(t, "second line", func() bool { return strings.Count(out.String(), "\n") >= 2 })
	stop()
	first, _, _ := strings.Cut(out.String(), "\n")
	var got map[string]any
	if err := json.Unmarshal([]byte(first), &got); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if _, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil {
		t.Error(err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "INFO", "msg": "progress", "phase": "streaming", "records": 1240000.0, "events": 1234567.0, "events_per_second": 0.0,
		"duplicates": 4567.0, "dropped": 0.0, "dead_letters": 2.0, "behind_seconds": 3.1, "watermark": "2026-03-02T08:59:48Z",
		"watermark_age_seconds": 12.0, "open_tasks": 143.0, "state_bytes": 320000.0, "flush_failures": 0.0,
		"upserts": map[string]any{"engagements": 61234.0, "agents": 85.0, "agent_status": 12345.0, "customers": 24000.0, "dead_letters": 1.0},
		"deletes": map[string]any{"engagements": 1.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is missing of a stream is said before anything is opened or made: no file is left behind.
func TestAStreamWithoutItsRegionIsToldAtOnce(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	for source, want := range map[string]string{
		"kinesis:x":                  "the region is not known: add one such as ?region=eu-west-1, or set AWS_REGION",
		"kinesis:x?region=eu-west-1": "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role",
	} {
		r := call(t, "run", "--source="+source, "--sink=duckdb:"+filepath.Join(dir, "calls.duckdb"), "--state="+filepath.Join(dir, "state"), "--progress=none")
		if r.code != 1 {
			t.Errorf("%s: exit %d", source, r.code)
		}
		oneLine(t, r.errors, want)
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", source, left, err)
		}
	}
}
