package twilio_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
)

// recording notes the hosts that are called.
type recording struct {
	next  http.RoundTripper
	hosts *[]string
}

func (r recording) RoundTrip(q *http.Request) (*http.Response, error) {
	*r.hosts = append(*r.hosts, q.URL.Host)
	return r.next.RoundTrip(q)
}

func TestAConfigThatCannotWorkIsRefused(t *testing.T) {
	good := twilio.Config{Account: twiliolocal.DefaultAccount, Key: twiliolocal.DefaultKey, Secret: twilio.NewSecret("x")}
	tests := []struct {
		name   string
		change func(*twilio.Config)
		want   string
	}{
		{"no account", func(c *twilio.Config) { c.Account = "" }, "write AC"},
		{"a name as account", func(c *twilio.Config) { c.Account = "AC1" }, "write AC"},
		{"no key", func(c *twilio.Config) { c.Key = "" }, "write SK"},
		{"no secret", func(c *twilio.Config) { c.Secret = twilio.Secret{} }, "is missing"},
		{"a secret over two lines", func(c *twilio.Config) { c.Secret = twilio.NewSecret("a\nb") }, "white space"},
		{"an endpoint that is no URL", func(c *twilio.Config) { c.Endpoint = "127.0.0.1:4010" }, "is no URL"},
		{"an endpoint elsewhere, in clear", func(c *twilio.Config) { c.Endpoint = "http://proxy.example" }, "in clear"},
		{"an endpoint with a user", func(c *twilio.Config) { c.Endpoint = "http://a:b@127.0.0.1" }, "is no URL"},
		{"no calls", func(c *twilio.Config) { c.Parallel = -1 }, "1 or more"},
	}
	if _, err := twilio.New(good); err != nil {
		t.Error(err)
	}
	for _, test := range tests {
		c := good
		test.change(&c)
		if _, err := twilio.New(c); !errors.Is(err, twilio.ErrConfig) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestASecretComesFromWhereItsReferenceSays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(" abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("A_SECRET", "def")
	for reference, want := range map[string]string{"file:" + path: "abc", "env:A_SECRET": "def"} {
		if s, err := twilio.ReadSecret(reference); err != nil || s.Reveal() != want {
			t.Errorf("%s: %q, %v", reference, s.Reveal(), err)
		}
	}
	for _, reference := range []string{"", "env:", "env:NOT_SET_ANYWHERE", "file:" + path + "x", "file:" + os.DevNull, "abc"} {
		if _, err := twilio.ReadSecret(reference); !errors.Is(err, twilio.ErrConfig) {
			t.Errorf("%q: %v", reference, err)
		}
	}
}

// TestAnEndpointStandsInForTwilio calls a local Twilio over the network.
func TestAnEndpointStandsInForTwilio(t *testing.T) {
	s := twiliolocal.New(twiliolocal.Options{})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 5 {
		s.AddWorker(workspace, twiliolocal.Worker{SID: twiliolocal.DefaultAccount[:2] + string(rune('a'+i)), Name: "w"})
	}
	c, err := twilio.New(twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret(s.Secret()), Endpoint: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, f := range []twiliolocal.Fault{{Reset: true, Count: 1}, {Cut: true, Count: 1}, {Lost: true, Count: 1}} {
		s.Inject(f)
	}
	if got, err := workers(t.Context(), c, 2); len(got) != 5 || err != nil {
		t.Errorf("%d workers, %v", len(got), err)
	}
	if _, err := workers(t.Context(), mustNew(t, twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret("wrong"), Endpoint: s.URL}), 2); !errors.Is(err, twilio.ErrCredentials) {
		t.Error(err)
	}
}

func mustNew(t *testing.T, c twilio.Config) *twilio.Client {
	t.Helper()
	k, err := twilio.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTextMediaAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := local(t, twiliolocal.Options{})
		sid := s.AddMedium("", twiliolocal.Medium{Type: "text/html; charset=utf-8", Category: "body", Content: []byte("<p>Hello\x00</p>")})
		for _, f := range []twiliolocal.Fault{{Path: "/Media/", Status: 503, Count: 1}, {Path: "/content/", Cut: true, Count: 1}, {Path: "/content/", Status: 403, Count: 1, Skip: 1}} {
			s.Inject(f)
		}
		text, err := c.MediaText(t.Context(), twiliolocal.DefaultChatService, sid)
		if err != nil || text.Type != "text/html" || string(text.Body) != "<p>Hello\x00</p>" {
			t.Errorf("%q, %v", text.Body, err)
		}
	})
}

func TestMediaThatAreNoShortTextAreNotFetched(t *testing.T) {
	s, c := local(t, twiliolocal.Options{}, func(c *twilio.Config) { c.Attempts = 1 })
	tests := []struct {
		medium twiliolocal.Medium
		kind   error
	}{
		{twiliolocal.Medium{Type: "image/png", Content: []byte("x")}, twilio.ErrNotText},
		{twiliolocal.Medium{Type: "text/plain", Content: bytes.Repeat([]byte("x"), twilio.MostText+1)}, twilio.ErrTooLarge},
	}
	for _, test := range tests {
		sid := s.AddMedium("", test.medium)
		if _, err := c.MediaText(t.Context(), twiliolocal.DefaultChatService, sid); !errors.Is(err, test.kind) {
			t.Errorf("%s: %v", test.medium.Type, err)
		}
		if n := s.Calls("/content/" + sid); n != 0 {
			t.Errorf("%s: %d calls for its content", test.medium.Type, n)
		}
	}
	sid := s.AddMedium("", twiliolocal.Medium{Type: "text/plain", Content: []byte("x")})
	s.Inject(twiliolocal.Fault{Path: "/content/", Status: 500})
	_, err := c.MediaText(t.Context(), twiliolocal.DefaultChatService, sid)
	if !errors.Is(err, twilio.ErrUnavailable) || strings.Contains(err.Error(), "storage.example") || strings.Contains(err.Error(), "Signature") {
		t.Errorf("the error shows the link: %v", err)
	}
}
