package twilio

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
	conversations "github.com/twilio/twilio-go/rest/conversations/v1"
	events "github.com/twilio/twilio-go/rest/events/v1"
	taskrouter "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// A Client calls Twilio for one account. Its methods may be called from several goroutines, and
// share the number of calls that are made at once.
type Client struct {
	config   Config
	edge     string   // of the region; empty: hosts name none
	endpoint *url.URL // nil: Twilio's hosts
	send     http.RoundTripper
	limit    *limit
	paces    paces
}

// New returns a client. Its errors wrap ErrConfig or ErrRegion.
func New(c Config) (*Client, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	k := &Client{config: c, edge: edges[c.Region], send: c.Transport, limit: newLimit(c.Parallel)}
	if c.Endpoint != "" {
		var err error
		if k.endpoint, err = CheckEndpoint(c.Endpoint); err != nil {
			return nil, err
		}
	}
	if k.send == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = c.Parallel
		k.send = t
	}
	return k, nil
}

// Close closes idle connections. The client may be used again.
func (c *Client) Close() {
	if t, ok := c.send.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Account returns the SID of the account.
func (c *Client) Account() string { return c.config.Account }

// Limit returns how many calls may be made at once now.
func (c *Client) Limit() int { return c.limit.limiter.Limit() }

// TaskRouter returns twilio-go's calls of TaskRouter, which end with ctx.
func (c *Client) TaskRouter(ctx context.Context) *taskrouter.ApiService {
	return taskrouter.NewApiService(c.handler(ctx))
}

// Conversations returns twilio-go's calls of Conversations, which end with ctx.
func (c *Client) Conversations(ctx context.Context) *conversations.ApiService {
	return conversations.NewApiService(c.handler(ctx))
}

// Events returns twilio-go's calls of Event Streams, which end with ctx.
func (c *Client) Events(ctx context.Context) *events.ApiService {
	return events.NewApiService(c.handler(ctx))
}

// handler returns what twilio-go makes calls with. It takes region and edge from the client, not
// from the environment.
func (c *Client) handler(ctx context.Context) *client.RequestHandler {
	h := &client.RequestHandler{Client: &bound{c, ctx}, Edge: c.edge}
	if c.edge != "" {
		h.Region = c.config.Region
	}
	return h
}

// bound is a client whose calls end with a context: methods of twilio-go take none.
type bound struct {
	c   *Client
	ctx context.Context
}

var _ client.BaseClient = (*bound)(nil)

// AccountSid implements client.BaseClient.
func (b *bound) AccountSid() string { return b.c.config.Account }

// SetTimeout implements client.BaseClient: a Config sets the timeout.
func (*bound) SetTimeout(time.Duration) { /* see Config.Timeout */ }

// SetOauth implements client.BaseClient: a Config sets the credentials.
func (*bound) SetOauth(client.OAuth) { /* see Config.Key */ }

// OAuth implements client.BaseClient.
func (*bound) OAuth() client.OAuth { return nil }

// SendRequest implements client.BaseClient. A nil data leaves the query of the URL as it is, to the
// last digit of a page token.
func (b *bound) SendRequest(method, rawURL string, data url.Values, headers map[string]any, body ...byte) (*http.Response, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, ErrForeign // the error of url.Parse shows the whole URL
	}
	content := string(body)
	if len(body) == 0 && (method == http.MethodGet || method == http.MethodDelete) {
		if data != nil {
			u.RawQuery = data.Encode()
		}
	} else if len(body) == 0 {
		content = data.Encode()
	}
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {"flexbeam"}}
	for name, value := range headers {
		if text, ok := value.(string); ok {
			header.Set(name, text)
		}
	}
	if content == "" {
		header.Del("Content-Type")
	}
	return b.c.do(b.ctx, call{method: cmp.Or(strings.ToUpper(method), http.MethodGet), url: u, header: header, body: content})
}

// String returns a text of an answer, empty if the answer does not have it.
func String(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
