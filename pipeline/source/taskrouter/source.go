package taskrouter

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/twilio"
	"flexbeam/internal/uri"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/event"
)

// form is what the URIs of this source look like.
const form = "taskrouter:WORKSPACE"

func init() {
	source.Register("taskrouter", form, func(rest string) (source.Source, error) { return open(rest, time.Now()) })
}

// The environment variables that hold the credentials, unless the URI says otherwise.
const (
	accountVariable = "TWILIO_ACCOUNT_SID"
	keyVariable     = "TWILIO_API_KEY"
	secretVariable  = "TWILIO_API_SECRET"
)

const (
	settling     = 2 * time.Minute     // how long events may come into the log
	usualRange   = 24 * time.Hour      // that is read unless from says otherwise
	usualWindow  = 15 * time.Minute    // that is read at once
	usualCalls   = 20                  // at once
	whole        = 30 * 24 * time.Hour // for which the log shows attributes
	longestRange = 400 * 24 * time.Hour
)

// A Source is a time of the log of a workspace.
type Source struct {
	Plan Plan

	opened time.Time
	timed  bool // the URI says from when or to when
	old    bool // and that it may be what is older than the log shows attributes of
}

// A Plan is what is read. It travels to the worker that reads it, and names the secret without holding
// it.
type Plan struct {
	Account, Workspace string // SIDs
	Key                string // SID of the API key
	Secret             string // reference to its secret: env:NAME or file:PATH
	Region, Endpoint   string // as in twilio.Config
	From, To           int64  // seconds since 1970; both count
	Window             int64  // seconds
	Parallel           int    // calls at once at most
	Keep               string // folder that keeps what was read; empty: none does
	Snapshots          bool   // agents whom no event names are read, too

	// Whole reads the tasks that have events from From to To whole, by their SIDs: from LogFrom to LogTo.
	// Of workers who did something it reads back to what they did before, no further than to Back.
	Whole                bool
	LogFrom, LogTo, Back int64 // seconds since 1970
}

var (
	_ source.Source      = (*Source)(nil)
	_ source.AgentSource = (*Source)(nil)

	_ source.AccountSource = (*Source)(nil)
	_ source.RangedSource  = (*Source)(nil)
	_ source.LogSource     = (*Source)(nil)
)

// open reads the part of a URI behind its scheme, at a time.
func open(rest string, now time.Time) (source.Source, error) {
	p := Plan{
		Account: os.Getenv(accountVariable), Key: os.Getenv(keyVariable), Secret: "env:" + secretVariable,
		Parallel: usualCalls, Window: int64(usualWindow / time.Second), Snapshots: true,
	}
	latest := now.Add(-settling).Truncate(time.Second)
	to, window, snapshots, old := latest, usualWindow, "", ""
	var from time.Time
	options := uri.Options{
		uri.Match("account", "AC0123456789abcdef0123456789abcdef", &p.Account, `^AC[0-9a-f]{32}$`),
		moment("from", &from, now), moment("to", &to, now),
		uri.Match("key", "SK0123456789abcdef0123456789abcdef", &p.Key, `^(SK|AC)[0-9a-f]{32}$`),
		uri.Match("secret", "env:"+secretVariable, &p.Secret, `^(env|file):.+$`),
		uri.Choice("region", &p.Region, "ie1", "us1"),
		uri.URL("endpoint", "http://127.0.0.1:4010", &p.Endpoint),
		uri.Duration("window", "15m", &window, time.Second, 24*time.Hour),
		uri.Int("parallel", &p.Parallel, 1, 1000),
		uri.String("keep", &p.Keep),
		uri.Choice("snapshots", &snapshots, "yes", "no"),
		uri.Choice("old", &old, "no", "yes"),
	}
	var err error
	if p.Workspace, err = options.Parse(rest, form); err != nil {
		return nil, regional(rest, err)
	}
	s := &Source{opened: now, timed: !from.IsZero() || !to.Equal(latest), old: old == "yes"}
	if to.After(latest) {
		to = latest
	}
	if from.IsZero() {
		from = to.Add(-usualRange)
	}
	p.From, p.To, p.Window, p.Snapshots = from.Unix(), to.Unix(), int64(window/time.Second), snapshots != "no"
	if s.Plan = p; s.tooOld(from) {
		return nil, fmt.Errorf("from %s is %w: begin later, or add old=yes and write to a sink of its own", at(p.From), errOld)
	}
	return s, p.check()
}

var errOld = errors.New("more than 30 days ago: of older events the log shows no attributes, so the rows of a sink that knows these would lose them")

// tooOld tells whether a time is so long ago that the log shows no attributes of it, and nobody has said that it is meant.
func (s *Source) tooOld(from time.Time) bool { return from.Before(s.opened.Add(-whole)) && !s.old }

// regional says why a region is refused whose data cannot be there.
func regional(rest string, err error) error {
	if strings.Contains(rest, "region=au1") {
		return fmt.Errorf("option region: %w", twilio.CheckRegion("au1"))
	}
	return err
}

// ErrTimed says that the URI of a source names a time, and the job another one.
var ErrTimed = errors.New("from and to are options of the URI and of the job: give them once")

