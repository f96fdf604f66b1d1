package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// MostText is how many bytes of a text medium are read at most.
const MostText = 1 << 20

// A Text is a medium that is text.
type Text struct {
	Type string // its content type, without parameters: text/plain, text/html
	Body []byte
}

// MediaText fetches a medium of a chat service that is text, such as the body of an e-mail. Errors
// wrap ErrNotText or ErrTooLarge if it is no text, or of more than MostText bytes.
//
// Twilio's media service gives a link that works for a while, to a host of whoever stores media. It
// is a secret of its own: it gets no credentials, and is in no error.
func (c *Client) MediaText(ctx context.Context, service, sid string) (Text, error) {
	for n := 1; ; n++ {
		link, err := c.mediaLink(ctx, service, sid)
		if err != nil {
			return Text{}, err
		}
		text, err := c.mediaContent(ctx, sid, link)
		// A link that is over is refused as unknown or denied: another one is as good as a retry.
		over := errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrRequest)
		if n == 1 && over {
			continue
		}
		return text, err
	}
}

// mediaLink returns the temporary link to a medium.
func (c *Client) mediaLink(ctx context.Context, service, sid string) (*url.URL, error) {
	at := &url.URL{Scheme: "https", Host: media + "." + c.config.Region + ".twilio.com", Path: "/v1/Services/" + url.PathEscape(service) + "/Media/" + url.PathEscape(sid)}
	res, err := c.do(ctx, call{method: http.MethodGet, url: at, header: http.Header{"Accept": {"application/json"}, "User-Agent": {"flexbeam"}}})
	if err != nil {
		return nil, err
	}
	var about struct {
		Type  string `json:"content_type"`
		Size  int64  `json:"size"`
		Links struct {
			Content string `json:"content_direct_temporary"`
		} `json:"links"`
	}
	if err := json.NewDecoder(res.Body).Decode(&about); err != nil {
		return nil, fmt.Errorf("medium %s at Twilio: %w", sid, ErrBroken)
	}
	if kind := mediaType(about.Type); kind != "" && !strings.HasPrefix(kind, "text/") {
		return nil, fmt.Errorf("medium %s at Twilio: %w but %s", sid, ErrNotText, kind)
	}
	if about.Size > MostText {
		return nil, fmt.Errorf("medium %s at Twilio: %w: %d bytes, at most %d are read", sid, ErrTooLarge, about.Size, MostText)
	}
	link, err := url.Parse(about.Links.Content)
	if err != nil || link.Hostname() == "" || link.User != nil || link.Scheme != "https" && !c.ours(link) {
		return nil, fmt.Errorf("medium %s at Twilio: %w: its link is no https URL", sid, ErrBroken)
	}
	return link, nil
}

// ours tells whether a link leads to the endpoint that stands in for Twilio.
func (c *Client) ours(link *url.URL) bool {
	return c.endpoint != nil && link.Scheme == c.endpoint.Scheme && link.Host == c.endpoint.Host
}

func (c *Client) mediaContent(ctx context.Context, sid string, link *url.URL) (Text, error) {
	res, err := c.do(ctx, call{method: http.MethodGet, url: link, header: http.Header{"User-Agent": {"flexbeam"}}, most: MostText, outside: true, name: sid})
	if err != nil {
		return Text{}, err
	}
	kind := mediaType(res.Header.Get("Content-Type"))
	if !strings.HasPrefix(kind, "text/") {
		return Text{}, fmt.Errorf("medium %s at Twilio: %w but %q", sid, ErrNotText, kind)
	}
	body, err := io.ReadAll(res.Body)
	return Text{Type: kind, Body: body}, err
}

// mediaType returns a content type without its parameters, empty if it is none.
func mediaType(text string) string {
	kind, _, err := mime.ParseMediaType(text)
	if err != nil {
		return ""
	}
	return kind
}
