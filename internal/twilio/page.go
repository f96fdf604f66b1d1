package twilio

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
)

// A listing is where a list is. Calls with one in their context are for pages of a list.
type listing struct{ product, path string }

type listingKey struct{}

func listOf(ctx context.Context) *listing {
	l, _ := ctx.Value(listingKey{}).(*listing)
	return l
}

// Pages reads a list page by page into the types of twilio-go. first makes the call for the first
// page with the context that it gets; next returns the link to the page behind one, nil or empty at
// the end of the list. Behind an error, which is an *Error, wraps ErrForeign or is the cause of ctx,
// nothing follows. A list that changes meanwhile may give an element twice.
//
//	for page, err := range twilio.Pages(ctx, c,
//		func(ctx context.Context) (*taskrouter.ListEventResponse, error) {
//			return c.TaskRouter(ctx).PageEvent(workspace, params, "", "")
//		},
//		func(p *taskrouter.ListEventResponse) *string { return p.Meta.NextPageUrl })
func Pages[P any](ctx context.Context, c *Client, first func(context.Context) (*P, error), next func(*P) *string) iter.Seq2[*P, error] {
	return func(yield func(*P, error) bool) {
		at := &listing{}
		ctx := context.WithValue(ctx, listingKey{}, at)
		page, err := first(ctx)
		seen := map[string]bool{}
		for {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) {
				return
			}
			link := next(page)
			if link == nil || *link == "" {
				return
			}
			if seen[*link] {
				yield(nil, fmt.Errorf("%s of Twilio's %s: %w: the pages run in a circle", at.path, at.product, ErrBroken))
				return
			}
			seen[*link] = true
			page, err = follow[P](ctx, c, *at, *link)
		}
	}
}

// follow reads the page that a link leads to.
func follow[P any](ctx context.Context, c *Client, at listing, link string) (*P, error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, fmt.Errorf("a page of %s of Twilio's %s links to what is no URL: %w", at.path, at.product, ErrForeign)
	}
	t, err := c.targetOf(u)
	if err != nil {
		return nil, fmt.Errorf("a page of %s of Twilio's %s: %w", at.path, at.product, err)
	}
	if t.product != at.product || u.Path != at.path {
		return nil, fmt.Errorf("a page of %s of Twilio's %s: %w: to %s of %s", at.path, at.product, ErrForeign, u.Path, t.product)
	}
	res, err := c.handler(ctx).Get(link, nil, nil, "")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	page := new(P)
	if err := json.NewDecoder(res.Body).Decode(page); err != nil {
		return nil, fmt.Errorf("a page of %s of Twilio's %s: %w: %w", at.path, at.product, ErrBroken, err)
	}
	return page, nil
}
