package send

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"flexbeam/pipeline/io/kinesisio"
)

// API is the call that sending needs. [*sdk.Client] has it; its own retries should be off, since a
// Sender counts and paces them.
type API interface {
	PutRecords(context.Context, *sdk.PutRecordsInput, ...func(*sdk.Options)) (*sdk.PutRecordsOutput, error)
}

var _ API = (*sdk.Client)(nil)

// callTimeout ends a call without an answer. It is tried again.
const callTimeout = 15 * time.Second

// Open returns a client that makes each call once, for a target. See [kinesisio.Stream.Client] for
// credentials and what a server on this machine needs.
func Open(ctx context.Context, target kinesisio.Stream) (*sdk.Client, error) {
	return target.Client(ctx, func(o *sdk.Options) {
		o.HTTPClient = o.HTTPClient.(*awshttp.BuildableClient).WithTimeout(callTimeout)
		o.Retryer = aws.NopRetryer{}
	})
}
