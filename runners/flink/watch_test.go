package flink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"flexbeam/runners"
	"flexbeam/runners/flink/flinkrest"
)

// pages are what a cluster answers, by method and path; what is not there, it does not know.
type pages map[string]string

func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, ok := p[r.Method+" "+r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		text = `{"errors":["not found"]}`
	}
	fmt.Fprint(w, text)
}

// watched returns a stream that runs on a cluster with these pages, and what is told of it.
func watched(t *testing.T, p pages) (w *watch, kept *string) {
	t.Helper()
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	kept = new(string)
	j := runners.Job{Streaming: true, Log: slog.New(slog.DiscardHandler), Kept: func(path string) { *kept = path }}
	r := &run{Job: j, options: good(), cluster: flinkrest.New(s.URL), from: "file:chk-7"}
	return &watch{run: r, submission: &submission{name: "n", failed: make(chan error)}, log: j.Log, begun: time.Now(), flink: "a1", answered: time.Now()}, kept
}

const (
	ran       = `{"jid":"a1","state":"RUNNING","vertices":[]}`
	available = `[{"key":"high-availability.type","value":"zookeeper"}]`
)

func TestAJobThatTheClusterHasForgottenGoesOnFromItsLastCheckpoint(t *testing.T) {
	config := "GET /jobmanager/config"
	tests := []struct {
		name    string
		pages   pages
		unknown time.Duration // how long the cluster has not known the job
		silent  time.Duration // how long it has told nothing of it
		again   bool
		ended   error
	}{
		{"for a moment", pages{config: `[]`}, forgetWithin / 2, forgetWithin / 2, false, nil},
		{"for good", pages{config: `[]`}, 2 * forgetWithin, time.Minute, true, nil},
		{"while another JobManager takes over", pages{config: available}, 2 * forgetWithin, lostWithin / 2, false, nil},
		{"though another one has taken over", pages{config: available}, 2 * forgetWithin, 2 * lostWithin, false, ErrJob},
		{"and nobody knows whether another one takes over", pages{}, 2 * forgetWithin, lostWithin, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := watched(t, tt.pages)
			w.unknown, w.answered = time.Now().Add(-tt.unknown), time.Now().Add(-tt.silent)
			v := w.look(t.Context())
			if v.again != tt.again || v.ended != (tt.again || tt.ended != nil) || !errors.Is(v.err, tt.ended) {
				t.Errorf("got %+v", v)
			}
		})
	}
}

func TestAStopEndsWithASavepointHoweverItIsHeardOf(t *testing.T) {
	begun, made := `{"request-id":"r"}`, `{"status":{"id":"COMPLETED"},"operation":{"location":"file:s-1"}}`
	tests := []struct {
		name  string
		pages pages
		want  string
	}{
		{"in the answer", pages{"POST /jobs/a1/stop": begun, "GET /jobs/a1/savepoints/r": made, "GET /jobs/a1": `{"jid":"a1","state":"FINISHED"}`}, "file:s-1"},
		{"by the job, since the answer was lost", pages{"GET /jobs/a1": `{"jid":"a1","state":"FINISHED"}`, "GET /jobs/a1/checkpoints": `{"latest":{"savepoint":{"external_path":"file:s-2"}}}`}, "file:s-2"},
		{"not at all, since the cluster has forgotten the job", pages{"GET /jobmanager/config": `[]`}, "file:chk-7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, kept := watched(t, tt.pages)
			ctx, stop := context.WithCancel(t.Context())
			stop()
			if err := w.stop(ctx, t.Context()); err != nil || *kept != tt.want {
				t.Errorf("%q, %v", *kept, err)
			}
		})
	}
}

func TestAStreamIsRenewedWhenItsTimeHasCome(t *testing.T) {
	p := pages{
		"GET /jobs/a1": ran, "GET /jobs/a1/checkpoints": `{"latest":{"completed":{"external_path":"file:chk-8"}}}`, "GET /jobs/a1/exceptions": `{}`,
		"POST /jobs/a1/stop": `{"request-id":"r"}`, "GET /jobs/a1/savepoints/r": `{"status":{"id":"COMPLETED"},"operation":{"location":"file:s-1"}}`,
	}
	w, _ := watched(t, p)
	w.options.RenewEvery = time.Hour
	if v := w.look(t.Context()); v.ended || w.from != "file:chk-8" {
		t.Errorf("before its time: %+v, it goes on from %s", v, w.from)
	}
	w.begun = time.Now().Add(-2 * time.Hour)
	w.refused = time.Now()
	if v := w.look(t.Context()); v.ended {
		t.Errorf("right after a refusal: %+v", v)
	}
	w.refused = time.Time{}
	s, _ := w.cluster.Status(t.Context(), "a1")
	p["GET /jobs/a1"] = strings.Replace(ran, "RUNNING", "FINISHED", 1)
	if v, err := w.running(t.Context(), s); err != nil || !v.ended || !v.again || v.err != nil || w.from != "file:s-1" {
		t.Errorf("%+v, %v, it goes on from %s", v, err, w.from)
	}
	w.Bounded = true
	p["GET /jobs/a1"] = ran
	if v, err := w.running(t.Context(), s); err != nil || v.again {
		t.Errorf("a job over files: %+v, %v", v, err)
	}
}

func TestTheProgressOfAJobIsTold(t *testing.T) {
	p := pages{
		"GET /jobs/a1":                             `{"jid":"a1","state":"RUNNING","vertices":[{"id":"v","parallelism":1}],"plan":{"nodes":[{"id":"v","inputs":[{"id":"u"}]}]}}`,
		"GET /jobs/a1/vertices/v/watermarks":       `[{"value":"1700"}]`,
		"GET /jobs/a1/metrics":                     `[{"id":"numRestarts","value":"0"}]`,
		"GET /jobs/a1/vertices/v/subtasks/metrics": `[{"id":"x.flexbeam_records","sum":7}]`,
		"GET /jobs/a1/checkpoints":                 `{}`,
		"GET /jobs/a1/exceptions":                  `{}`,
	}
	w, _ := watched(t, p)
	w.options.Environment, w.Namespace = External, "flexbeam"
	var all []runners.Progress
	w.Progress = func(p runners.Progress) { all = append(all, p) }
	for range 2 { // the second time it is too soon
		w.look(t.Context())
	}
	if len(all) != 1 || all[0].Watermark.UnixMilli() != 1700 || all[0].Counters["records"] != 7 {
		t.Errorf("got %+v", all)
	}
	w.report(t.Context(), nil)
	if len(all) != 2 || all[1].Counters["records"] != 7 {
		t.Errorf("at the end: %+v", all)
	}
}
