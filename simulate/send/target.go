package send

import (
	"fmt"
	"strings"

	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/source/kinesis"
)

// ParseTarget reads kinesis:STREAM, where STREAM is a name or an ARN, with those options of a
// stream that mean something to who writes: region, endpoint, role_arn and external_id, each as
// [kinesis.ParseStreams] reads it.
func ParseTarget(uri string) (kinesisio.Stream, error) {
	text, ok := strings.CutPrefix(uri, "kinesis:")
	if !ok {
		return kinesisio.Stream{}, fmt.Errorf("%q is no stream: write such as kinesis:STREAM?region=…&endpoint=…&role_arn=…&external_id=…", uri)
	}
	streams, err := kinesis.ParseStreams(text, "region", "endpoint", "role_arn", "external_id")
	if err != nil {
		return kinesisio.Stream{}, fmt.Errorf("a stream to send to: %w", err)
	}
	if len(streams) > 1 {
		return kinesisio.Stream{}, fmt.Errorf("%q are %d streams: send to one", text, len(streams))
	}
	return streams[0], nil
}
