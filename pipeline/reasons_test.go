package pipeline

import (
	"errors"
	"strings"
	"testing"
)

func TestAReasonNeedsALetterOrDigit(t *testing.T) {
	o := Options{Source: "kinesis:s", Sink: "duckdb:x", LeftReasons: []string{"hangup", " - "}}
	if err := o.Check(); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "--customer-left-reason") {
		t.Errorf("got %v", err)
	}
	if got := o.TaskOptions().LeftReasons; len(got) != 2 {
		t.Errorf("the fold gets %v", got)
	}
}

func TestAContactKeyHidesTheRecordsOfDeadLetters(t *testing.T) {
	for _, o := range []Options{{ContactKey: "k"}, {NoDeadLetterPayload: true}} {
		if !o.HidesPayload() {
			t.Errorf("%+v does not", o)
		}
	}
	if (Options{}).HidesPayload() {
		t.Error("without a key they are told")
	}
}
