package taskrouter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
	"flexbeam/pipeline/source"
)

var now = time.Date(2026, 3, 10, 12, 30, 15, 123, time.UTC)

// credentials sets those of the environment.
func credentials(t *testing.T) {
	t.Setenv(source.AccountVariable, twiliolocal.DefaultAccount)
	t.Setenv(source.KeyVariable, twiliolocal.DefaultKey)
	t.Setenv(source.SecretVariable, "planted0secret")
}

func TestAURISaysWhatIsRead(t *testing.T) {
	credentials(t)
	t.Setenv("OTHER", "x")
	usual := Plan{
		Account: twiliolocal.DefaultAccount, Workspace: workspace, Key: twiliolocal.DefaultKey, Secret: "env:TWILIO_API_SECRET",
		From: now.Unix() - 120 - 86400, To: now.Unix() - 120, Window: 900, Parallel: 20, Snapshots: true,
	}
	other := strings.Replace(twiliolocal.DefaultAccount, "0", "a", 1)
	tests := []struct {
		options string
		change  func(*Plan)
	}{
		{"", func(*Plan) {}},
		{"?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00%2B01:00", func(p *Plan) {
			p.From, p.To = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC).Unix()
		}},
		{"?from=yesterday&to=today", func(p *Plan) {
			p.From, p.To = time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC).Unix()
		}},
		{"?from=48h&to=2027-01-01T00:00:00Z", func(p *Plan) { p.From = now.Unix() - 48*3600 }}, // the newest two minutes are left
		{"?from=720h", func(p *Plan) { p.From = now.Unix() - 720*3600 }},
		{"?from=1000h&old=yes", func(p *Plan) { p.From = now.Unix() - 1000*3600 }},
		{"?account=" + other + "&secret=env:OTHER&region=ie1&endpoint=http://127.0.0.1:1&window=1h&parallel=3&keep=/k&snapshots=no", func(p *Plan) {
			p.Account, p.Secret, p.Region, p.Endpoint, p.Window, p.Parallel, p.Keep, p.Snapshots = other, "env:OTHER", "ie1", "http://127.0.0.1:1", 3600, 3, "/k", false
		}},
	}
	for _, test := range tests {
		s, err := open(workspace+test.options, nil, now)
		if err != nil {
			t.Errorf("%s: %v", test.options, err)
			continue
		}
		p := usual
		test.change(&p)
		if d := cmp.Diff(p, s.(*Source).Plans[0]); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.options, d)
		}
		if text := fmt.Sprintf("%+v", s); strings.Contains(text, "planted0secret") {
			t.Errorf("the plan holds the secret: %s", text)
		}
	}
}

func TestAURIThatCannotBeReadSaysWhatToWrite(t *testing.T) {
	tests := []struct{ rest, want string }{
		{"", `write taskrouter:WORKSPACE`},
		{"flex", `"flex" is no SID of a workspace: write taskrouter:WORKSPACE with WS`},
		{workspace + "?from=noon", "option from=noon: want a time like 2026-01-31T08:00:00Z, yesterday, today, or 36h"},
		{workspace + "?from=today&to=yesterday", "is not before to"},
		{workspace + "?from=1m", "the newest two minutes are left"},
		{workspace + "?from=2024-01-01T00:00:00Z&old=yes", "more than a year"},
		{workspace + "?from=721h", "is more than 30 days ago: of older events the log shows no attributes"},
		{workspace + "?account=AC1", "write such as account=AC"},
		{workspace + "?secret=abc", "write such as secret=env:TWILIO_API_SECRET"},
		{workspace + "?region=au1", "au1 has neither TaskRouter nor Conversations"},
		{workspace + "?region=us9", "one of ie1, us1"},
		{workspace + "?colour=red", `unknown option "colour"`},
		{workspace + "?window=1ms", "want 1s to 24h0m0s"},
	}
	credentials(t)
	for _, test := range tests {
		if _, err := open(test.rest, nil, now); err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, source.ErrNoInput) {
			t.Errorf("%s: %v, want %q", test.rest, err, test.want)
		}
	}
}

func TestCredentialsThatAreMissingAreNamed(t *testing.T) {
	for _, name := range []string{source.AccountVariable, source.KeyVariable, source.SecretVariable} {
		credentials(t)
		t.Setenv(name, "")
		if _, err := open(workspace, nil, now); !errors.Is(err, source.ErrNoInput) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	credentials(t)
	if _, err := open(workspace+"?endpoint=http://proxy.example", nil, now); !errors.Is(err, twilio.ErrConfig) || !strings.Contains(err.Error(), "in clear") {
		t.Error(err)
	}
}
