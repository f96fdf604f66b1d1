package kinesis_test

import (
	"fmt"
	"testing"

	"flexbeam/internal/kinesisfake"
	"flexbeam/pipeline/source/kinesis"
)

func TestSmoke(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 2)
	for i := range 100 {
		f.PutTexts("s", fmt.Sprint(i), fmt.Sprint(i))
	}
	j := start(t, []kinesis.Stream{{Name: "s", Endpoint: f.URL}})
	j.until("100 records", func(b []kinesis.Batch) bool { return len(records(b)) == 100 })
	for i := range 100 {
		f.PutTexts("s", fmt.Sprint(i), fmt.Sprint(i))
	}
	j.until("200 records", func(b []kinesis.Batch) bool { return len(records(b)) == 200 })
	t.Log(j.Control.Shards(), j.positions)
}
