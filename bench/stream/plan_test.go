package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"flexbeam/simulate"
)

// texts returns the texts of a plan in the order in which they are sent.
func (p *plan) texts(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, it := range p.items {
		b := make([]byte, it.length)
		if _, err := p.file.ReadAt(b, it.at); err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// An event is what a test reads of a text.
type event struct {
	id, contact string
	at          time.Time
}

func read(t *testing.T, text string) event {
	t.Helper()
	var envelope struct{ Data string }
	var data struct {
		SID       string
		Timestamp time.Time
		Payload   struct {
			Task   string `json:"task_sid"`
			Worker string `json:"worker_sid"`
		}
	}
	if err := json.Unmarshal([]byte(text), &envelope); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(envelope.Data), &data); err != nil {
		t.Fatal(err)
	}
	e := event{data.SID, data.Payload.Task, data.Timestamp}
	if e.contact == "" {
		e.contact = data.Payload.Worker
	}
	return e
}

func TestALoadIsSentWhenItHappensAtItsRate(t *testing.T) {
	l := load{rate: 2 * centreRate, past: 2 * time.Minute, live: 40 * time.Second}
	p, begin, err := l.draw(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	begin = begin.Truncate(time.Millisecond)
	seen := map[string]int{}
	var past, twice int
	for i, text := range p.texts(t) {
		e, due := read(t, text), p.items[i].due
		if seen[e.id]++; seen[e.id] > 1 {
			twice++
		}
		if due == 0 {
			if past++; e.at.After(begin) {
				t.Fatalf("an event of %v is due at once", e.at.Sub(begin))
			}
		} else if off := e.at.Sub(begin) - due; off < -time.Millisecond || off > time.Millisecond {
			t.Fatalf("an event of %v is due after %v", e.at.Sub(begin), due)
		}
	}
	live := len(p.items) - past
	if want := float64(l.rate) * l.live.Seconds(); float64(live) < 0.95*want || float64(live) > 1.15*want {
		t.Errorf("%d events, want about %.0f", live, want)
	}
	if share := float64(twice) / float64(live); share < 0.5*copies || share > 1.5*copies {
		t.Errorf("%.4f of the events come twice", share)
	}
	if past != p.due(0) || past == 0 {
		t.Errorf("%d events are due at once, %d are counted", past, p.due(0))
	}
}

func TestContactsThatAreOpenHaveTheirPast(t *testing.T) {
	l := load{rate: 50, past: 2 * time.Minute, live: 20 * time.Second}
	p, err := newPlan(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	begin := time.Now().Truncate(time.Millisecond)
	if err := l.centre(context.Background(), p, 7, begin, 1500); err != nil {
		t.Fatal(err)
	}
	if err := p.ready(); err != nil {
		t.Fatal(err)
	}
	sent := map[string]bool{}
	for _, text := range p.texts(t) {
		sent[read(t, text).id] = true
	}
	open := map[string]bool{}
	drawn := map[string][]event{}
	if _, err := simulate.Each(context.Background(), l.config(7, begin, 1500), func(r simulate.Record) error {
		e := read(t, string(r.Text))
		if at := e.at.Sub(begin); at > 0 && at < l.live {
			open[e.contact] = true
		} else if at >= l.live {
			return nil
		}
		drawn[e.contact] = append(drawn[e.contact], e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var none int
	for contact, all := range drawn {
		if !open[contact] {
			none++
		}
		for _, e := range all {
			if sent[e.id] != open[contact] {
				t.Fatalf("an event of %v is sent: %v; its contact or agent goes on: %v", e.at.Sub(begin), sent[e.id], open[contact])
			}
		}
	}
	if none == 0 || len(open) == 0 {
		t.Errorf("%d contacts and agents go on, %d do not", len(open), none)
	}
}

func TestAStepIsPlannedEvenly(t *testing.T) {
	p, err := evenly(context.Background(), t.TempDir(), history(3, time.Now(), time.Hour, 200), 100, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for i, it := range p.items {
		if want := time.Duration(i) * 10 * time.Millisecond; it.due != want {
			t.Fatalf("record %d is due after %v, want %v", i, it.due, want)
		}
	}
	if len(p.items) != 500 {
		t.Errorf("%d records", len(p.items))
	}
	if p, err := evenly(context.Background(), t.TempDir(), history(3, time.Now(), time.Hour, 10), 1000, time.Minute); err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("of too few events: %d records, %v", len(p.items), err)
	}
}

func TestWhatWasNotSentIsNoFigure(t *testing.T) {
	tests := []struct {
		step step
		want string
	}{
		{step{sent: 1000}, holds},
		{step{sent: 980, middle: 100, end: 590}, holds},
		{step{sent: 960}, "invalid: too few sent"},
		{step{sent: 960, end: 9000}, "invalid: too few sent"},
		{step{sent: 1000, middle: 100, end: 610}, "falls behind"},
	}
	for _, tt := range tests {
		if got := tt.step.verdict(1000); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.step, got, tt.want)
		}
	}
}

func TestAStepThatGoesUpAndDownHolds(t *testing.T) {
	begin := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		lost float64 // of the events are not taken
		want string
	}{{0, holds}, {0.02, holds}, {0.05, "falls behind"}}
	for _, tt := range tests {
		var looks []look
		for at := 7600 * time.Millisecond; at <= 30*time.Second; at += stepLook {
			// A job that reads once a second, and folds what came two seconds before.
			folded := (1 - tt.lost) * 1000 * float64(at/time.Second-2)
			looks = append(looks, look{at: begin.Add(at), sent: at.Milliseconds(), m: sample{"flexbeam_distinct_events_total": folded}})
		}
		st := stepOf(looks, begin, 30*time.Second)
		if got := st.verdict(1000); got != tt.want || st.taken < 1000*(1-tt.lost)-10 || st.taken > 1000*(1-tt.lost)+10 {
			t.Errorf("of a job that takes all but %v: %s, %.0f taken of %.0f", tt.lost, got, st.taken, st.sent)
		}
	}
}

func TestProgressSeesTheFlushThatShowsTheLastRow(t *testing.T) {
	begin := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	at := func(s float64) time.Time { return begin.Add(time.Duration(s * float64(time.Second))) }
	metrics := func(read, folded, rows, flushes, took, ended float64) sample {
		return sample{"flexbeam_records_total": read, "flexbeam_distinct_events_total": folded, `flexbeam_rows_total{table="engagements",change="upsert"}`: rows,
			"flexbeam_flush_duration_seconds_count": flushes, "flexbeam_flush_duration_seconds_sum": took, "flexbeam_last_flush_timestamp_seconds": float64(begin.Unix()) + ended}
	}
	p := progress{n: 10}
	steps := []struct {
		at   float64
		m    sample
		done bool
	}{
		{1, metrics(0, 0, 0, 1, 0.1, 0.9), false},
		{2, metrics(4, 0, 0, 2, 0.2, 1.9), false},
		{3, metrics(10, 4, 5, 3, 0.3, 2.9), false},
		{4, metrics(10, 10, 8, 4, 0.4, 3.9), false},
		{4.5, metrics(10, 10, 9, 4, 0.4, 3.9), false},
		{5.5, metrics(10, 10, 9, 5, 1.6, 5.4), false},   // this flush began before the last row
		{6.5, metrics(10, 10, 9, 6, 1.75, 6.25), false}, // this one would show it
		{7, metrics(10, 10, 10, 6, 1.75, 6.25), false},  // but it was not the last
		{7.5, metrics(10, 10, 10, 7, 1.85, 7.35), false},
		{8, metrics(10, 10, 10, 7, 1.85, 7.35), false},
		{8.5, metrics(10, 10, 10, 8, 1.95, 8.35), true},
	}
	for _, s := range steps {
		if done := p.see(at(s.at), s.m); done != s.done {
			t.Fatalf("after %v s: done is %v", s.at, done)
		}
	}
	for name, got := range map[string][2]time.Time{"first read": {p.first, at(2)}, "all read": {p.read, at(3)}, "all folded": {p.folded, at(4)}, "all visible": {p.visible, at(7.35)}} {
		if !got[0].Equal(got[1]) {
			t.Errorf("%s: after %v s, want %v", name, since(begin, got[0]), since(begin, got[1]))
		}
	}
}
