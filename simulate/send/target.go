package send

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// Target is a Kinesis stream and how it is reached.
type Target struct {
	Stream     string // name or ARN
	Region     string // "": that of the ARN, else of the environment
	Endpoint   string // "": that of AWS
	RoleARN    string // role to assume; "": none
	ExternalID string // that the role asks for; "": none
}

// targetForm is how a target is written, for messages.
const targetForm = "kinesis:STREAM?region=…&endpoint=…&role_arn=…&external_id=…"

var (
	streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)
	streamARN  = regexp.MustCompile(`^arn:aws[a-z-]*:kinesis:([a-z0-9-]+):[0-9]{12}:stream/[a-zA-Z0-9_.-]{1,128}$`)
)

// ParseTarget reads kinesis:STREAM, where STREAM is a name or an ARN, with the options region, endpoint, role_arn and external_id.
func ParseTarget(uri string) (Target, error) {
	rest, ok := strings.CutPrefix(uri, "kinesis:")
	if !ok {
		return Target{}, fmt.Errorf("%q is no stream: write such as %s", uri, targetForm)
	}
	name, query, _ := strings.Cut(rest, "?")
	t := Target{Stream: name}
	if m := streamARN.FindStringSubmatch(name); m != nil {
		t.Region = m[1]
	} else if !streamName.MatchString(name) {
		return Target{}, fmt.Errorf("%q is neither the name nor the ARN of a stream: a name has 1 to 128 letters, digits and _ . -", name)
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return Target{}, fmt.Errorf("the options of %q cannot be read: write such as %s", uri, targetForm)
	}
	for option, values := range options {
		into, ok := map[string]*string{"region": &t.Region, "endpoint": &t.Endpoint, "role_arn": &t.RoleARN, "external_id": &t.ExternalID}[option]
		switch {
		case !ok:
			return Target{}, fmt.Errorf("%s is no option of a stream: choose of region, endpoint, role_arn, external_id", option)
		case len(values) > 1:
			return Target{}, fmt.Errorf("the option %s is there %d times: once is enough", option, len(values))
		case values[0] == "":
			return Target{}, fmt.Errorf("the option %s is empty: give it a value or leave it out", option)
		}
		*into = values[0]
	}
	if t.Endpoint != "" {
		if u, err := url.Parse(t.Endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return Target{}, fmt.Errorf("endpoint=%s is no address of a service: write such as endpoint=http://127.0.0.1:4567", t.Endpoint)
		}
	}
	if t.ExternalID != "" && t.RoleARN == "" {
		return Target{}, fmt.Errorf("external_id needs role_arn, the role that asks for it")
	}
	return t, nil
}

// local tells that the endpoint is a server on this machine.
func (t Target) local() bool {
	u, err := url.Parse(t.Endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}
