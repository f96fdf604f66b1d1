package twiliolocal

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// An item is one element of a list: its place in it, which stays the same when others come or go, and
// its JSON.
type item struct {
	at    int64
	value any
}

// tokenTime ends every page token.
const tokenTime = "-2026-03-02T08:00:00.005Z"

// page answers a request for a page of a list. key is the name of the list in the page; items are in
// order. host is the name of the product's host.
func (s *Server) page(r *http.Request, host, key string, items []item, usual, most int) (any, error) {
	q := r.URL.Query()
	size := usual
	if text := q.Get("PageSize"); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > most {
			return nil, refuse(http.StatusBadRequest, 20006, "Page size %s is not between 1 and %d", text, most)
		}
	}
	number, _ := strconv.Atoi(q.Get("Page"))
	token := q.Get("PageToken")
	if token == "" && number > 0 {
		return nil, refuse(http.StatusBadRequest, 40153, "Pagination via page isn't supported")
	}
	if token != "" {
		text, ok := strings.CutSuffix(token, tokenTime)
		after, err := strconv.ParseInt(strings.TrimPrefix(text, "PT"), 10, 64)
		if !ok || err != nil {
			return nil, refuse(http.StatusBadRequest, 20001, "Invalid page token")
		}
		at := slices.IndexFunc(items, func(i item) bool { return i.at == after })
		switch {
		case at >= 0:
			items = items[at+1:]
		case len(items) > 1 && items[0].at > items[len(items)-1].at: // the element is gone
			items = slices.DeleteFunc(slices.Clone(items), func(i item) bool { return i.at >= after })
		default:
			items = slices.DeleteFunc(slices.Clone(items), func(i item) bool { return i.at <= after })
		}
	}
	q.Set("PageSize", strconv.Itoa(size))
	link := func(number int, token string) string {
		p := url.Values{}
		for name, values := range q {
			p[name] = values
		}
		p.Set("Page", strconv.Itoa(number))
		p.Del("PageToken")
		if token != "" {
			p.Set("PageToken", token)
		}
		return "https://" + host + ".twilio.com" + r.URL.Path + "?" + p.Encode()
	}
	meta := map[string]any{
		"page": number, "page_size": size, "key": key, "url": link(number, token), "first_page_url": link(0, ""), "previous_page_url": nil,
	}
	list := []any{}
	for _, i := range items[:min(size, len(items))] {
		list = append(list, i.value)
	}
	switch {
	case len(items) > size:
		meta["next_page_url"] = link(number+1, fmt.Sprintf("PT%d%s", items[size-1].at, tokenTime))
	case !s.opts.NextAbsent:
		meta["next_page_url"] = nil
	}
	return map[string]any{key: list, "meta": meta}, nil
}
