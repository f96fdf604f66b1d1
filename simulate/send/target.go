package send

import (
	"fmt"
	"slices"
	"strings"

	"flexbeam/pipeline/source/kinesis"
)

// targetOptions are those options of a stream that mean something to who writes.
var targetOptions = []string{"region", "endpoint", "role_arn", "external_id"}

// ParseTarget reads kinesis:STREAM, where STREAM is a name or an ARN, with the options region, endpoint, role_arn and external_id, each as
// [kinesis.ParseStreams] reads it.
func ParseTarget(uri string) (kinesis.Stream, error) {
	text, ok := strings.CutPrefix(uri, "kinesis:")
	if !ok {
		return kinesis.Stream{}, fmt.Errorf("%q is no stream: write such as kinesis:STREAM?region=…&endpoint=…&role_arn=…&external_id=…", uri)
	}
	_, query, _ := strings.Cut(text, "?")
	for pair := range strings.SplitSeq(query, "&") {
		if option, _, _ := strings.Cut(pair, "="); option != "" && !slices.Contains(targetOptions, option) {
			return kinesis.Stream{}, fmt.Errorf("%s is no option of a stream to send to: choose of %s", option, strings.Join(targetOptions, ", "))
		}
	}
	streams, err := kinesis.ParseStreams(text)
	if err != nil {
		return kinesis.Stream{}, err
	}
	if len(streams) > 1 {
		return kinesis.Stream{}, fmt.Errorf("%q are %d streams: send to one", text, len(streams))
	}
	return streams[0], nil
}
