package twilio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	events "github.com/twilio/twilio-go/rest/events/v1"

	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
)

const (
	workspace = "WS00000000000000000000000000000001"
	chat      = "CH00000000000000000000000000000001"
	planted   = "plantedSecret0123456789"
)

// local returns a client of a local Twilio, to which it speaks without a network.
func local(t *testing.T, o twiliolocal.Options, change ...func(*twilio.Config)) (*twiliolocal.Server, *twilio.Client) {
	t.Helper()
	o.Secret = planted
	s := twiliolocal.New(o)
	c := twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret(planted), Transport: s}
	for _, f := range change {
		f(&c)
	}
	client, err := twilio.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

// withWorkers returns a local Twilio whose workspace has workers.
func withWorkers(t *testing.T, n int, o twiliolocal.Options, change ...func(*twilio.Config)) (*twiliolocal.Server, *twilio.Client) {
	s, c := local(t, o, change...)
	for i := range n {
		s.AddWorker(workspace, twiliolocal.Worker{SID: fmt.Sprintf("WK%032x", i), Name: fmt.Sprint("worker ", i), Attributes: "{}"})
	}
	return s, c
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	tests := []struct {
		name  string
		fault twiliolocal.Fault
	}{
		{"429", twiliolocal.Fault{Status: 429, Count: 3}},
		{"500", twiliolocal.Fault{Status: 500, Count: 3}},
		{"503 with a page of HTML", twiliolocal.Fault{Status: 503, HTML: true, Count: 3}},
		{"200 with a page of HTML", twiliolocal.Fault{HTML: true, Count: 3}},
		{"an answer that is cut off", twiliolocal.Fault{Cut: true, Count: 3}},
		{"a connection that is reset", twiliolocal.Fault{Reset: true, Count: 3}},
		{"an answer that is lost", twiliolocal.Fault{Lost: true, Count: 3}},
		{"an answer that comes too late", twiliolocal.Fault{Delay: time.Hour, Count: 3}},
		{"a redirect", twiliolocal.Fault{Redirect: "https://elsewhere.example/", Count: 3}},
		{"a page without meta", twiliolocal.Fault{NoMeta: true, Count: 3}},
		{"a page without its list", twiliolocal.Fault{NoList: true, Count: 3}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := withWorkers(t, 3, twiliolocal.Options{})
				s.Inject(test.fault)
				if got, err := workers(t.Context(), c, 50); len(got) != 3 || err != nil {
					t.Errorf("%d workers, %v", len(got), err)
				}
				if n := s.Calls("/Workers"); n != 4 {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}

func TestWhatStaysIsNotTriedAgain(t *testing.T) {
	tests := []struct {
		status int
		kind   error
	}{{400, twilio.ErrRequest}, {401, twilio.ErrCredentials}, {403, twilio.ErrForbidden}, {404, twilio.ErrNotFound}}
	for _, test := range tests {
		s, c := withWorkers(t, 3, twiliolocal.Options{})
		s.Inject(twiliolocal.Fault{Status: test.status})
		_, err := workers(t.Context(), c, 50)
		var e *twilio.Error
		if !errors.Is(err, test.kind) || !errors.As(err, &e) || e.Status != test.status || e.Code != 20000+test.status || !strings.HasPrefix(e.Request, "RQ") {
			t.Errorf("%d: %v", test.status, err)
		}
		if n := s.Calls("/Workers"); n != 1 || twilio.Passes(err) {
			t.Errorf("%d: %d calls", test.status, n)
		}
		if !strings.Contains(err.Error(), e.Request) {
			t.Errorf("%d: the error does not name the request: %v", test.status, err)
		}
	}
}

func TestACallEndsWhenItWasTriedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := withWorkers(t, 3, twiliolocal.Options{})
		s.Inject(twiliolocal.Fault{Status: 502, HTML: true})
		_, err := workers(t.Context(), c, 50)
		var e *twilio.Error
		if !errors.As(err, &e) || !errors.Is(err, twilio.ErrUnavailable) || e.Attempts != 8 || s.Calls("") != 8 || !twilio.Passes(err) {
			t.Errorf("%d calls, %v", s.Calls(""), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s, c := withWorkers(t, 3, twiliolocal.Options{})
		s.Inject(twiliolocal.Fault{Status: 429, RetryAfter: "7200"})
		begin := time.Now()
		_, err := workers(t.Context(), c, 50)
		if !errors.Is(err, twilio.ErrThrottled) || !strings.Contains(err.Error(), "asks to wait 2h") || time.Since(begin) > time.Minute {
			t.Errorf("%v", err)
		}
	})
}

func TestARetryAfterIsKept(t *testing.T) {
	tests := []struct {
		name   string
		header func() string
	}{
		{"seconds", func() string { return "40" }},
		{"a date", func() string { return time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat) }},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			s, c := withWorkers(t, 1, twiliolocal.Options{})
			s.Inject(twiliolocal.Fault{Status: 429, RetryAfter: test.header(), Count: 1})
			begin := time.Now()
			if _, err := workers(t.Context(), c, 50); err != nil {
				t.Error(err)
			}
			if d := time.Since(begin); d < 39*time.Second || d > 45*time.Second {
				t.Errorf("%s: waited %v", test.name, d)
			}
		})
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	for _, fault := range []twiliolocal.Fault{{Status: 429, RetryAfter: "300"}, {Delay: 30 * time.Second}, {Reset: true}} {
		synctest.Test(t, func(t *testing.T) {
			s, c := withWorkers(t, 1, twiliolocal.Options{})
			s.Inject(fault)
			stopped := errors.New("stopped")
			ctx, stop := context.WithTimeoutCause(t.Context(), time.Second, stopped)
			defer stop()
			begin := time.Now()
			if _, err := workers(ctx, c, 50); !errors.Is(err, stopped) || time.Since(begin) != time.Second {
				t.Errorf("%+v: %v after %v", fault, err, time.Since(begin))
			}
		})
	}
}

