package twilio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	conversations "github.com/twilio/twilio-go/rest/conversations/v1"
	taskrouter "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
)

// workers lists the workers of the workspace in pages of a size, and returns those that came before
// an error.
func workers(ctx context.Context, c *twilio.Client, size int) (names []string, err error) {
	pages := twilio.Pages(ctx, c, func(ctx context.Context) (*taskrouter.ListWorkerResponse, error) {
		return c.TaskRouter(ctx).PageWorker(workspace, &taskrouter.ListWorkerParams{PageSize: &size}, "", "")
	}, func(p *taskrouter.ListWorkerResponse) *string { return p.Meta.NextPageUrl })
	for page, err := range pages {
		if err != nil {
			return names, err
		}
		for _, w := range page.Workers {
			names = append(names, *w.FriendlyName)
		}
	}
	return names, nil
}

func TestAListIsReadToItsEnd(t *testing.T) {
	for _, absent := range []bool{false, true} {
		s, c := withWorkers(t, 25, twiliolocal.Options{NextAbsent: absent})
		got, err := workers(t.Context(), c, 10)
		if len(got) != 25 || err != nil || s.Calls("/Workers") != 3 {
			t.Errorf("next_page_url absent %v: %d workers in %d calls, %v", absent, len(got), s.Calls("/Workers"), err)
		}
		for i, name := range got {
			if name != fmt.Sprint("worker ", i) {
				t.Errorf("%d: %s", i, name)
			}
		}
	}
}

func TestNoPageIsLostOrDoubledUnderFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := withWorkers(t, 200, twiliolocal.Options{}, func(c *twilio.Config) { c.Attempts = 100 })
		for i, f := range []twiliolocal.Fault{{Status: 429, RetryAfter: "1"}, {Status: 500}, {Cut: true}, {Reset: true}, {NoMeta: true}, {NoList: true}, {HTML: true}} {
			f.Probability, f.Seed = 0.05, uint64(i)
			s.Inject(f)
		}
		got, err := workers(t.Context(), c, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range got {
			if name != fmt.Sprint("worker ", i) {
				t.Fatalf("%d: %s", i, name)
			}
		}
		if len(got) != 200 || s.Calls("/Workers") < 110 {
			t.Errorf("%d workers in %d calls", len(got), s.Calls("/Workers"))
		}
	})
}

func TestPagesThatWereReadComeBeforeTheError(t *testing.T) {
	s, c := withWorkers(t, 25, twiliolocal.Options{}, func(c *twilio.Config) { c.Attempts = 1 })
	s.Inject(twiliolocal.Fault{Status: 500, Skip: 2})
	if got, err := workers(t.Context(), c, 10); len(got) != 20 || !errors.Is(err, twilio.ErrUnavailable) {
		t.Errorf("%d workers, %v", len(got), err)
	}
}

func TestALinkElsewhereIsNotFollowed(t *testing.T) {
	const path = "/v1/Workspaces/" + workspace + "/Workers?Page=1&PageToken=PT1"
	tests := []string{
		"https://elsewhere.example" + path,
		"https://taskrouter.twilio.com.elsewhere.example" + path,
		"https://evil-taskrouter.twilio.com" + path,
		"https://taskrouter.sydney.au1.twilio.com" + path,
		"https://user:pass@taskrouter.twilio.com" + path,
		"https://taskrouter.twilio.com:8443" + path,
		"http://taskrouter.twilio.com" + path,
		"https://conversations.twilio.com" + path,
		"https://taskrouter.twilio.com/v1/Workspaces/WS00000000000000000000000000000002/Workers?Page=1",
		"https://taskrouter.twilio.com/v1/Workspaces/" + workspace + "/Workers/../Events",
		"//taskrouter.twilio.com" + path,
		"/v1/Workspaces/" + workspace + "/Workers?Page=1",
		"https://taskrouter.twilio.com%zz",
	}
	for _, link := range tests {
		s, c := withWorkers(t, 3, twiliolocal.Options{})
		s.Inject(twiliolocal.Fault{Next: link})
		got, err := workers(t.Context(), c, 2)
		if len(got) != 2 || !errors.Is(err, twilio.ErrForeign) || s.Calls("") != 1 {
			t.Errorf("%s: %d workers, %d calls, %v", link, len(got), s.Calls(""), err)
		}
		if err != nil && strings.Contains(err.Error(), "PageToken") {
			t.Errorf("the error shows a page token: %v", err)
		}
	}
}

