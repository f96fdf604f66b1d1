package twilio

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// products are the hosts of Twilio that a client calls.
var products = []string{"content", "conversations", "chat", "events", "flex-api", "taskrouter", media}

// media is the product that holds media of conversations. twilio-go does not know it.
const media = "mcs"

// A target is what a call is for.
type target struct {
	product   string
	resource  string // the path with the first letters of SIDs in place of these
	workspace string // SID; empty: the call is for none
}

var sid = regexp.MustCompile(`/([A-Z]{2})[0-9a-f]{32}`)

// targetOf returns what a URL is for. Its errors wrap ErrForeign: the URL is not one of Twilio's
// products, or in another region. They do not show the query, which may hold page tokens.
func (c *Client) targetOf(u *url.URL) (target, error) {
	foreign := func(why string) (target, error) {
		return target{}, fmt.Errorf("%w: %s://%s%s %s", ErrForeign, u.Scheme, u.Host, u.Path, why)
	}
	if u.Scheme != "https" || u.User != nil || u.Opaque != "" {
		return foreign("is no plain https URL")
	}
	name, ok := strings.CutSuffix(u.Host, ".twilio.com")
	parts := strings.Split(name, ".")
	if !ok || !slices.Contains(products, parts[0]) {
		return foreign("is no host of Twilio's that is called")
	}
	switch rest := strings.Join(parts[1:], "."); rest {
	case "", c.config.Region, c.edge + "." + c.config.Region:
	default:
		return foreign("is not in the region " + c.config.Region)
	}
	t := target{product: parts[0], resource: sid.ReplaceAllString(u.Path, "/{$1}")}
	if _, behind, ok := strings.Cut(u.Path, "/Workspaces/"); ok {
		t.workspace, _, _ = strings.Cut(behind, "/")
	}
	return t, nil
}
