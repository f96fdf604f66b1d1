package twilio

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/googleapis/gax-go/v2"

	"flexbeam/internal/repeat"
)

// A call is a request that may be sent several times.
type call struct {
	method string
	url    *url.URL
	header http.Header
	body   string

	// most is how many bytes of an answer are read; 0: mostAnswer.
	most int64
	// outside says that the URL is none of Twilio's: it gets no credentials, is not shown in errors,
	// and its answers are no JSON. name stands for it.
	outside bool
	name    string
}

// mostAnswer is how many bytes an answer may have. A page of 1000 events has a few megabytes.
const mostAnswer = 64 << 20

// do makes a call until it succeeds or there is no hope. The body of the response is in memory.
func (c *Client) do(ctx context.Context, k call) (*http.Response, error) {
	t := target{product: "media", resource: k.name}
	if !k.outside {
		var err error
		if t, err = c.targetOf(k.url); err != nil {
			return nil, err
		}
	}
	list := listOf(ctx)
	if list != nil {
		list.product, list.path = t.product, k.url.Path
	}
	pace := c.paces.of(t.workspace, t.resource)
	backoff := gax.Backoff{Initial: 500 * time.Millisecond, Max: 30 * time.Second, Multiplier: 2}
	until, failures := time.Now().Add(c.config.Patience), 0
	for n := 1; ; n++ {
		res, failed, err := c.attempt(ctx, k, t, pace, n, list != nil)
		if err != nil || failed == nil {
			return res, err
		}
		if failed.Kind != ErrThrottled {
			failures++
		}
		failed.Attempts = n
		pause := max(backoff.Pause(), failed.after)
		if !k.again(failed.Kind) || failures >= c.config.Attempts || time.Now().Add(pause).After(until) {
			if failed.after > 0 && failed.after > time.Until(until) {
				failed.Message = strings.TrimPrefix(failed.Message+fmt.Sprintf("; Twilio asks to wait %v", failed.after.Round(time.Second)), "; ")
			}
			failed.release()
			return nil, failed.Error
		}
		err = repeat.Pause(ctx, pause)
		failed.release()
		if err != nil {
			return nil, err
		}
	}
}

// again tells whether a call may be made again after an error of a kind. What was refused was not
// carried out; what was carried out must not be twice.
func (k call) again(kind error) bool {
	return kind == ErrThrottled || Passes(kind) && k.method != http.MethodPost
}

// A failure is an attempt that failed.
type failure struct {
	*Error
	after   time.Duration // that the service asks to wait
	release func()        // gives the place back
}

// attempt makes a call once. err is that of the context. A call that was refused keeps its place
// until it is released.
func (c *Client) attempt(ctx context.Context, k call, t target, pace *pace, n int, list bool) (*http.Response, *failure, error) {
	begin := time.Now()
	if err := pace.begin(ctx); err != nil {
		return nil, nil, err
	}
	permit, err := c.limit.acquire(ctx)
	if err != nil {
		pace.done(nil)
		return nil, nil, err
	}
	sent := time.Now()
	res, body, err := c.once(ctx, k)
	if res == nil {
		pace.done(nil)
	} else {
		pace.done(res.Header)
	}
	if ctx.Err() != nil {
		permit.Drop()
		return nil, nil, context.Cause(ctx)
	}
	e := c.judge(k, t, res, body, err, list)
	if c.config.Observe != nil {
		seen := Call{Product: t.product, Method: k.method, Resource: t.resource, Attempt: n, Waited: sent.Sub(begin), Elapsed: time.Since(sent)}
		if res != nil {
			seen.Status = res.StatusCode
		}
		if e != nil {
			seen.Kind = e.Kind
		}
		c.config.Observe(seen)
	}
	switch {
	case e == nil:
		permit.Record()
		c.limit.succeeded()
		res.Body = io.NopCloser(bytes.NewReader(body))
		return res, nil, nil
	case e.Kind == ErrThrottled:
		c.limit.refused()
		return nil, &failure{e, retryAfter(res.Header, time.Now()), permit.Drop}, nil
	}
	permit.Drop()
	f := &failure{Error: e, release: func() { /* the place was given back */ }}
	if res != nil && res.StatusCode == http.StatusServiceUnavailable {
		f.after = retryAfter(res.Header, time.Now())
	}
	return nil, f, nil
}

var errTimeout = errors.New("there was no whole answer in time")

