package transcripts

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

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

// The environment variables that hold the credentials, unless options say otherwise. They are those of
// the source taskrouter:.
const (
	accountVariable = "TWILIO_ACCOUNT_SID"
	keyVariable     = "TWILIO_API_KEY"
	secretVariable  = "TWILIO_API_SECRET"
)

// Form is what is written to say which transcripts are fetched.
const Form = "missing|all|none"

// A Config says which transcripts are fetched, and with which account. It names the secret without
// holding it.
type Config struct {
	Which            string        // Missing, All or None
	Account, Key     string        // SIDs
	Secret           string        // reference: env:NAME or file:PATH
	Region, Endpoint string        // as in twilio.Config
	Service          string        // SID of the chat service; empty: the account's default one, else that of Flex
	Legacy           bool          // channels of Programmable Chat are looked for, too
	Parallel         int           // calls at once at most
	Every            time.Duration // how often the transcript of an open conversation is fetched
}

const (
	usualCalls = 20
	usualEvery = 5 * time.Minute
)

// Parse reads what says which transcripts are fetched: a word, and options behind a question mark.
// Credentials are those of the source, if it reads from Twilio, else those of the environment.
// Without any text it is Missing where there are credentials, else None.
func Parse(text string, src source.Source) (Config, error) {
	c := Config{
		Account: os.Getenv(accountVariable), Key: os.Getenv(keyVariable), Secret: "env:" + secretVariable,
		Parallel: usualCalls, Every: usualEvery,
	}
	from, known := src.(source.AccountSource)
	if known {
		a := from.Account()
		c.Account, c.Key, c.Secret, c.Region, c.Endpoint, c.Parallel = a.SID, a.Key, a.Secret, a.Region, a.Endpoint, a.Parallel
	}
	if text == "" {
		if !known && (c.Account == "" || c.Key == "" || os.Getenv(secretVariable) == "") {
			return Config{Which: None}, nil
		}
		text = Missing
	}
	legacy := ""
	options := uri.Options{
		uri.Choice("legacy", &legacy, "no", "yes"),
		uri.Match("account", "AC0123456789abcdef0123456789abcdef", &c.Account, `^AC[0-9a-f]{32}$`),
		uri.Match("key", "SK0123456789abcdef0123456789abcdef", &c.Key, `^(SK|AC)[0-9a-f]{32}$`),
		uri.Match("secret", "env:"+secretVariable, &c.Secret, `^(env|file):.+$`),
		uri.Match("service", "IS0123456789abcdef0123456789abcdef", &c.Service, `^IS[0-9a-f]{32}$`),
		uri.Choice("region", &c.Region, "ie1", "us1"),
		uri.URL("endpoint", "http://127.0.0.1:4010", &c.Endpoint),
		uri.Int("parallel", &c.Parallel, 1, 1000),
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
	if c.Account == "" || c.Key == "" {
		return c, fmt.Errorf("%w: set %s, %s and %s", errNoCredentials, accountVariable, keyVariable, secretVariable)
	}
	client, err := c.client(nil)
	if err != nil {
		return c, err
	}
	client.Close()
	return c, nil
}

var errNoCredentials = errors.New("transcripts need an API key of Twilio")

// Fetches tells whether any transcripts are fetched.
func (c Config) Fetches() bool { return c.Which != None && c.Which != "" }

// client returns a client of Twilio.
func (c Config) client(observe func(twilio.Call)) (*twilio.Client, error) {
	secret, err := twilio.ReadSecret(c.Secret)
	if err != nil {
		return nil, err
	}
	return twilio.New(twilio.Config{
		Account: c.Account, Key: c.Key, Secret: secret, Region: c.Region, Endpoint: c.Endpoint, Parallel: c.Parallel, Observe: observe,
	})
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

// Open returns a pool that fetches from Twilio.
func (c Config) Open(count *telemetry.Counters) (*Pool, error) {
	client, err := c.client(nil)
	if err != nil {
		return nil, err
	}
	o := Options{Account: c.Account, Parallel: c.Parallel, Had: c.Which == Missing, Every: c.Every}
	return NewPool(o, NewFetch(client, c.Service, Legacy(c.Legacy)), count), nil
}
