package taskrouter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/secret"
	"flexbeam/internal/twilio"
	"flexbeam/internal/uri"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/event"
)

// form is what the URIs of this source look like.
const form = "taskrouter:WORKSPACE"

func init() {
	source.Register("taskrouter", form, func(rest string, o source.OpenOptions) (source.Source, error) {
		return open(rest, o.Accounts, time.Now())
	})
}

const (
	settling     = 2 * time.Minute     // how long events may come into the log
	usualRange   = 24 * time.Hour      // that is read unless from says otherwise
	usualWindow  = 15 * time.Minute    // that is read at once
	usualCalls   = 20                  // at once
	whole        = 30 * 24 * time.Hour // for which the log shows attributes
	longestRange = 400 * 24 * time.Hour
)

// A Source is a time of the log of a workspace, or of several, of one account or of more.
type Source struct {
	Plans []Plan // of each workspace

	opening
}

// An opening is when a source was opened, and what its URI says of times.
type opening struct {
	at    time.Time
	timed bool // from when or to when is said
	old   bool // and that it may be what is older than the log shows attributes of
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

// every stands for the workspaces of all accounts that are known.
const every = "*"

// open reads the part of a URI behind its scheme, at a time: a workspace, several with commas between,
// or every one that the accounts are known to have.
func open(rest string, accounts []source.Account, now time.Time) (source.Source, error) {
	var p Plan // with what the URI says
	latest := now.Add(-settling).Truncate(time.Second)
	to, window, snapshots, old := latest, usualWindow, "", ""
	var from time.Time
	options := uri.Options{
		uri.Match("account", "AC0123456789abcdef0123456789abcdef", &p.Account, `^AC[0-9a-f]{32}$`).Hide(),
		moment("from", &from, now), moment("to", &to, now),
		uri.Match("key", "SK0123456789abcdef0123456789abcdef", &p.Key, `^(SK|AC)[0-9a-f]{32}$`).Hide(),
		secret.Option("secret", &p.Secret),
		uri.Choice("region", &p.Region, "ie1", "us1"),
		uri.URL("endpoint", "http://127.0.0.1:4010", &p.Endpoint),
		uri.Duration("window", "15m", &window, time.Second, 24*time.Hour),
		uri.Int("parallel", &p.Parallel, 1, 1000),
		uri.String("keep", &p.Keep),
		uri.Choice("snapshots", &snapshots, "yes", "no"),
		uri.Choice("old", &old, "no", "yes"),
	}
	names, err := options.Parse(rest, form)
	if err != nil {
		return nil, regional(rest, err)
	}
	begun := opening{at: now, timed: !from.IsZero() || !to.Equal(latest), old: old == "yes"}
	if to.After(latest) {
		to = latest
	}
	if from.IsZero() {
		from = to.Add(-usualRange)
	}
	p.From, p.To, p.Window, p.Snapshots = from.Unix(), to.Unix(), int64(window/time.Second), snapshots != "no"
	if begun.tooOld(from) {
		return nil, fmt.Errorf("from %s is %w: begin later, or add old=yes and write to a sink of its own", at(p.From), errOld)
	}
	s := &Source{opening: begun}
	for _, workspace := range workspaces(names, accounts) {
		one := p.of(workspace, accounts)
		if err := one.check(); err != nil {
			return nil, err
		}
		s.Plans = append(s.Plans, one)
	}
	if len(s.Plans) == 0 {
		return nil, fmt.Errorf("%w: %s%s: no account of the configuration names a workspace: write its SID", source.ErrNoInput, strings.TrimSuffix(form, "WORKSPACE"), every)
	}
	return s, nil
}

// workspaces returns the SIDs that a URI names.
func workspaces(names string, accounts []source.Account) (sids []string) {
	if names != every {
		return strings.Split(names, ",")
	}
	for _, a := range accounts {
		sids = append(sids, a.Workspaces...)
	}
	return sids
}

// of returns the plan for a workspace: with what the URI says, else with what is known of the account
// that has the workspace, else with what the environment says.
func (p Plan) of(workspace string, accounts []source.Account) Plan {
	p.Workspace = strings.TrimSpace(workspace)
	said := source.Account{SID: p.Account, Key: p.Key, Secret: p.Secret, Region: p.Region, Endpoint: p.Endpoint, Parallel: p.Parallel}
	known := source.EnvironmentAccount()
	for _, a := range accounts {
		if a.SID == p.Account || p.Account == "" && (slices.Contains(a.Workspaces, p.Workspace) || len(accounts) == 1) {
			known = a
		}
	}
	a := said.Or(known).Or(source.Account{Secret: "env:" + source.SecretVariable, Parallel: usualCalls})
	p.Account, p.Key, p.Secret, p.Region, p.Endpoint, p.Parallel = a.SID, a.Key, a.Secret, a.Region, a.Endpoint, a.Parallel
	return p
}

var errOld = errors.New("more than 30 days ago: of older events the log shows no attributes, so the rows of a sink that knows these would lose them")

// tooOld tells whether a time is so long ago that the log shows no attributes of it, and nobody has said that it is meant.
func (o opening) tooOld(from time.Time) bool { return from.Before(o.at.Add(-whole)) && !o.old }

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
func (s *Source) Within(r source.Range) (ranged source.Ranged, err error) {
	all := slices.Clone(s.Plans)
	for i, p := range all {
		if all[i], ranged.Since, err = s.within(p, r); err != nil {
			return ranged, err
		}
	}
	ranged.Source, ranged.Whole = &Source{Plans: all, opening: opening{at: s.at, old: s.old}}, true
	return ranged, nil
}

// within returns a plan as a job with a range reads it, and from when on every event counts.
func (o opening) within(p Plan, r source.Range) (Plan, time.Time, error) {
	switch {
	case o.timed:
		return p, time.Time{}, ErrTimed
	case o.tooOld(r.From):
		return p, time.Time{}, fmt.Errorf("from %s is %w: begin later, or add old=yes to the URI and write to a sink of its own", r.From.UTC().Format(time.RFC3339), errOld)
	}
	back, first := r.From.Add(-source.Reach), o.logFrom()
	if o.old {
		first = back
	}
	since := later(first, back)
	p.Whole, p.LogFrom, p.LogTo, p.Back = true, ceil(first), p.To, ceil(since)
	p.From, p.To = r.From.Unix(), min(p.To, ceil(r.To))
	return p, since, p.check()
}

// margin is for how long a job may read the log until attributes vanish of what it has yet to read.
const margin = time.Hour

// logFrom returns from when on the log shows attributes, in whole seconds.
func (o opening) logFrom() time.Time { return o.at.Add(margin - whole).Truncate(time.Second) }

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
	all := slices.Clone(s.Plans)
	for i, p := range all {
		if all[i], err = s.log(p); err != nil {
			return nil, from, to, err
		}
	}
	return &Source{Plans: all, opening: opening{at: s.at}}, time.Unix(all[0].From, 0).UTC(), time.Unix(all[0].To, 0).UTC(), nil
}

