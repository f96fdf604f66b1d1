package main

import (
	"testing"
	"time"

	"flexbeam/internal/testkit/kinesisfake"
)

func TestWrongSendingSaysInOneLineWhatToDo(t *testing.T) {
	local := "--to=kinesis:demo?endpoint=http://127.0.0.1:1"
	tests := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"file and stream", []string{local, "--out=x"}, 2, []string{"--out and --to exclude each other"}},
		{"speed of a file", []string{"--speed=2"}, 2, []string{"--speed", "--to"}},
		{"speed that is none", []string{local, "--speed=fast"}, 2, []string{"--speed", "max"}},
		{"speed below zero", []string{local, "--speed=-1"}, 2, []string{"--speed", "above 0"}},
		{"speed without end", []string{local, "--speed=Inf"}, 2, []string{"--speed", "max"}},
		{"no stream", []string{"--to=demo"}, 2, []string{"--to", "kinesis:STREAM"}},
		{"unknown option", []string{"--to=kinesis:demo?zone=x"}, 2, []string{"--to", "zone", "region"}},
		{"option of a reader", []string{"--to=kinesis:demo?start=latest"}, 2, []string{"--to", "start", "region"}},
		{"length unknown", []string{local, "--events=100"}, 2, []string{"--events", "--start"}},
		{"nothing to draw", []string{local, "--hours=0"}, 2, []string{"--hours"}},
		{"no region", []string{"--to=kinesis:demo"}, 1, []string{"--to", "region=eu-west-1"}},
		{"no credentials", []string{"--to=kinesis:demo?region=eu-west-1"}, 1, []string{"--to", "no AWS credentials", "AWS_PROFILE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := call(t, append([]string{"simulate"}, tt.args...)...)
			if r.code != tt.code || r.out != "" {
				t.Errorf("exit %d, want %d, output %q", r.code, tt.code, r.out)
			}
			oneLine(t, r.errors, tt.want...)
		})
	}
}

func TestAMissingStreamIsFoundOutBeforeTheFirstRecordIsDue(t *testing.T) {
	server := kinesisfake.New(kinesisfake.Options{})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	r := call(t, "simulate", "--to=kinesis:missing?endpoint="+server.URL, "--speed=max")
	if n := server.Calls("PutRecords", "", ""); r.code != 1 || n != 0 {
		t.Errorf("exit %d after %d calls with records", r.code, n)
	}
	oneLine(t, r.errors, "cannot send to stream missing", "there is no such stream", "create it", "ResourceNotFoundException")
}

func TestHistoryEndsWhenSendingEnds(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 123_456_789, time.UTC)
	tests := []struct {
		hours, speed float64
		want         time.Duration // from now
	}{
		{24, 0, -24 * time.Hour},
		{24, 1, 0},
		{24, 24, -23 * time.Hour},
		{24, 0.5, 0}, // nothing is sent before it happens
		{0.5, 2, -15 * time.Minute},
	}
	for _, tt := range tests {
		if got := startOf(now, tt.hours, tt.speed).Sub(now.Truncate(time.Millisecond)); got != tt.want {
			t.Errorf("%v hours at speed %v begin %v from now, want %v", tt.hours, tt.speed, got, tt.want)
		}
	}
}
