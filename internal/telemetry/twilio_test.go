package telemetry_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
)

func TestCallsToTwilioAreCountedByProductAndOutcome(t *testing.T) {
	c := new(telemetry.Counters)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			c.Twilio.Requested("taskrouter", "throttled", false, time.Second)
			c.Twilio.Requested("taskrouter", "ok", true, 0)
			c.Twilio.Requested("conversations", "ok", false, 0)
		})
	}
	wg.Wait()
	limit := 5
	c.Twilio.Limited(telemetry.TwilioLimit{Account: "AC1", Use: "log"}, func() int { return limit })
	limit = 7
	var got []string
	c.Twilio.Requests(func(r telemetry.TwilioRequests, n int64) {
		got = append(got, fmt.Sprint(r.Product, " ", r.Outcome, " ", n))
	})
	want := []string{"conversations ok 10", "taskrouter ok 10", "taskrouter throttled 10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int64{"conversations": 0, "taskrouter": 10}, c.Twilio.Retries()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[telemetry.TwilioLimit]int{{Account: "AC1", Use: "log"}: 7}, c.Twilio.Limits()); diff != "" {
		t.Error(diff)
	}
	if d := c.TwilioWaits(); d.Count != 30 || d.Sum != 10 || d.Buckets[1] != 30 || d.Buckets[0.5] != 20 {
		t.Errorf("%+v", d)
	}
}
