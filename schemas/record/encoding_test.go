package record_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/golden"
	"flexbeam/internal/wire"
	"flexbeam/schemas/record"
)

var (
	ofFile = record.Batch{
		Source: "file", Name: "a.ndjson.gz", Data: []byte("{}\n{\n"), Values: true, Plain: true, Offset: 7, FirstLine: 3, Part: 2, Broken: "it ends early",
	}
	ofStream = record.Batch{
		Source: "kinesis:s", Name: "shard-1", Data: []byte("{}{}"), Ends: []int64{2, 4}, Positions: []string{"1", "2"}, Arrivals: []int64{1000, -1},
		Progress: []byte("{}"), LostFrom: 5, LostTo: 6,
	}
	ofIdleStream = record.Batch{Source: "kinesis:s", Name: "shard-1", Ends: []int64{}, Progress: []byte{}}
)

func TestABatchIsReadAsItWas(t *testing.T) {
	golden.Encodings(t,
		golden.Encoding{Name: "file", Bytes: ofFile.Append()},
		golden.Encoding{Name: "stream", Bytes: ofStream.Append()},
		golden.Encoding{Name: "idle", Bytes: ofIdleStream.Append()},
	)
	for _, b := range []record.Batch{ofFile, ofStream, ofIdleStream, {}} {
		got, err := record.Read(b.Append())
		if len(got.Data) == 0 {
			got.Data = nil
		}
		if d := cmp.Diff(b, got); d != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, d)
		}
	}
}

func TestACutBatchIsAnError(t *testing.T) {
	b := ofStream.Append()
	for n := range b {
		if _, err := record.Read(b[:n]); !errors.Is(err, wire.ErrCut) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	b[0]++
	if _, err := record.Read(b); !errors.Is(err, wire.ErrForm) {
		t.Errorf("another form: %v", err)
	}
}
