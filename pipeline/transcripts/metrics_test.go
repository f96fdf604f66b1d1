package transcripts_test

import (
	"testing"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/transcripts"
)

// Calls to Twilio are on the metrics of the job: how they ended, further attempts, and calls at once.
func TestCallsAreCounted(t *testing.T) {
	s := twiliolocal.New(twiliolocal.Options{Secret: planted})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t.Setenv("TWILIO_API_SECRET", planted)
	accounts := []source.Account{{SID: s.Account(), Key: s.Key(), Secret: "env:TWILIO_API_SECRET", Endpoint: s.URL, Parallel: 7}}
	c, err := transcripts.Parse("missing", nil, accounts)
	if err != nil {
		t.Fatal(err)
	}
	count := new(telemetry.Counters)
	pools, err := c.Open(count)
	if err != nil {
		t.Fatal(err)
	}
	defer pools.Close()
	s.Inject(twiliolocal.Fault{Path: "/v1/Configuration", Status: 503, Count: 1})
	pools.Begin(s.Account(), chat, true)
	if _, _, err := pools.Take(s.Account(), chat, true); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	count.Twilio.Requests(func(r telemetry.TwilioRequests, n int64) { got[r.Product+" "+r.Outcome] = n })
	if got["conversations unavailable"] != 1 || got["conversations ok"] != 1 || got["conversations not_found"] == 0 {
		t.Errorf("%v", got)
	}
	if n := count.Twilio.Retries()["conversations"]; n != 1 {
		t.Errorf("%d further attempts", n)
	}
	if n := count.Twilio.Limits()[telemetry.TwilioLimit{Account: s.Account(), Use: "transcripts"}]; n < 1 || n > 7 {
		t.Errorf("%d calls at once", n)
	}
}
