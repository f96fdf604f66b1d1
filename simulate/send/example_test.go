package send_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"flexbeam/simulate"
	"flexbeam/simulate/send"
)

// taker takes everything, as a stream with shards enough does. Elsewhere, send.Open gives the
// client of a real one.
type taker struct{}

func (taker) PutRecords(_ context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	return &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}, nil
}

func ExampleSender_Send() {
	c := simulate.DefaultConfig()
	c.Events, c.Form, c.Duplicates = 1000, simulate.String, 0.1

	sum, err := send.New(taker{}, "demo", send.Options{}).Send(context.Background(), c)
	fmt.Println(sum.Drawn.Events, sum.Sent == 1000+sum.Drawn.Duplicates, sum.Retries, err)
	// Output: 1000 true 0 <nil>
}

func ExampleParseTarget() {
	t, err := send.ParseTarget("kinesis:demo?region=eu-west-1")
	fmt.Println(t.Name, t.Region, err)
	// Output: demo eu-west-1 <nil>
}
