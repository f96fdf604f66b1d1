package kinesisio

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// A Stream says which stream to read, and how. Credentials are not part of it: they come from the
// default chain of AWS (environment, shared files, web identity, container, instance), see Client.
type Stream struct {
	Name       string // of the stream; empty if ARN is given
	ARN        string // of the stream; needed for one in another account without a role there
	Region     string // empty: that of the ARN, else of the environment
	Endpoint   string // URL of another server than AWS
	RoleARN    string // the role to assume
	ExternalID string // what the role's owner asks for
	Consumer   string // name of a consumer with enhanced fan-out, registered if it is missing; empty: polling
	Start      Start  // where to begin without a saved position
	As         string // the ID, if it is not the name
}

// ID tells the streams of a job apart. It is the name, unless As says otherwise; see Identify.
func (s Stream) ID() string { return cmp.Or(s.As, s.ShortName()) }

// name sets the name, or the ARN if that is what is given.
func (s *Stream) name(stream string) {
	if strings.HasPrefix(stream, "arn:") {
		s.ARN = stream
	} else {
		s.Name = stream
	}
}

// ShortName returns the name of the stream, also where an ARN is given.
func (s Stream) ShortName() string {
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

// Check checks what a stream says, and sets the region that its ARN has. Errors wrap ErrStream.
func (s *Stream) Check() error {
	refuse := func(format string, args ...any) error {
		return &Error{Stream: s.ShortName(), Kind: ErrStream, Err: fmt.Errorf(format, args...)}
	}
	if s.ARN != "" {
		m := streamARN.FindStringSubmatch(s.ARN)
		switch {
		case m == nil:
			return refuse("%q: want an ARN like arn:aws:kinesis:eu-west-1:123456789012:stream/NAME", s.ARN)
		case s.Region == "":
			s.Region = m[1]
		case s.Region != m[1]:
			return refuse("option region: is %s, the ARN has another", s.Region)
		}
	}
	switch {
	case s.Name == "" && s.ARN == "":
		return refuse("the name is missing")
	case s.Name != "" && !streamName.MatchString(s.Name):
		return refuse("a name has letters, digits, and any of _ . -")
	case s.Endpoint != "" && !isURL(s.Endpoint):
		return refuse("option endpoint: want a URL like http://localhost:4567")
	case s.RoleARN != "" && !roleARN.MatchString(s.RoleARN):
		return refuse("option role_arn: want an ARN like arn:aws:iam::123456789012:role/NAME")
	case s.ExternalID != "" && s.RoleARN == "":
		return refuse("option external_id: needs role_arn too")
	case s.Consumer != "" && !consumerName.MatchString(s.Consumer):
		return refuse("option consumer: want letters, digits, and any of _ . -")
	}
	return nil
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https")
}

var errTwice = errors.New("is given twice; if these are two streams, name them by ARN")

// Identify checks the streams of one job and returns them with the shortest IDs that no two of them
// share: the name if no other stream has it, else the region and the name, else the ARN. Errors
// wrap ErrStream.
func Identify(streams []Stream) ([]Stream, error) {
	streams = append([]Stream(nil), streams...)
	forms := []func(Stream) string{
		Stream.ShortName,
		func(s Stream) string { return s.Region + "/" + s.ShortName() },
		func(s Stream) string { return s.account() + "/" + s.Region + "/" + s.ShortName() },
		func(s Stream) string { return s.account() + "/" + s.Region + "/" + s.ShortName() + "@" + s.Endpoint },
	}
	counts := make([]map[string]int, len(forms))
	for f, form := range forms {
		counts[f] = map[string]int{}
		for i := range streams {
			if err := streams[i].Check(); err != nil {
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
			return nil, &Error{Stream: s.ShortName(), Kind: ErrStream, Err: errTwice}
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
