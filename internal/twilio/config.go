package twilio

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// A Config says which account is called, and how. Zero values mean the defaults.
type Config struct {
	Account string // SID of the account
	Key     string // SID of an API key of the account; the account's own SID if Secret is its token
	Secret  Secret // of the key

	// Region is where the account's data are: us1 (default) or ie1. Each has keys of its own.
	Region string
	// Endpoint is a base URL that stands in for all hosts of Twilio, such as http://127.0.0.1:4010
	// of a local Twilio. Requests go there with the name of Twilio's host in their Host field.
	Endpoint string

	Parallel int           // calls at once at most; default 20
	Attempts int           // of a call, refusals by 429 not counted; default 8
	Patience time.Duration // how long a call is tried, with its pauses; default 10 minutes
	Timeout  time.Duration // of one attempt, until its answer was read; default 1 minute

	Transport http.RoundTripper // sends requests; default one of net/http with connections of its own
	Observe   func(Call)        // told of every attempt, from several goroutines; nil: nobody is
}

// A Call is what Observe is told of an attempt.
type Call struct {
	Product  string        // such as taskrouter
	Method   string        // such as GET
	Resource string        // the path, in which SIDs are replaced by their first letters: /v1/Workspaces/{WS}/Events
	Status   int           // of HTTP; 0: there was no answer
	Kind     error         // what was wrong, one of the errors of this package; nil: nothing
	Attempt  int           // from 1
	Waited   time.Duration // for a place among the calls that are made at once
	Elapsed  time.Duration // from sending the request until the answer was read
}

// Outcome says how the attempt ended, in a word: ok, not_found, refused, throttled, unavailable or
// broken.
func (c Call) Outcome() string {
	if name, ok := outcomes[c.Kind]; ok {
		return name
	}
	return "refused"
}

var outcomes = map[error]string{nil: "ok", ErrNotFound: "not_found", ErrThrottled: "throttled", ErrUnavailable: "unavailable", ErrBroken: "broken", ErrTooLarge: "broken"}

const (
	defaultParallel = 20
	defaultAttempts = 8
	defaultPatience = 10 * time.Minute
	defaultTimeout  = time.Minute
)

// edges are the regions that have the APIs which flexbeam calls, with the edge that leads to each.
// In us1 hosts name neither.
var edges = map[string]string{"us1": "", "ie1": "dublin"}

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
	keySID     = regexp.MustCompile(`^(SK|AC)[0-9a-f]{32}$`)
)

// check fills in defaults. Its errors wrap ErrConfig or ErrRegion.
func (c *Config) check() error {
	c.Region = strings.ToLower(cmp.Or(c.Region, "us1"))
	c.Parallel, c.Attempts = cmp.Or(c.Parallel, defaultParallel), cmp.Or(c.Attempts, defaultAttempts)
	c.Patience, c.Timeout = cmp.Or(c.Patience, defaultPatience), cmp.Or(c.Timeout, defaultTimeout)
	if err := CheckRegion(c.Region); err != nil {
		return err
	}
	switch {
	case c.Account == "":
		return fmt.Errorf("%w: the account is not known: set TWILIO_ACCOUNT_SID, or write AC and 32 digits where it is named", ErrConfig)
	case c.Key == "":
		return fmt.Errorf("%w: the API key is not known: set TWILIO_API_KEY, or write SK and 32 digits where it is named", ErrConfig)
	case !accountSID.MatchString(c.Account):
		// What stands there may be a secret in the wrong place.
		return fmt.Errorf("%w: the account is named by something that is no SID: write AC and 32 digits of 0-9 and a-f", ErrConfig)
	case !keySID.MatchString(c.Key):
		return fmt.Errorf("%w: the API key of the account %s is no SID: write SK and 32 digits of 0-9 and a-f", ErrConfig, c.Account)
	case c.Secret.Reveal() == "":
		return fmt.Errorf("%w: the secret of the API key %s is missing", ErrConfig, c.Key)
	case strings.ContainsAny(c.Secret.Reveal(), " \t\r\n"):
		return fmt.Errorf("%w: the secret of the API key %s has white space in it", ErrConfig, c.Key)
	case c.Parallel < 1 || c.Attempts < 1 || c.Patience < 0 || c.Timeout < 0:
		return fmt.Errorf("%w: calls at once and attempts must be 1 or more, times not negative", ErrConfig)
	}
	return nil
}

// CheckRegion returns an error that wraps ErrRegion if Twilio does not have the APIs that flexbeam
// calls in a region.
func CheckRegion(region string) error {
	switch region = strings.ToLower(region); {
	case region == "au1":
		return fmt.Errorf("%w: au1 has neither TaskRouter nor Conversations: an account with Flex is in us1 or ie1", ErrRegion)
	case edges[region] == "" && region != "us1":
		return fmt.Errorf("%w: %q: write us1 or ie1", ErrRegion, region)
	}
	return nil
}

// CheckEndpoint reads an endpoint. Over plain HTTP credentials can be read on the way, so that is for
// this machine only. Errors wrap ErrConfig.
func CheckEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: the endpoint is no URL such as http://127.0.0.1:4010", ErrConfig)
	case u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback():
		return nil, fmt.Errorf("%w: the endpoint %s would get the API key in clear: write https://, or an address of this machine", ErrConfig, u.Host)
	}
	return u, nil
}
