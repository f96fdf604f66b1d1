package decode

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/schemas/record"
	"flexbeam/transforms/keyed"
)

// liveRun is what LiveFn did with a batch.
type liveRun struct {
	tasks, workers []int64  // times for which a timer is to be set
	letters        []string // class and position
	seen           []string // position of the store when a letter was written
}

// batchOf returns a batch of records that arrive one after the other.
func batchOf(progress string, records ...string) record.Batch {
	b := record.Batch{Source: "kinesis:s", Name: "shard-1", Progress: []byte(progress), Ends: []int64{}}
	for i, r := range records {
		b.Data = append(b.Data, r...)
		b.Ends = append(b.Ends, int64(len(b.Data)))
		b.Positions = append(b.Positions, progress+"-"+string(rune('a'+i)))
		b.Arrivals = append(b.Arrivals, int64(1000*(i+1)))
	}
	return b
}

// live hands a batch to LiveFn.
func live(t *testing.T, fn *LiveFn, b record.Batch) liveRun {
	t.Helper()
	var r liveRun
	to := func(times *[]int64) func(beam.EventTime, string, []byte) {
		return func(ts beam.EventTime, _ string, _ []byte) { *times = append(*times, int64(ts)) }
	}
	changes := func(block []byte) {
		err := change.Block(bytes.Clone(block)).Each(func(c change.Change) error {
			get := func(column string) string { return model.DeadLetters.Get(c.Row, column).Str }
			r.letters = append(r.letters, get("error_class")+" "+get("position"))
			r.seen = append(r.seen, string(keyed.StoreOf(fn.Job).Positions()["kinesis:s\x00shard-1"]))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := fn.ProcessElement(context.Background(), b, to(&r.tasks), to(&r.workers), changes); err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	taskEvent = `{"type":"com.twilio.taskrouter.task.created","id":"EZ1","time":"2026-03-02T08:00:00Z","data":{"payload":{"sid":"EV1","account_sid":"AC1","task_sid":"WT1"}}}`
	testEvent = `{"type":"com.twilio.eventstreams.test-event"}`
)

func TestDeadLettersAreWrittenBeforeThePositionBehindThemIsKept(t *testing.T) {
	const job = "decode-live-test"
	store, _, err := keyed.OpenStore("", keyed.Sink{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	keyed.ShareStore(job, store)
	defer keyed.UnshareStore(job)
	defer telemetry.Forget(job)
	fn := &LiveFn{Job: job}
	if err := fn.Setup(); err != nil {
		t.Fatal(err)
	}
	r := live(t, fn, batchOf("1", taskEvent))
	if d := cmp.Diff([]int64{1000}, r.tasks); d != "" || r.workers != nil || r.letters != nil {
		t.Fatalf("%s%+v", d, r)
	}
	if d := cmp.Diff([]string{"AC1\x00WT1"}, store.Due(keyed.Task, 1000)); d != "" {
		t.Fatal(d)
	}
	l := store.Lock(keyed.Task, "AC1\x00WT1")
	store.Folded(l)
	l.Unlock()
	store.Done(1)
	store.Sweep(1000 + keyed.OpenFor)
	r = live(t, fn, batchOf("2", "{bad", taskEvent, "["+testEvent+","+taskEvent+"]"))
	want := []string{"invalid_json shard-1:2-a", "late shard-1:2-b", "late shard-1:2-c:1"}
	if d := cmp.Diff(want, r.letters); d != "" {
		t.Errorf("letters (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"1", "1", "1"}, r.seen); d != "" {
		t.Errorf("the position when a letter was written (-want +got):\n%s", d)
	}
	if p := string(store.Positions()["kinesis:s\x00shard-1"]); p != "2" || r.tasks != nil || !store.Quiet() {
		t.Errorf("at position %s, woken %d, quiet %t", p, r.tasks, store.Quiet())
	}
	c := telemetry.For(job)
	if n, e, d, l := c.Records.Load(), c.Events.Load(), c.Dropped.Load(), c.DeadLetters.Load(); n != 5 || e != 1 || d != 1 || l != 3 {
		t.Errorf("%d records are %d events, %d dropped, %d dead letters", n, e, d, l)
	}
}

func TestALiveStreamWithoutAStoreSaysWhatItNeeds(t *testing.T) {
	if err := (&LiveFn{Job: "no such job"}).Setup(); err == nil || !strings.Contains(err.Error(), "embedded runner") {
		t.Errorf("got %v", err)
	}
}