// Within implements source.RangedSource.
func (s *Source) Within(r source.Range) (source.Ranged, error) {
	switch {
	case s.timed:
		return source.Ranged{}, ErrTimed
	case s.tooOld(r.From):
		return source.Ranged{}, fmt.Errorf("from %s is %w: begin later, or add old=yes to the URI and write to a sink of its own", r.From.UTC().Format(time.RFC3339), errOld)
	}
	p, back, first := s.Plan, r.From.Add(-source.Reach), s.logFrom()
	if s.old {
		first = back
	}
	since := later(first, back)
	p.Whole, p.LogFrom, p.LogTo, p.Back = true, ceil(first), p.To, ceil(since)
	p.From, p.To = r.From.Unix(), min(p.To, ceil(r.To))
	return source.Ranged{Source: &Source{Plan: p, opened: s.opened, old: s.old}, Since: since, Whole: true}, p.check()
}

// margin is for how long a job may read the log until attributes vanish of what it has yet to read.
const margin = time.Hour

// logFrom returns from when on the log shows attributes, in whole seconds.
func (s *Source) logFrom() time.Time { return s.opened.Add(margin - whole).Truncate(time.Second) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ceil returns a time in seconds, rounded up.
func ceil(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

// Log implements source.LogSource. A time that the URI names is all that there is.
func (s *Source) Log() (log source.Source, from, to time.Time, err error) {
	p := s.Plan
	p.Snapshots = false
	if s.old {
		return nil, from, to, errors.New("old=yes: of events that are older than 30 days the log shows no attributes, so nothing is healed by them: leave it out")
	}
	if !s.timed {
		p.From = s.logFrom().Unix()
	}
	return &Source{Plan: p, opened: s.opened}, time.Unix(p.From, 0).UTC(), time.Unix(p.To, 0).UTC(), p.check()
}

// Account implements source.AccountSource.
func (s *Source) Account() source.Account {
	p := s.Plan
	return source.Account{SID: p.Account, Key: p.Key, Secret: p.Secret, Region: p.Region, Endpoint: p.Endpoint, Parallel: p.Parallel}
}

// check refuses what cannot be read.
func (p Plan) check() error {
	switch {
	case !workspaceSID.MatchString(p.Workspace):
		return fmt.Errorf("%q is no SID of a workspace: write %s with WS and 32 digits of 0-9 and a-f; Twilio's Console lists workspaces under TaskRouter", p.Workspace, form)
	case p.From >= p.To:
		return fmt.Errorf("from %s is not before to %s; the newest two minutes are left for a later run", at(p.From), at(p.To))
	case p.To-p.From > int64(longestRange/time.Second):
		return fmt.Errorf("from %s to %s is more than a year; the log keeps 30 days", at(p.From), at(p.To))
	case p.Account == "":
		return missing("the account", "account=AC…", accountVariable)
	case p.Key == "":
		return missing("the API key", "key=SK…", keyVariable)
	}
	if _, err := p.client(nil); err != nil {
		return fmt.Errorf("%w: %w", source.ErrNoInput, err)
	}
	return nil
}

func missing(what, option, variable string) error {
	return fmt.Errorf("%w: %s is not known: set %s, or add %s to the URI", source.ErrNoInput, what, variable, option)
}

// client returns a client for the plan.
func (p Plan) client(observe func(twilio.Call)) (*twilio.Client, error) {
	secret, err := twilio.ReadSecret(p.Secret)
	if err != nil {
		return nil, err
	}
	return twilio.New(twilio.Config{
		Account: p.Account, Key: p.Key, Secret: secret, Region: p.Region, Endpoint: p.Endpoint, Parallel: p.Parallel, Observe: observe,
	})
}

// moment is an option of a time: RFC 3339, today or yesterday (where the day begins, UTC), or a
// duration, that long ago.
func moment(name string, to *time.Time, now time.Time) uri.Option {
	return uri.Option{Name: name, Set: func(value string) error {
		day := now.UTC().Truncate(24 * time.Hour)
		if ago, err := time.ParseDuration(value); err == nil && ago >= 0 {
			*to = now.Add(-ago)
			return nil
		}
		switch value {
		case "today":
			*to = day
			return nil
		case "yesterday":
			*to = day.Add(-24 * time.Hour)
			return nil
		}
		t, err := uri.ParseTime(value)
		if err != nil {
			return errMoment
		}
		*to = t
		return nil
	}}
}

var errMoment = errors.New("want a time like 2026-01-31T08:00:00Z, yesterday, today, or 36h for so long ago")

// at is a time of a plan as text.
func at(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// perHour is about how many bytes of records an hour has in a large contact centre. How many there
// are is known only when they were read.
const perHour = 16 << 20

// Size implements source.Source. The first number is not known.
func (s *Source) Size() (bytes, records int64) {
	return 0, (s.Plan.To - s.Plan.From) * perHour / 3600
}

// Read implements source.Source. Agents whom no event names are not told of.
func (s *Source) Read(scope beam.Scope, o source.ReadOptions) beam.PCollection {
	records, _ := s.ReadAgents(scope, o)
	return records
}

// ReadAgents implements source.AgentSource.
func (s *Source) ReadAgents(scope beam.Scope, o source.ReadOptions) (records, agents beam.PCollection) {
	scope = scope.Scope("taskrouter.Read")
	return beam.ParDo2(scope, &readFn{Job: o.Job}, beam.Create(scope, s.Plan))
}

// Text implements source.Source: the text of a record is not read again.
func (s *Source) Text(event.Place) ([]byte, error) { return nil, event.ErrNoText }
