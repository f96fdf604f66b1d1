package bigquery

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"flexbeam/internal/uri"
	"flexbeam/pipeline/sink"
)

// The modes of writing.
const (
	modeAuto   = "auto"
	modeStream = "stream"
	modeLoad   = "load"
)

// A config is what a URI says: the dataset, and how it is written.
type config struct {
	project, dataset string

	hidePayload bool // dead letters have no payload; it is the job that says so

	location  string // of datasets that are created, and of jobs
	quota     string // project that quota and cost are counted to
	endpoint  string // of the REST service
	grpc      string // of the Storage Write service
	mode      string
	apply     bool          // create and patch tables when opened
	staleness time.Duration // of tables that are created; negative: not given
	personal  string        // dataset of the tables of personal data
	policyTag string        // of columns with personal data
	bucket    string        // where files for load jobs are staged; empty: they are uploaded
	prefix    string
	gcs       string        // endpoint of Cloud Storage
	retry     time.Duration // how long a request is tried again before the sink fails
	timeout   time.Duration // how long one request may take
}

const defaultStaleness = 15 * time.Minute

// options returns the options of a URI in the order of the package comment.
func (p *config) options() uri.Options {
	const day = 24 * time.Hour
	return uri.Options{
		uri.Match("location", "EU", &p.location, `^[A-Za-z0-9-]+$`),
		uri.Match("quota_project", "my-project", &p.quota, projectPattern),
		uri.Choice("mode", &p.mode, modeAuto, modeStream, modeLoad),
		uri.Func("schema", "none", func(v string) bool {
			p.apply = v == "apply"
			return p.apply || v == "none"
		}),
		uri.Duration("max_staleness", "15m", &p.staleness, 0, day),
		uri.Match("pii_dataset", "flex_personal", &p.personal, datasetPattern),
		uri.Match("policy_tag", "projects/P/locations/eu/taxonomies/1/policyTags/2", &p.policyTag,
			`^projects/[^/]+/locations/[^/]+/taxonomies/[^/]+/policyTags/[^/]+$`),
		uri.Func("staging", "gs://BUCKET/FOLDER", func(v string) bool {
			rest, ok := strings.CutPrefix(v, "gs://")
			p.bucket, p.prefix, _ = strings.Cut(rest, "/")
			p.prefix = strings.Trim(p.prefix, "/")
			return ok && p.bucket != ""
		}),
		uri.Duration("retry", "10m", &p.retry, 0, day),
		uri.Duration("timeout", "2m", &p.timeout, time.Millisecond, time.Hour),
		uri.URL("endpoint", "http://127.0.0.1:9050", &p.endpoint),
		uri.Match("grpc_endpoint", "127.0.0.1:9060", &p.grpc, `^[^/@\s]+:\d+$`),
		uri.Match("gcs_endpoint", "http://127.0.0.1:4443/storage/v1/", &p.gcs, `^https?://[^@\s]+$`),
	}
}

const (
	projectPattern = `^([a-z0-9.-]+:)?[a-z][a-z0-9-]*$`
	datasetPattern = `^[A-Za-z0-9_]+$`
)

func parseConfig(rest string) (config, error) {
	p := config{mode: modeAuto, apply: true, staleness: -1, retry: 10 * time.Minute, timeout: 2 * time.Minute}
	name, err := p.options().Parse(rest, "bigquery:PROJECT.DATASET")
	if err != nil {
		return p, fmt.Errorf("bigquery: %w: %w", sink.ErrURI, err)
	}
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return p, fmt.Errorf("bigquery: %w: %q: write bigquery:PROJECT.DATASET", sink.ErrURI, name)
	}
	p.project, p.dataset = name[:i], name[i+1:]
	if !regexp.MustCompile(projectPattern).MatchString(p.project) || !regexp.MustCompile(datasetPattern).MatchString(p.dataset) {
		return p, fmt.Errorf("bigquery: %w: %q: write bigquery:PROJECT.DATASET, a project's id and a dataset of letters, digits and underscores", sink.ErrURI, name)
	}
	if strings.HasPrefix(p.endpoint, "http:") && p.grpc == "" {
		return p, fmt.Errorf("bigquery: %w: endpoint without grpc_endpoint: the two belong together", sink.ErrURI)
	}
	return p, nil
}

// plain tells whether it is a service without credentials: one that speaks plain HTTP is never sent
// any.
func (p config) plain() bool { return strings.HasPrefix(p.endpoint, "http:") }

// datasets lists the datasets of the tables.
func (p config) datasets() []string {
	if p.personal != "" && p.personal != p.dataset {
		return []string{p.dataset, p.personal}
	}
	return []string{p.dataset}
}

func (p config) String() string { return p.project + "." + p.dataset }
