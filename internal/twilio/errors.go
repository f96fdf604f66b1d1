package twilio

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of errors. errors.Is tells whether an error is of a kind.
var (
	ErrConfig = errors.New("the access to Twilio is not configured rightly")
	ErrRegion = errors.New("the region of Twilio cannot be used")

	ErrCredentials = errors.New("the credentials are not valid") // 401
	ErrForbidden   = errors.New("access is denied")              // 403
	ErrNotFound    = errors.New("not found")                     // 404
	ErrRequest     = errors.New("the request was refused")       // another 4xx
	ErrForeign     = errors.New("the link leads elsewhere")      // a next page that is not followed

	// Those that may pass: a call that ends with one was tried again in vain.
	ErrThrottled   = errors.New("too many calls")            // 429
	ErrUnavailable = errors.New("the service is not there")  // 5xx, time-outs, broken connections
	ErrBroken      = errors.New("the answer cannot be used") // cut off, no JSON, no list, 3xx

	// Of media.
	ErrNotText  = errors.New("the medium is no text")
	ErrTooLarge = errors.New("the medium is too large")
)

// Passes tells whether an error is of a kind that may pass.
func Passes(err error) bool {
	return errors.Is(err, ErrThrottled) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrBroken)
}

// An Error is an error of a call. Its text has neither secrets nor the query of the URL.
type Error struct {
	Product  string // such as taskrouter
	Method   string // such as GET
	Path     string // with SIDs
	Kind     error  // one of the kinds of this package
	Status   int    // of HTTP; 0: there was no answer
	Code     int    // Twilio's code of the error, see twilio.com/docs/api/errors; 0: none was given
	Message  string // Twilio's, or what is wrong with the answer; may be empty
	Request  string // Twilio's id of the request, for its support; empty: none was given
	Attempts int    // how often the call was made
	Err      error  // the cause; nil: Kind is all that is known
}

// advice says what to do about a kind.
var advice = map[error]string{
	ErrCredentials: "are the SID of the API key, its secret and the region right, and does the key belong to the account?",
	ErrForbidden:   "may the API key do this? A standard key can read TaskRouter and Conversations; a restricted one needs permissions",
	ErrNotFound:    "are the SIDs right, and is it this account and region?",
	ErrThrottled:   "something else uses the account's share of calls, too: allow fewer calls at once, or run later",
	ErrUnavailable: "look at status.twilio.com, then run the same command again",
	ErrBroken:      "run the same command again; if it stays, give Twilio's support the request id",
}

// Error says which call failed, why, and what to do about it.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s of Twilio's %s: %v", e.Method, e.Path, e.Product, e.Kind)
	var about []string
	if e.Status != 0 {
		about = append(about, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.Code != 0 {
		about = append(about, fmt.Sprintf("code %d", e.Code))
	}
	if e.Request != "" {
		about = append(about, "request "+e.Request)
	}
	if e.Attempts > 1 {
		about = append(about, fmt.Sprintf("%d attempts", e.Attempts))
	}
	if about != nil {
		fmt.Fprintf(&b, " (%s)", strings.Join(about, ", "))
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if a := advice[e.Kind]; a != "" {
		fmt.Fprintf(&b, ": %s", a)
	}
	return b.String()
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}