func TestWhatMayHaveBeenDoneIsNotDoneTwice(t *testing.T) {
	create := func(t *testing.T, c *twilio.Client) error {
		params := &events.CreateSinkParams{}
		params.SetDescription("d").SetSinkType("kinesis").SetSinkConfiguration(map[string]any{"arn": "a", "role_arn": "r", "external_id": "x"})
		_, err := c.Events(t.Context()).CreateSink(params)
		return err
	}
	s, c := local(t, twiliolocal.Options{})
	s.Inject(twiliolocal.Fault{Method: http.MethodPost, Lost: true, Count: 1})
	if err := create(t, c); !errors.Is(err, twilio.ErrUnavailable) || s.Calls("/Sinks") != 1 {
		t.Errorf("%d calls, %v", s.Calls("/Sinks"), err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, c := local(t, twiliolocal.Options{})
		s.Inject(twiliolocal.Fault{Status: 429, Count: 2})
		if err := create(t, c); err != nil || s.Calls("/Sinks") != 3 {
			t.Errorf("%d calls, %v", s.Calls("/Sinks"), err)
		}
	})
}

func TestSecretsAreShownNowhere(t *testing.T) {
	secret := twilio.NewSecret(planted)
	config := twilio.Config{Account: "AC1", Key: "SK1", Secret: secret}
	encoded, err := json.Marshal(map[string]any{"secret": secret})
	if err != nil {
		t.Fatal(err)
	}
	hiding := struct{ c twilio.Config }{config}
	s, c := withWorkers(t, 1, twiliolocal.Options{}, func(c *twilio.Config) { c.Attempts = 1 })
	texts := []string{string(encoded), fmt.Sprintf("%v %+v %#v %s %q %x", config, config, config, secret, secret, secret), fmt.Sprintf("%+v %#v", hiding, hiding), fmt.Sprintf("%+v", c)}
	for _, f := range []twiliolocal.Fault{{Status: 500}, {Status: 404}, {HTML: true, Status: 502}, {Reset: true}, {Cut: true}, {Next: "https://" + planted + ".example/"}} {
		i := s.Inject(f)
		_, err := workers(t.Context(), c, 50)
		if f.Next == "" {
			texts = append(texts, err.Error())
		}
		i.Remove()
	}
	echo, err := twilio.New(twilio.Config{Account: s.Account(), Key: s.Key(), Secret: secret, Transport: echoing{}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = workers(t.Context(), echo, 50)
	texts = append(texts, err.Error())
	for _, text := range texts {
		if strings.Contains(text, planted) {
			t.Errorf("the secret is shown: %s", text)
		}
	}
	_, err = twilio.ReadSecret(planted)
	if err == nil || strings.Contains(err.Error(), planted) {
		t.Errorf("a secret in place of a reference: %v", err)
	}
}

// echoing answers with what it was sent, as some gateways do.
type echoing struct{}

func (echoing) RoundTrip(r *http.Request) (*http.Response, error) {
	_, secret, _ := r.BasicAuth()
	body := fmt.Sprintf(`{"code":1,"message":"refused %s with %s"}`, secret, strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "))
	return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestEveryAttemptIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []twilio.Call
		s, c := withWorkers(t, 1, twiliolocal.Options{Latency: time.Second}, func(c *twilio.Config) {
			c.Observe = func(k twilio.Call) { seen = append(seen, k) }
		})
		s.Inject(twiliolocal.Fault{Status: 503, Count: 1})
		if _, err := workers(t.Context(), c, 50); err != nil {
			t.Fatal(err)
		}
		resource := "/v1/Workspaces/{WS}/Workers"
		want := []twilio.Call{
			{Product: "taskrouter", Method: "GET", Resource: resource, Status: 503, Kind: twilio.ErrUnavailable, Attempt: 1, Elapsed: time.Second},
			{Product: "taskrouter", Method: "GET", Resource: resource, Status: 200, Attempt: 2, Elapsed: time.Second},
		}
		for i := range seen {
			if (seen[i].Kind == nil) != (want[i].Kind == nil) {
				t.Errorf("%v", seen[i].Kind)
			}
			seen[i].Kind, want[i].Kind = nil, nil
		}
		if d := cmp.Diff(want, seen); d != "" {
			t.Error(d)
		}
	})
}
