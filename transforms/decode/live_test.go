package decode

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
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

// liveStore makes the store of a job and a LiveFn that uses it.
func liveStore(t *testing.T, job string) (*keyed.Store, *LiveFn) {
	t.Helper()
	store, _, err := keyed.OpenStore("", keyed.Sink{})
	if err != nil {
		t.Fatal(err)
	}
	keyed.ShareStore(job, store)
	t.Cleanup(func() {
		store.Close()
		keyed.UnshareStore(job)
		telemetry.Forget(job)
	})
	fn := &LiveFn{Job: job}
	if err := fn.Setup(); err != nil {
		t.Fatal(err)
	}
	return store, fn
}

func TestDeadLettersAreWrittenBeforeThePositionBehindThemIsKept(t *testing.T) {
	const job = "decode-live-test"
	store, fn := liveStore(t, job)
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

// An event that goes to a task and to a worker counts once, and its task decides as what.
func TestAnEventOfATaskIsADeadLetterIfItIsLateForItsTask(t *testing.T) {
	const job = "decode-late-test"
	const ofBoth = `{"type":"com.twilio.taskrouter.worker.capacity.update","id":"EZ2","time":"2026-03-02T08:00:00Z","data":{"payload":{"sid":"EV2","account_sid":"AC1","task_sid":"WT1","worker_sid":"WK1"}}}`
	const ofWorker = `{"type":"com.twilio.taskrouter.worker.capacity.update","id":"EZ3","time":"2026-03-02T08:00:00Z","data":{"payload":{"sid":"EV3","account_sid":"AC1","worker_sid":"WK1"}}}`
	for _, test := range []struct {
		name                  string
		lateTask, lateWorker  bool
		letters               []string
		events, tasks, worker int // tasks and worker: events that their states take
	}{
		{"neither is late", false, false, nil, 2, 1, 2},
		{"late for the worker", false, true, []string{"late shard-1:2-b"}, 1, 1, 0},
		{"late for the task", true, false, []string{"late shard-1:2-a"}, 1, 0, 2},
		{"late for both", true, true, []string{"late shard-1:2-a", "late shard-1:2-b"}, 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, fn := liveStore(t, job)
			live(t, fn, batchOf("1", taskEvent, ofWorker))
			held := func(kind keyed.Kind, key string) (n int) {
				l := store.Lock(kind, key)
				if l == nil {
					return 0
				}
				defer l.Unlock()
				events, err := event.Decode(l.Blocks, nil)
				if err != nil {
					t.Fatal(err)
				}
				return len(events)
			}
			const task, worker = "AC1\x00WT1", "AC1\x00WK1"
			l := store.Lock(keyed.Worker, worker)
			if test.lateWorker {
				l.Bound = math.MaxInt64
			}
			l.Unlock()
			if test.lateTask {
				l := store.Lock(keyed.Task, task)
				store.Folded(l)
				l.Unlock()
				store.Sweep(1000 + keyed.OpenFor)
			}
			c := telemetry.For(job)
			records, events := c.Records.Load(), c.Events.Load()
			tasks, workers := held(keyed.Task, task), held(keyed.Worker, worker)
			r := live(t, fn, batchOf("2", ofBoth, ofWorker))
			slices.Sort(r.letters)
			if d := cmp.Diff(test.letters, r.letters); d != "" {
				t.Errorf("letters (-want +got):\n%s", d)
			}
			records, events = c.Records.Load()-records, c.Events.Load()-events
			if letters := c.DeadLetters.Load(); records != 2 || events != int64(test.events) || letters != int64(len(test.letters)) {
				t.Errorf("%d records are %d events and %d dead letters", records, events, letters)
			}
			if tasks, workers = held(keyed.Task, task)-tasks, held(keyed.Worker, worker)-workers; tasks != test.tasks || workers != test.worker {
				t.Errorf("the task took %d events, the worker %d, want %d and %d", tasks, workers, test.tasks, test.worker)
			}
		})
	}
}

func TestALiveStreamWithoutAStoreSaysWhatItNeeds(t *testing.T) {
	if err := (&LiveFn{Job: "no such job"}).Setup(); err == nil || !strings.Contains(err.Error(), "embedded runner") {
		t.Errorf("got %v", err)
	}
}