// log returns a plan for all that the log holds.
func (o opening) log(p Plan) (Plan, error) {
	p.Snapshots = false
	if o.old {
		return p, errors.New("old=yes: of events that are older than 30 days the log shows no attributes, so nothing is healed by them: leave it out")
	}
	if !o.timed {
		p.From = o.logFrom().Unix()
	}
	return p, p.check()
}

// Accounts implements source.AccountSource: each account once.
func (s *Source) Accounts() (all []source.Account) {
	for _, p := range s.Plans {
		if _, known := source.Find(all, p.Account); !known {
			all = append(all, p.account())
		}
	}
	return all
}

// account returns how the plan's account is called.
func (p Plan) account() source.Account {
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
		return missing("the account", "account=AC…", source.AccountVariable)
	case p.Key == "":
		return missing("the API key", "key=SK…", source.KeyVariable)
	}
	if _, err := p.client(nil); err != nil {
		return fmt.Errorf("%w: %w", source.ErrNoInput, err)
	}
	return nil
}

func missing(what, option, variable string) error {
	return fmt.Errorf("%w: %s is not known: set %s, add %s to the URI, or name the workspace in the configuration", source.ErrNoInput, what, variable, option)
}

// client returns a client for the plan.
func (p Plan) client(observe func(twilio.Call)) (*twilio.Client, error) {
	hidden, err := twilio.ReadSecret(p.Secret)
	if err != nil {
		return nil, err
	}
	return twilio.New(twilio.Config{
		Account: p.Account, Key: p.Key, Secret: hidden, Region: p.Region, Endpoint: p.Endpoint, Parallel: p.Parallel, Observe: observe,
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
	for _, p := range s.Plans {
		records += (p.To - p.From) * perHour / 3600
	}
	return 0, records
}

// Read implements source.Source. Agents whom no event names are not told of.
func (s *Source) Read(scope beam.Scope, o source.ReadOptions) beam.PCollection {
	records, _ := s.ReadAgents(scope, o)
	return records
}

// ReadAgents implements source.AgentSource.
func (s *Source) ReadAgents(scope beam.Scope, o source.ReadOptions) (records, agents beam.PCollection) {
	scope = scope.Scope("taskrouter.Read")
	return beam.ParDo2(scope, &readFn{Job: o.Job}, beam.CreateList(scope, slices.Clone(s.Plans)))
}

// Text implements source.Source: the text of a record is not read again.
func (s *Source) Text(event.Place) ([]byte, error) { return nil, event.ErrNoText }
