package send

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/io/kinesisio"
)

func TestAStreamThatIsNotThereIsFoundOutBeforeAnythingIsSent(t *testing.T) {
	server := kinesisfake.New(kinesisfake.Options{})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.CreateStream("demo", 1)
	client, err := Open(t.Context(), kinesisio.Stream{Name: "demo", Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/"
	for _, stream := range []string{"missing", arn + "missing"} {
		err := Look(t.Context(), client, stream)
		if e := new(Error); !errors.As(err, &e) || !strings.Contains(e.Error(), "stream "+stream+": there is no such stream: create it") {
			t.Errorf("%s: %v", stream, err)
		}
	}
	for _, fault := range []kinesisfake.Fault{
		{},
		{Error: "AccessDeniedException"},
		{Error: "SomethingNew"},
		{Error: kinesisfake.LimitExceeded},
		{Error: kinesisfake.InternalFailure, Count: 2},
		{DropBefore: true, Count: 2},
	} {
		fault.Operation = "DescribeStreamSummary"
		injection := server.Inject(fault)
		if err := Look(t.Context(), client, "demo"); err != nil {
			t.Errorf("%+v: %v", fault, err)
		}
		injection.Remove()
	}
}

// away is a service that cannot be reached.
type away struct{}

func (away) DescribeStreamSummary(context.Context, *sdk.DescribeStreamSummaryInput, ...func(*sdk.Options)) (*sdk.DescribeStreamSummaryOutput, error) {
	return nil, errUnplugged
}

func TestAServiceThatStaysAwayIsAnErrorBeforeAnythingIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		err := Look(t.Context(), away{}, "demo")
		if e := new(Error); !errors.As(err, &e) || !strings.Contains(e.Error(), "cannot be reached: look at the endpoint") {
			t.Errorf("got %v", err)
		}
		if passed := time.Since(begin); passed < greeting || passed > greeting+lastPause {
			t.Errorf("after %v", passed)
		}
	})
}
