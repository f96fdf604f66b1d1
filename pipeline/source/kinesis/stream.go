package kinesis

import (
	"fmt"
	"strings"

	"flexbeam/internal/uri"
	"flexbeam/pipeline/io/kinesisio"
)

// options are those that a stream may have.
func options(s *kinesisio.Stream) uri.Options {
	return uri.Options{
		uri.String("region", &s.Region),
		uri.URL("endpoint", "http://localhost:4567", &s.Endpoint),
		{Name: "start", Set: func(value string) (err error) {
			s.Start, err = kinesisio.ParseStart(value)
			return err
		}},
		uri.String("consumer", &s.Consumer),
		uri.String("role_arn", &s.RoleARN),
		uri.String("external_id", &s.ExternalID),
	}
}

// ParseStreams reads streams with options: STREAM[?NAME=VALUE[&NAME=VALUE…]][,STREAM…]. STREAM is a
// name or an ARN. Options behind the last stream hold for every stream that does not set them
// itself; NAME= before it sets none. A comma or an ampersand in a value is written %2C or %26.
// only, if there are any, are the options that may be given. Errors say what to write instead.
//
//	region       of the stream
//	endpoint     URL of another server than AWS
//	start        trim-horizon (default), latest, at:TIME
//	consumer     name of a consumer with enhanced fan-out
//	role_arn     the role to assume
//	external_id  what the role's owner asks for
func ParseStreams(text string, only ...string) ([]kinesisio.Stream, error) {
	parts := strings.Split(text, ",")
	streams := make([]kinesisio.Stream, len(parts))
	var common uri.Values // options of the last stream
	for i := len(parts) - 1; i >= 0; i-- {
		s := &streams[i]
		name, query, _ := strings.Cut(parts[i], "?")
		name = strings.TrimSpace(name)
		known := options(s)
		if len(only) > 0 {
			known = known.Only(only...)
		}
		own, err := known.Read(query)
		if common == nil {
			common = own
		}
		if err == nil {
			err = known.Set(merge(own, common))
		}
		if err != nil {
			return nil, fmt.Errorf("kinesis: stream %q: %w", name, err)
		}
		if strings.HasPrefix(name, "arn:") {
			s.ARN = name
		} else {
			s.Name = name
		}
	}
	return kinesisio.Identify(streams)
}

// merge returns the options of a stream: its own, and the common ones that it does not set. One
// that it sets to nothing is left out.
func merge(own, common uri.Values) uri.Values {
	all := uri.Values{}
	for name, value := range common {
		all[name] = value
	}
	for name, value := range own {
		if all[name] = value; value == "" && common[name] != "" {
			delete(all, name)
		}
	}
	return all
}
