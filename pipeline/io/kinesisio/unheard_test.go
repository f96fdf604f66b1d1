package kinesisio

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/kinesisfake"
)

// nowhere returns the address of a server that does not run.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// What can never answer, such as a wrong endpoint, ends a job that begins, after a minute.
func TestAStartEndsWhereNothingAnswersForAMinute(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for what, endpoint := range map[string]string{
		"no server":            "http://" + nowhere(t),
		"no such host":         "http://kinesis.none.invalid",
		"a scheme that is not": strings.Replace(plain.URL, "http:", "https:", 1),
	} {
		t.Run(what, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "test")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			clock := kinesisfake.NewManualClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			r := newRunner(t, clock, []Stream{{Name: "s", Region: "eu-west-1", Endpoint: endpoint}})
			defer r.close()
			for range 3 {
				if err := r.round(); err != nil {
					t.Fatalf("at once: %v", err)
				}
				clock.Advance(29 * time.Second)
			}
			err := r.round()
			if !errors.Is(err, ErrSilent) {
				t.Fatalf("got %v", err)
			}
			for _, part := range []string{"kinesis: stream s: ListShards: ", "nothing has answered for 87 s", "check the region, the endpoint and its scheme"} {
				if !strings.Contains(err.Error(), part) || strings.Count(err.Error(), "ListShards") > 2 {
					t.Errorf("%q is missing, or much is told twice: %v", part, err)
				}
			}
		})
	}
}

// A service that refuses, or that is away while a job runs, is asked again for ever.
func TestARunningJobWaitsForTheServiceForEver(t *testing.T) {
	clock := kinesisfake.NewManualClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 1)
	f.PutTexts("s", "k", "record")
	storm := f.Inject(kinesisfake.Fault{Error: "InternalFailureException", Count: 3})
	r := newRunner(t, clock, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	for storm.Hits() < 3 { // it answers, if only to refuse
		if err := r.round(); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Minute)
	}
	r.until("the record", func() bool { return len(r.texts()) == 1 })
	f.Close()
	for range 5 {
		if err := r.list(0); err != nil {
			t.Fatalf("a running job ended: %v", err)
		}
		clock.Advance(time.Hour)
	}
}

// So does the search for where latest is.
func TestLatestEndsWhereNothingAnswersForAMinute(t *testing.T) {
	clock := kinesisfake.NewManualClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	s := newTestSession(&uncontrolled{}, clock)
	s.starts = true
	k, err := s.client(t.Context(), Stream{Name: "s", Endpoint: "http://" + nowhere(t)})
	if err != nil {
		t.Fatal(err)
	}
	s.ctl = &advancing{clock: clock}
	if _, err := k.describe(t.Context()); !errors.Is(err, ErrSilent) {
		t.Errorf("got %v", err)
	}
}

// advancing lets half a minute pass whenever a call is made again.
type advancing struct {
	uncontrolled
	clock *kinesisfake.ManualClock
}

func (a *advancing) Retried(_, _ string, _ error, _ bool) { a.clock.Advance(30 * time.Second) }
