package doctor

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"flexbeam/internal/finding"
	"flexbeam/internal/twilio"
)

// mostSkew is how far a clock may be off. Answers tell whole seconds, and take some time.
const mostSkew = 30 * time.Second

var errNoDate = errors.New("its answer does not tell the time")

// hosts returns a URL of each service that is called, of which any answer has its time.
func (e *examination) hosts() (all []*url.URL) {
	seen := map[string]bool{}
	add := func(text string) {
		u, err := url.Parse(text)
		if err == nil && u.Host != "" && !seen[u.Host] {
			seen[u.Host] = true
			all = append(all, &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"})
		}
	}
	for _, a := range e.Accounts {
		if a.Endpoint != "" {
			if _, err := twilio.CheckEndpoint(a.Endpoint); err == nil {
				add(a.Endpoint)
			}
		} else {
			add("https://taskrouter.twilio.com")
		}
	}
	for _, s := range e.Streams {
		switch {
		case s.Endpoint != "":
			add(s.Endpoint)
		case s.Region != "":
			add("https://kinesis." + s.Region + ".amazonaws.com")
		}
	}
	for _, s := range e.Sinks {
		if rest, ok := strings.CutPrefix(s.URI, "bigquery:"); ok {
			_, options, _ := strings.Cut(rest, "?")
			values, _ := url.ParseQuery(options)
			add(cmp.Or(values.Get("endpoint"), "https://bigquery.googleapis.com"))
		}
	}
	return all
}

// clock compares this machine's clock with that of a service. That a service does not answer is a
// finding of the checks that call it; here it is no more than a reason.
func (e *examination) clock(ctx context.Context, at *url.URL, r *result) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		r.skip(err)
		return
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	began := e.Now()
	res, err := client.Do(req)
	if err != nil {
		r.skip(inTime(ctx, err, e.Timeout))
		return
	}
	defer res.Body.Close()
	ended := e.Now()
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		r.skip(errNoDate)
		return
	}
	// The answer's time lies between both, and is cut to seconds.
	skew := time.Duration(0)
	switch {
	case date.Add(time.Second).Before(began):
		skew = began.Sub(date.Add(time.Second))
	case date.After(ended):
		skew = ended.Sub(date)
	}
	if skew.Abs() <= mostSkew {
		return
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	r.add(finding.Newf("clock-skew", "this machine", "let it keep the time: timedatectl set-ntp true", "its clock is %v %s that of %s", skew.Abs().Round(time.Second), way, at.Host))
}