func TestPagesInACircleEnd(t *testing.T) {
	s, c := withWorkers(t, 3, twiliolocal.Options{})
	s.Inject(twiliolocal.Fault{Next: "https://taskrouter.twilio.com/v1/Workspaces/" + workspace + "/Workers?PageSize=2"})
	if _, err := workers(t.Context(), c, 2); !errors.Is(err, twilio.ErrBroken) || !strings.Contains(err.Error(), "circle") {
		t.Error(err)
	}
}

// TestEveryDigitOfAPageTokenIsSent reads messages, whose pages are reached by tokens that end with
// milliseconds.
func TestEveryDigitOfAPageTokenIsSent(t *testing.T) {
	s, c := local(t, twiliolocal.Options{})
	s.AddConversation(twiliolocal.Conversation{SID: chat})
	for i := range 7 {
		s.AddMessage(chat, twiliolocal.Message{Author: "a", Body: fmt.Sprint("message ", i)})
	}
	size, read := 3, 0
	pages := twilio.Pages(t.Context(), c, func(ctx context.Context) (*conversations.ListConversationMessageResponse, error) {
		return c.Conversations(ctx).PageConversationMessage(chat, &conversations.ListConversationMessageParams{PageSize: &size}, "", "")
	}, func(p *conversations.ListConversationMessageResponse) *string { return p.Meta.NextPageUrl })
	for page, err := range pages {
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			if *m.Body != fmt.Sprint("message ", read) {
				t.Errorf("%d: %s", read, *m.Body)
			}
			read++
		}
	}
	if read != 7 {
		t.Errorf("%d messages", read)
	}
}

// TestCallsAtOnceFollowTheAccountsLimit lets many goroutines call a service that answers after 100 ms
// and takes 20 calls at once.
func TestCallsAtOnceFollowTheAccountsLimit(t *testing.T) {
	const allowed, callers, seconds = 20, 64, 120
	synctest.Test(t, func(t *testing.T) {
		s, c := withWorkers(t, 1, twiliolocal.Options{Latency: 100 * time.Millisecond, Parallel: allowed}, func(c *twilio.Config) { c.Parallel = 100 })
		var group sync.WaitGroup
		var mu sync.Mutex
		done, begin := 0, time.Now()
		for range callers {
			group.Go(func() {
				for time.Since(begin) < seconds*time.Second {
					_, err := c.TaskRouter(t.Context()).FetchWorker(workspace, "WK"+strings.Repeat("0", 32))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if time.Since(begin) > 20*time.Second {
						done++
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		share := float64(done) / (allowed * 10 * (seconds - 20))
		t.Logf("%.0f %% of what the limit allows, %d calls, limit %d", 100*share, s.Calls(""), c.Limit())
		if share < 0.88 || share > 1.02 {
			t.Errorf("%.0f %% of what the limit allows", 100*share)
		}
	})
}

func TestCallsOfAResourceKeepToWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := withWorkers(t, 1, twiliolocal.Options{PerSecond: 5, Latency: 20 * time.Millisecond})
		for range 50 {
			if _, err := workers(t.Context(), c, 50); err != nil {
				t.Fatal(err)
			}
		}
		if refused := s.Calls("/Workers") - 50; refused > 0 {
			t.Errorf("%d calls were refused", refused)
		}
	})
}

func TestRegionsHaveHostsOfTheirOwn(t *testing.T) {
	var hosts []string
	s, _ := withWorkers(t, 3, twiliolocal.Options{})
	c := twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret(planted), Transport: recording{s, &hosts}, Region: "ie1"}
	client, err := twilio.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TWILIO_REGION", "us2")
	t.Setenv("TWILIO_EDGE", "sydney")
	if got, err := workers(t.Context(), client, 2); len(got) != 3 || err != nil {
		t.Errorf("%d workers, %v", len(got), err)
	}
	for _, h := range hosts {
		if h != "taskrouter.dublin.ie1.twilio.com" {
			t.Error(h)
		}
	}
	for region, want := range map[string]string{"au1": "neither TaskRouter nor Conversations", "us9": "write us1 or ie1"} {
		c.Region = region
		if _, err := twilio.New(c); !errors.Is(err, twilio.ErrRegion) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", region, err)
		}
	}
}
