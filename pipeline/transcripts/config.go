package transcripts

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"flexbeam/internal/secret"
	"flexbeam/internal/telemetry"
	"flexbeam/internal/twilio"
	"flexbeam/internal/uri"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/source"
)

// The words that say which transcripts are fetched.
const (
	Missing = "missing" // those of which the sink does not have the turns
	All     = "all"
	None    = "none"
)

// Form is what is written to say which transcripts are fetched.
const Form = "missing|all|none"

// A Config says which transcripts are fetched, and of which accounts.
type Config struct {
	Which    string // Missing, All or None
	Accounts []source.Account
	Legacy   bool          // channels of Programmable Chat are looked for, too
	Every    time.Duration // how often the transcript of an open conversation is fetched
}

const (
	usualCalls = 20
	usualEvery = 5 * time.Minute
)

// Parse reads what says which transcripts are fetched: a word, and options behind a question mark. The
// accounts are those of the source, if it reads from Twilio, else those that are given, else that of
// the environment. Without any text it is Missing where there are credentials, else None.
func Parse(text string, src source.Source, accounts []source.Account) (Config, error) {
	known := candidates(src, accounts)
	if text == "" {
		if !slices.ContainsFunc(known, source.Account.Complete) {
			return Config{Which: None}, nil
		}
		text = Missing
	}
	c := Config{Every: usualEvery}
	var said source.Account
	legacy := ""
	options := uri.Options{
		uri.Choice("legacy", &legacy, "no", "yes"),
		uri.Match("account", "AC0123456789abcdef0123456789abcdef", &said.SID, `^AC[0-9a-f]{32}$`).Hide(),
		uri.Match("key", "SK0123456789abcdef0123456789abcdef", &said.Key, `^(SK|AC)[0-9a-f]{32}$`).Hide(),
		secret.Option("secret", &said.Secret),
		uri.Match("service", "IS0123456789abcdef0123456789abcdef", &said.ChatService, `^IS[0-9a-f]{32}$`),
		uri.Choice("region", &said.Region, "ie1", "us1"),
		uri.URL("endpoint", "http://127.0.0.1:4010", &said.Endpoint),
		uri.Int("parallel", &said.Parallel, 1, 1000),
		uri.Duration("every", "5m", &c.Every, 10*time.Second, 24*time.Hour),
	}
	var err error
	if c.Which, err = options.Parse(text, Form); err != nil {
		return c, err
	}
	c.Legacy = legacy == "yes"
	switch c.Which {
	case None:
		return Config{Which: None}, nil
	case Missing, All:
	default:
		return c, fmt.Errorf("%q: write %s", c.Which, strings.ReplaceAll(Form, "|", ", "))
	}
	if c.Accounts, err = chosen(said, known); err != nil {
		return c, err
	}
	for _, a := range c.Accounts {
		client, err := client(a, nil)
		if err != nil {
			return c, err
		}
		client.Close()
	}
	return c, nil
}

// candidates returns the accounts whose transcripts may be fetched. Of those that a source names, the
// chat service may be known from others.
func candidates(src source.Source, accounts []source.Account) []source.Account {
	from, ok := src.(source.AccountSource)
	switch {
	case ok:
		all := from.Accounts()
		for i, a := range all {
			if known, ok := source.Find(accounts, a.SID); ok {
				all[i] = a.Or(known)
			}
		}
		return all
	case len(accounts) > 0:
		return accounts
	}
	return []source.Account{source.EnvironmentAccount()}
}

var (
	// ErrNoCredentials says that of an account the SID or the API key is not known.
	ErrNoCredentials = errors.New("transcripts need an API key of Twilio")

	errWhich = errors.New("several accounts are known, and key, secret and service are those of one: add account=AC…, or leave them out")
)

// chosen returns the accounts with what options say of them.
func chosen(said source.Account, known []source.Account) ([]source.Account, error) {
	one, ofOne := source.Find(known, said.SID)
	switch {
	case said.SID != "" && ofOne:
		known = []source.Account{one}
	case said.SID != "":
		known = []source.Account{source.EnvironmentAccount()}
	case len(known) > 1 && (said.Key != "" || said.Secret != "" || said.ChatService != ""):
		return nil, errWhich
	}
	all := make([]source.Account, len(known))
	for i, a := range known {
		all[i] = said.Or(a).Or(source.Account{Secret: "env:" + source.SecretVariable, Parallel: usualCalls})
		if all[i].SID == "" || all[i].Key == "" {
			return nil, fmt.Errorf("%w: set %s, %s and %s, or name the account in a configuration", ErrNoCredentials, source.AccountVariable, source.KeyVariable, source.SecretVariable)
		}
	}
	return all, nil
}

// Fetches tells whether any transcripts are fetched.
func (c Config) Fetches() bool { return c.Which != None && c.Which != "" }

// client returns a client of Twilio for an account.
func client(a source.Account, observe func(twilio.Call)) (*twilio.Client, error) {
	hidden, err := twilio.ReadSecret(a.Secret)
	if err != nil {
		return nil, err
	}
	return twilio.New(twilio.Config{Account: a.SID, Key: a.Key, Secret: hidden, Region: a.Region, Endpoint: a.Endpoint, Parallel: a.Parallel, Observe: observe})
}

func init() {
	runtime.RegisterTranscripts(func(turns string, count *telemetry.Counters) (runtime.Transcripts, error) {
		var c Config
		if err := json.Unmarshal([]byte(turns), &c); err != nil {
			return nil, fmt.Errorf("what the job says of them: %w", err)
		}
		return c.Open(count)
	})
}

// Text returns the configuration as text, for workers that do not run the job.
func (c Config) Text() string {
	if !c.Fetches() {
		return ""
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // texts and numbers alone
	}
	return string(b)
}

// Open returns what fetches from Twilio.
func (c Config) Open(count *telemetry.Counters) (*Pools, error) {
	all := &Pools{of: map[string]*Pool{}}
	for _, a := range c.Accounts {
		client, err := client(a, func(c twilio.Call) { count.Twilio.Requested(c.Product, c.Outcome(), c.Attempt > 1, c.Waited) })
		if err != nil {
			return nil, err
		}
		count.Twilio.Limited(telemetry.TwilioLimit{Account: a.SID, Use: "transcripts"}, client.Limit)
		// Between its calls a fetch decodes what it got. So that no call that could be made waits for
		// that, there are more fetches than calls, and the client bounds these.
		o := Options{Account: a.SID, Parallel: a.Parallel + a.Parallel/2, Had: c.Which == Missing, Every: c.Every}
		all.add(NewPool(o, NewFetch(client, a.ChatService, Legacy(c.Legacy)), count))
	}
	return all, nil
}