// once sends a request and reads the answer.
func (c *Client) once(ctx context.Context, k call) (*http.Response, []byte, error) {
	ctx, stop := context.WithTimeoutCause(ctx, c.config.Timeout, errTimeout)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, k.method, k.url.String(), strings.NewReader(k.body))
	if err != nil {
		return nil, nil, err
	}
	req.Header = k.header.Clone()
	if !k.outside {
		req.SetBasicAuth(c.config.Key, c.config.Secret.Reveal())
		if c.endpoint != nil {
			req.Host = k.url.Host
			req.URL.Scheme, req.URL.Host = c.endpoint.Scheme, c.endpoint.Host
			req.URL.Path = strings.TrimSuffix(c.endpoint.Path, "/") + req.URL.Path
		}
	}
	res, err := c.send.RoundTrip(req)
	if err != nil {
		return nil, nil, cause(ctx, err)
	}
	defer res.Body.Close()
	most := k.most
	if most == 0 {
		most = mostAnswer
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err == nil && int64(len(body)) > most {
		err = ErrTooLarge
	}
	return res, body, cause(ctx, err)
}

// cause returns why a request failed: the time-out, if that was it.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// judge returns what is wrong with an answer, of which res is nil if there was none, and err is that
// of reading it; nil if it can be used.
func (c *Client) judge(k call, t target, res *http.Response, body []byte, err error, list bool) *Error {
	e := &Error{Product: t.product, Method: k.method, Path: k.url.Path, Err: err}
	if k.outside {
		e.Path, e.Err = k.name, nil // errors of connections name hosts
	}
	if res == nil {
		e.Kind = ErrUnavailable
		return e
	}
	e.Status, e.Request = res.StatusCode, res.Header.Get("Twilio-Request-Id")
	switch s := res.StatusCode; {
	case s >= 200 && s < 300 && errors.Is(err, ErrTooLarge):
		e.Kind, e.Err = ErrTooLarge, nil
		return e
	case s >= 200 && s < 300 && errors.Is(err, errTimeout):
		e.Kind = ErrUnavailable
		return e
	case s >= 200 && s < 300 && err != nil:
		e.Kind, e.Message = ErrBroken, "it is cut off"
		return e
	case s >= 200 && s < 300:
		if k.outside {
			return nil
		}
		if e.Message = unusable(s, body, list); e.Message == "" {
			return nil
		}
		e.Kind = ErrBroken
		return e
	case s >= 300 && s < 400:
		e.Kind, e.Message = ErrBroken, "it is a redirect"
	case s == http.StatusTooManyRequests:
		e.Kind = ErrThrottled
	case s >= 500, s == http.StatusRequestTimeout:
		e.Kind = ErrUnavailable
	case s == http.StatusUnauthorized:
		e.Kind = ErrCredentials
	case s == http.StatusForbidden:
		e.Kind = ErrForbidden
	case s == http.StatusNotFound:
		e.Kind = ErrNotFound
	default:
		e.Kind = ErrRequest
	}
	e.Err = nil
	var said struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if !k.outside && json.Unmarshal(body, &said) == nil { // pages of proxies are HTML
		e.Code, e.Message = said.Code, c.scrub(said.Message)
	}
	return e
}

// scrub takes the secret out of a text that comes from elsewhere.
func (c *Client) scrub(text string) string {
	secret := c.config.Secret.Reveal()
	basic := base64.StdEncoding.EncodeToString([]byte(c.config.Key + ":" + secret))
	return strings.NewReplacer(secret, hidden, basic, hidden).Replace(text)
}

// unusable says why the body of an answer cannot be used; empty if it can. Some of what twilio-go
// would take for an empty list is none.
func unusable(status int, body []byte, list bool) string {
	if status == http.StatusNoContent || len(body) == 0 && !list {
		return ""
	}
	var page map[string]json.RawMessage
	var meta struct {
		Key string `json:"key"`
	}
	whole := list && json.Unmarshal(body, &page) == nil
	switch {
	case !whole && !json.Valid(body):
		return "it is no JSON, or is cut off"
	case !list:
		return ""
	case !whole:
		return "it is no page of a list"
	case !object(page["meta"]) || json.Unmarshal(page["meta"], &meta) != nil:
		return "it is a page of a list without meta"
	case !bytes.HasPrefix(bytes.TrimSpace(page[meta.Key]), []byte("[")):
		return "it is a page without its list"
	}
	return ""
}

func object(b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) }

// retryAfter returns how long an answer asks to wait, a little longer so that not all who were told
// the same come back at once; 0 if it does not ask.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e6 {
		wait = time.Duration(seconds * float64(time.Second))
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	if wait <= 0 {
		return 0
	}
	return wait + rand.N(min(wait, time.Second)/2+1)
}
