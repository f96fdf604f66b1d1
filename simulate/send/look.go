package send

import (
	"context"
	"errors"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"

	"flexbeam/internal/repeat"
)

// Describer is the call that Look needs. [*sdk.Client] has it.
type Describer interface {
	DescribeStreamSummary(context.Context, *sdk.DescribeStreamSummaryInput, ...func(*sdk.Options)) (*sdk.DescribeStreamSummaryOutput, error)
}

// Look finds out whether there is a stream of a name or an ARN, before the first record is due,
// which may be long after. It is an [Error] when there is none, the credentials are wrong or the
// service cannot be reached for a while. What does not tell whether records can be sent is no
// error: who may send may not be allowed to ask.
func Look(ctx context.Context, api Describer, stream string) error {
	in := &sdk.DescribeStreamSummaryInput{}
	if strings.HasPrefix(stream, "arn:") {
		in.StreamARN = &stream
	} else {
		in.StreamName = &stream
	}
	begin := time.Now()
	for failures := 0; ; failures++ {
		_, err := api.DescribeStreamSummary(ctx, in)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		v, advice := judge(err)
		var refusal smithy.APIError
		if errors.As(err, &refusal) {
			code := refusal.ErrorCode()
			if _, _, known := judgeCode(code); !known || v == throttled || strings.HasPrefix(code, "AccessDenied") {
				return nil
			}
		}
		if v == hopeless || time.Since(begin) >= greeting {
			return &Error{Stream: stream, Advice: advice, Err: err}
		}
		if err := repeat.Pause(ctx, pause(failures, 0.5)); err != nil {
			return err
		}
	}
}
