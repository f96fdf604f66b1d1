package kinesis

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// A Stream says which stream to read, and how. Credentials are not part of it: they come from the default chain of AWS
// (environment, shared files, web identity, container, instance), see Client.
type Stream struct {
	Name       string // of the stream; empty if ARN is given
	ARN        string // of the stream; needed for one in another account without a role there
	Region     string // empty: that of the ARN, else of the environment
	Endpoint   string // URL of another server than AWS
	RoleARN    string // the role to assume
	ExternalID string // what the role's owner asks for
	Consumer   string // name of a consumer with enhanced fan-out, registered if it is missing; empty: polling
	Start      Start  // where to begin without a saved position
	As         string // the ID; empty: given by Read
}

// ID tells the streams of a job apart: the name if no other stream has it, else the region and the name, else the ARN. It is
// known once Read or ParseStreams has seen all streams; before, it is the name.
func (s Stream) ID() string {
	return cmp.Or(s.As, s.name())
}

func (s Stream) name() string {
	if _, name, ok := strings.Cut(s.ARN, ":stream/"); ok {
		return name
	}
	return s.Name
}

var (
	streamName   = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)
	streamARN    = regexp.MustCompile(`^arn:aws[a-z-]*:kinesis:([a-z0-9-]+):\d{12}:stream/[a-zA-Z0-9_.-]{1,128}$`)
	roleARN      = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):role/.+$`)
	consumerName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)
)

// Problems that an option may have.
var (
	errURL      = errors.New("want a URL like http://localhost:4567")
	errRole     = errors.New("want an ARN like arn:aws:iam::123456789012:role/NAME")
	errConsumer = errors.New("want letters, digits, and any of _ . -")
)

// option sets an option of a stream.
type option func(s *Stream, value string) error

// options are those that a stream may have, by name.
var options = map[string]option{
	"region": func(s *Stream, v string) error {
		s.Region = v
		return nil
	},
	"endpoint": func(s *Stream, v string) error {
		s.Endpoint = v
		u, err := url.Parse(v)
		if v != "" && (err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https") {
			return errURL
		}
		return nil
	},
	"role_arn": func(s *Stream, v string) error {
		s.RoleARN = v
		if v != "" && !roleARN.MatchString(v) {
			return errRole
		}
		return nil
	},
	"external_id": func(s *Stream, v string) error {
		s.ExternalID = v
		return nil
	},
	"consumer": func(s *Stream, v string) error {
		s.Consumer = v
		if v != "" && !consumerName.MatchString(v) {
			return errConsumer
		}
		return nil
	},
	"start": func(s *Stream, v string) (err error) {
		s.Start, err = ParseStart(v)
		return err
	},
}

// optionNames lists the options for an error.
const optionNames = "region, endpoint, start, consumer, role_arn, external_id"

// ParseStreams reads streams with options: STREAM[?NAME=VALUE[&NAME=VALUE…]][,STREAM…]. STREAM is a name or an ARN. Options
// behind the last stream hold for every stream that does not set them itself; NAME= before it sets none. A comma or an ampersand
// in a value is written %2C or %26.
//
//	region       of the stream
//	endpoint     URL of another server than AWS
//	start        trim-horizon (default), latest, at:TIME
//	consumer     name of a consumer with enhanced fan-out
//	role_arn     the role to assume
//	external_id  what the role's owner asks for
func ParseStreams(text string) ([]Stream, error) {
	parts := strings.Split(text, ",")
	streams := make([]Stream, len(parts))
	var common map[string]string // options of the last stream
	for i := len(parts) - 1; i >= 0; i-- {
		name, query, _ := strings.Cut(parts[i], "?")
		name = strings.TrimSpace(name)
		set, err := parseOptions(query)
		if err != nil {
			return nil, fmt.Errorf("kinesis: stream %q: %w", name, err)
		}
		if common == nil {
			common = set
		}
		for k, v := range common {
			if v == "" {
				return nil, fmt.Errorf("kinesis: stream %q: option %s: is empty; give it a value or leave it out", name, k)
			}
			if _, own := set[k]; !own {
				set[k] = v
			}
		}
		if strings.HasPrefix(name, "arn:") {
			streams[i].ARN = name
		} else {
			streams[i].Name = name
		}
		for k, v := range set {
			if err := options[k](&streams[i], v); err != nil {
				return nil, fmt.Errorf("kinesis: stream %q: option %s: %w", name, k, err)
			}
		}
	}
	return identify(streams)
}

// parseOptions reads NAME=VALUE pairs with & between. A plus sign is one: times and names of roles have them.
func parseOptions(query string) (map[string]string, error) {
	set := map[string]string{}
	if query == "" {
		return set, nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		k, v, ok := strings.Cut(pair, "=")
		if options[k] == nil {
			return nil, fmt.Errorf("option %q: there is none of this name; want one of %s", k, optionNames)
		}
		if !ok {
			return nil, fmt.Errorf("option %s: want %s=VALUE", k, k)
		}
		if _, twice := set[k]; twice {
			return nil, fmt.Errorf("option %s: is given twice", k)
		}
		v, err := url.PathUnescape(v)
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", k, err)
		}
		set[k] = v
	}
	return set, nil
}

// check checks what one stream says.
func (s *Stream) check() error {
	switch {
	case s.Name == "" && s.ARN == "":
		return errors.New("kinesis: stream: the name is missing")
	case s.ARN != "" && !streamARN.MatchString(s.ARN):
		return fmt.Errorf("kinesis: stream %q: want an ARN like arn:aws:kinesis:eu-west-1:123456789012:stream/NAME", s.ARN)
	case s.Name != "" && !streamName.MatchString(s.Name):
		return fmt.Errorf("kinesis: stream %q: a name has letters, digits, and any of _ . -", s.Name)
	case s.ExternalID != "" && s.RoleARN == "":
		return fmt.Errorf("kinesis: stream %q: option external_id: needs role_arn too", s.name())
	case s.ARN != "" && s.Region == "":
		s.Region = streamARN.FindStringSubmatch(s.ARN)[1]
	case s.ARN != "" && s.Region != streamARN.FindStringSubmatch(s.ARN)[1]:
		return fmt.Errorf("kinesis: stream %q: option region: is %s, the ARN has another", s.ARN, s.Region)
	}
	return nil
}

// identify checks streams and gives each the shortest ID that no other has.
func identify(streams []Stream) ([]Stream, error) {
	streams = append([]Stream(nil), streams...)
	forms := []func(Stream) string{
		Stream.name,
		func(s Stream) string { return s.Region + "/" + s.name() },
		func(s Stream) string { return s.account() + "/" + s.Region + "/" + s.name() },
		func(s Stream) string { return s.account() + "/" + s.Region + "/" + s.name() + "@" + s.Endpoint },
	}
	counts := make([]map[string]int, len(forms))
	for f, form := range forms {
		counts[f] = map[string]int{}
		for i := range streams {
			if err := streams[i].check(); err != nil {
				return nil, err
			}
			counts[f][form(streams[i])]++
		}
	}
	for i := range streams {
		s := &streams[i]
		s.As = ""
		for f, form := range forms {
			if counts[f][form(*s)] > 1 {
				continue
			}
			if s.As = form(*s); f > 1 && s.ARN != "" {
				s.As = s.ARN
			}
			break
		}
		if s.As == "" {
			return nil, fmt.Errorf("kinesis: stream %q: is given twice; if these are two streams, name them by ARN", s.name())
		}
	}
	return streams, nil
}

// account returns the account that a stream is in, as far as it is known.
func (s Stream) account() string {
	if s.ARN != "" {
		return strings.Split(s.ARN, ":")[4]
	}
	if m := roleARN.FindStringSubmatch(s.RoleARN); m != nil {
		return m[1]
	}
	return ""
}
