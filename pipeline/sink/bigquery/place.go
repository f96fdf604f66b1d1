package bigquery

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"flexbeam/pipeline/sink"
)

// The modes of writing.
const (
	modeAuto   = "auto"
	modeStream = "stream"
	modeLoad   = "load"
)

// A place is what a URI says: the dataset, and how it is written.
type place struct {
	project, dataset string

	location   string // of datasets that are created, and of jobs
	quota      string // project that quota and cost are counted to
	endpoint   string // of the REST service
	grpc       string // of the Storage Write service
	mode       string
	apply      bool          // create and patch tables when opened
	staleness  time.Duration // of tables that are created; negative: not given
	personal   string        // dataset of the tables of personal data
	policyTag  string        // of columns with personal data
	bucket     string        // where files for load jobs are staged; empty: they are uploaded
	prefix     string
	gcs        string        // endpoint of Cloud Storage
	retry      time.Duration // how long a request is tried again before the sink fails
	timeout    time.Duration // how long one request may take
	connection int           // most connections of the Storage Write service
}

const defaultStaleness = 15 * time.Minute

// options lists the options of a URI in the order of the package comment.
var options = []struct {
	name, example string
	set           func(*place, string) bool
}{
	{"location", "EU", text(func(p *place) *string { return &p.location }, `^[A-Za-z0-9-]+$`)},
	{"quota_project", "my-project", text(func(p *place) *string { return &p.quota }, projectPattern)},
	{"mode", "load", text(func(p *place) *string { return &p.mode }, `^(auto|stream|load)$`)},
	{"schema", "none", func(p *place, v string) bool { p.apply = v == "apply"; return p.apply || v == "none" }},
	{"max_staleness", "15m", span(func(p *place) *time.Duration { return &p.staleness }, 0, 24*time.Hour)},
	{"pii_dataset", "flex_personal", text(func(p *place) *string { return &p.personal }, datasetPattern)},
	{"policy_tag", "projects/P/locations/eu/taxonomies/1/policyTags/2",
		text(func(p *place) *string { return &p.policyTag }, `^projects/[^/]+/locations/[^/]+/taxonomies/[^/]+/policyTags/[^/]+$`)},
	{"staging", "gs://BUCKET/FOLDER", func(p *place, v string) bool {
		rest, ok := strings.CutPrefix(v, "gs://")
		p.bucket, p.prefix, _ = strings.Cut(rest, "/")
		p.prefix = strings.Trim(p.prefix, "/")
		return ok && p.bucket != ""
	}},
	{"retry", "10m", span(func(p *place) *time.Duration { return &p.retry }, 0, 24*time.Hour)},
	{"timeout", "2m", span(func(p *place) *time.Duration { return &p.timeout }, time.Millisecond, time.Hour)},
	{"endpoint", "http://127.0.0.1:9050", func(p *place, v string) bool {
		u, err := url.Parse(v)
		p.endpoint = strings.TrimSuffix(v, "/")
		return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
	}},
	{"grpc_endpoint", "127.0.0.1:9060", text(func(p *place) *string { return &p.grpc }, `^[^/@\s]+:\d+$`)},
	{"gcs_endpoint", "http://127.0.0.1:4443/storage/v1/", text(func(p *place) *string { return &p.gcs }, `^https?://[^@\s]+$`)},
}

const (
	projectPattern = `^([a-z0-9.-]+:)?[a-z][a-z0-9-]*$`
	datasetPattern = `^[A-Za-z0-9_]+$`
)

func text(field func(*place) *string, pattern string) func(*place, string) bool {
	re := regexp.MustCompile(pattern)
	return func(p *place, v string) bool {
		*field(p) = v
		return re.MatchString(v)
	}
}

func span(field func(*place) *time.Duration, least, most time.Duration) func(*place, string) bool {
	return func(p *place, v string) bool {
		d, err := time.ParseDuration(v)
		*field(p) = d
		return err == nil && d >= least && d <= most
	}
}

func parsePlace(rest string) (place, error) {
	name, query, _ := strings.Cut(rest, "?")
	p := place{mode: modeAuto, apply: true, staleness: -1, retry: 10 * time.Minute, timeout: 2 * time.Minute, connection: 4}
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return p, fmt.Errorf("bigquery: %w: %q: write bigquery:PROJECT.DATASET", sink.ErrURI, name)
	}
	p.project, p.dataset = name[:i], name[i+1:]
	if !regexp.MustCompile(projectPattern).MatchString(p.project) || !regexp.MustCompile(datasetPattern).MatchString(p.dataset) {
		return p, fmt.Errorf("bigquery: %w: %q: write bigquery:PROJECT.DATASET, a project's id and a dataset of letters, digits and underscores", sink.ErrURI, name)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return p, fmt.Errorf("bigquery: %w: options %q: %w", sink.ErrURI, query, err)
	}
	var names []string
	for _, o := range options {
		names = append(names, o.name)
		if values.Has(o.name) && !o.set(&p, values.Get(o.name)) {
			return p, fmt.Errorf("bigquery: %w: option %s=%s: write such as %s=%s", sink.ErrURI, o.name, values.Get(o.name), o.name, o.example)
		}
		values.Del(o.name)
	}
	for k := range values {
		return p, fmt.Errorf("bigquery: %w: unknown option %q: there are %s", sink.ErrURI, k, strings.Join(names, ", "))
	}
	if strings.HasPrefix(p.endpoint, "http:") && p.grpc == "" {
		return p, fmt.Errorf("bigquery: %w: endpoint without grpc_endpoint: the two belong together", sink.ErrURI)
	}
	return p, nil
}

// plain tells whether the place is a service without credentials: one that speaks plain HTTP is never sent any.
func (p place) plain() bool { return strings.HasPrefix(p.endpoint, "http:") }

func (p place) String() string { return p.project + "." + p.dataset }
