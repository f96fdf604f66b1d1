package decode_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/schemas/record"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/beamstate"
	"flexbeam/transforms/keyed/local"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

// liveRun is what the transforms of a live stream did with a batch.
type liveRun struct {
	woken   []int64  // times for which a timer is to be set
	letters []string // class and position
	seen    []string // position of the store when a letter was written
}

// batchOf returns a batch of records that arrive one after the other, a second each, from a time
// on.
func batchOf(progress string, from keyed.Millis, records ...string) record.Batch {
	b := record.Batch{Source: "kinesis:s", Name: "shard-1", Progress: []byte(progress), Ends: []int64{}}
	for i, r := range records {
		b.Data = append(b.Data, r...)
		b.Ends = append(b.Ends, int64(len(b.Data)))
		b.Positions = append(b.Positions, progress+"-"+string(rune('a'+i)))
		b.Arrivals = append(b.Arrivals, int64(from)+int64(1000*i))
	}
	return b
}

const (
	taskEvent = `{"type":"com.twilio.taskrouter.task.created","id":"EZ1","time":"2026-03-02T08:00:00Z","data":{"payload":{"sid":"EV1","account_sid":"AC1","task_sid":"WT1"}}}`
	noEvent   = `{"type":"com.twilio.eventstreams.test-event"}`
)

// stream is a live stream up to its store.
type stream struct {
	count  *telemetry.Counters
	store  *local.Store
	decode *decode.Fn
	add    *local.AddFn
}

func newStream(t *testing.T) *stream {
	t.Helper()
	store, _, err := local.Open(local.Options{Kinds: kinds})
	if err != nil {
		t.Fatal(err)
	}
	job := runtime.Start(runtime.Job{ID: t.Name()}, telemetry.New(time.Now), nil, nil)
	t.Cleanup(func() {
		store.Close()
		job.End()
	})
	job.States = store
	s := &stream{job.Counters, store, &decode.Fn{Job: job.Job, Kinds: kinds}, &local.AddFn{Job: job.Job}}
	if err := errors.Join(s.decode.Setup(), s.add.Setup()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stream) position() string { return string(s.store.Positions()["kinesis:s\x00shard-1"]) }

// take hands a batch to the transforms, as they are fused.
func (s *stream) take(t *testing.T, b record.Batch) (r liveRun) {
	t.Helper()
	letters := func(block []byte) {
		err := change.Block(bytes.Clone(block)).Each(func(c change.Change) error {
			get := func(column string) string { return model.DeadLetters.Get(c.Row, column).Str }
			r.letters = append(r.letters, get("error_class")+" "+get("position"))
			r.seen = append(r.seen, s.position())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := s.decode.ProcessElement(context.Background(), b, func(b keyed.Batch) {
		err := s.add.ProcessElement(context.Background(), b, func(ts beam.EventTime, _ string, _ []byte) { r.woken = append(r.woken, int64(ts)) }, letters)
		if err != nil {
			t.Fatal(err)
		}
	}, letters, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// process processes all that waits, and returns how many distinct events the rules met.
func (s *stream) process(t *testing.T) (distinct, copies int64) {
	t.Helper()
	err := s.store.Process(context.Background(), keyed.End, local.Work{
		Changes: func(change.Block) {}, Wake: func(keyed.Millis) {},
		Now:  s.store.Watermark(),
		Done: func(_ *keyed.Kind, out *keyed.Output) { distinct, copies = distinct+out.Distinct, copies+out.Copies },
	})
	if err != nil {
		t.Fatal(err)
	}
	return distinct, copies
}

func TestDeadLettersAreWrittenBeforeThePositionBehindThemIsKept(t *testing.T) {
	s := newStream(t)
	r := s.take(t, batchOf("1", 1000, taskEvent))
	if d := cmp.Diff([]int64{1000}, r.woken); d != "" || r.letters != nil {
		t.Fatalf("%s%+v", d, r)
	}
	if distinct, _ := s.process(t); distinct != 1 {
		t.Fatalf("%d events were processed", distinct)
	}
	const later = 1000 + 15*keyed.Day // when the state of an open task is over
	r = s.take(t, batchOf("2", later, "{bad", taskEvent, "["+noEvent+","+taskEvent+"]"))
	want := []string{"invalid_json shard-1:2-a", "late shard-1:2-b", "late shard-1:2-c:1"}
	if d := cmp.Diff(want, r.letters); d != "" {
		t.Errorf("letters (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"1", "1", "1"}, r.seen); d != "" {
		t.Errorf("the position when a letter was written (-want +got):\n%s", d)
	}
	if s.position() != "2" || r.woken != nil || !s.store.Quiet() {
		t.Errorf("at position %s, woken %d, quiet %t", s.position(), r.woken, s.store.Quiet())
	}
	c := s.count
	if n, e, d, l := c.Records.Load(), c.Events.Load(), c.Dropped.Load(), c.DeadLetters.Load(); n != 5 || e != 1 || d != 1 || l != 3 {
		t.Errorf("%d records are %d events, %d dropped, %d dead letters", n, e, d, l)
	}
}

// An event that goes to a task and to a worker counts once, and its task decides as what.
func TestAnEventOfATaskIsADeadLetterIfItIsLateForItsTask(t *testing.T) {
	const (
		ofBoth    = `{"type":"com.twilio.taskrouter.worker.capacity.update","id":"EZ2","time":"2026-03-02T08:00:00Z","data":{"payload":{"sid":"EV2","account_sid":"AC1","task_sid":"WT1","worker_sid":"WK1"}}}`
		ofWorker  = `{"type":"com.twilio.taskrouter.worker.capacity.update","id":"EZ3","time":"2026-03-02T08:00:00Z","data":{"payload":{"sid":"EV3","account_sid":"AC1","worker_sid":"WK1"}}}`
		endOfTask = `{"type":"com.twilio.taskrouter.task.completed","id":"EZ4","time":"2026-03-02T08:00:00Z","data":{"payload":{"sid":"EV4","account_sid":"AC1","task_sid":"WT1"}}}`
		newer     = `{"type":"com.twilio.taskrouter.worker.capacity.update","id":"EZ5","time":"2026-03-02T09:00:00Z","data":{"payload":{"sid":"EV5","account_sid":"AC1","worker_sid":"WK1"}}}`
	)
	arrived, err := time.Parse(time.RFC3339, "2026-03-02T09:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	first := keyed.Millis(arrived.UnixMilli())
	for _, test := range []struct {
		name                  string
		lateTask, lateWorker  bool
		letters               []string
		events, tasks, worker int64 // tasks and worker: events that their states take
	}{
		{"neither is late", false, false, nil, 2, 1, 2},
		{"late for the worker", false, true, []string{"late shard-1:2-b"}, 1, 1, 0},
		{"late for the task", true, false, []string{"late shard-1:2-a"}, 1, 0, 2},
		{"late for both", true, true, []string{"late shard-1:2-a", "late shard-1:2-b"}, 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStream(t)
			begin := []string{taskEvent}
			if test.lateTask { // its state is over a day after its end
				begin = append(begin, endOfTask)
			}
			if test.lateWorker { // a newer event of the worker arrived more than a day before
				begin = append(begin, newer)
			}
			s.take(t, batchOf("1", first, begin...))
			s.process(t)
			records, events := s.count.Records.Load(), s.count.Events.Load()
			r := s.take(t, batchOf("2", first+26*keyed.Hour, ofBoth, ofWorker))
			slices.Sort(r.letters)
			if d := cmp.Diff(test.letters, r.letters); d != "" {
				t.Errorf("letters (-want +got):\n%s", d)
			}
			records, events = s.count.Records.Load()-records, s.count.Events.Load()-events
			if letters := s.count.DeadLetters.Load(); records != 2 || events != test.events || letters != int64(len(test.letters)) {
				t.Errorf("%d records are %d events and %d dead letters", records, events, letters)
			}
			for _, want := range []struct {
				kind, key string
				n         int64
			}{{task.Name, "AC1\x00WT1", test.tasks}, {worker.Name, "AC1\x00WK1", test.worker}} {
				n := int64(0)
				for _, id := range held(t, s.store, want.kind, want.key) {
					if id == "EV2" || id == "EV3" {
						n++
					}
				}
				if n != want.n {
					t.Errorf("%s took %d events, want %d", want.kind, n, want.n)
				}
			}
		})
	}
}

// held returns the ids of the events that a store holds of a key.
func held(t *testing.T, s *local.Store, kind, key string) (ids []string) {
	t.Helper()
	k, err := keyed.Lookup(kind)
	if err != nil {
		t.Fatal(err)
	}
	state, _, err := s.State(k.ID, key)
	if err != nil {
		t.Fatal(err)
	}
	events, err := event.Decode(state.Block, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		ids = append(ids, events[i].ID)
	}
	return ids
}

func TestALiveStreamWithoutAStoreSaysWhatItNeeds(t *testing.T) {
	job := runtime.Job{ID: "no such job"}
	for name, fn := range map[string]interface{ Setup() error }{"add": &local.AddFn{Job: job}, "process": &local.ProcessFn{Job: job}} {
		if err := fn.Setup(); !errors.Is(err, runtime.ErrMissing) || !strings.Contains(err.Error(), "embedded runner") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	err := (&local.WakeFn{Job: job}).ProcessElement(nil, nil)
	if !errors.Is(err, runtime.ErrMissing) || !strings.Contains(err.Error(), "embedded runner") {
		t.Errorf("wake: got %v", err)
	}
}

// The clock of a stream is the arrival of its records, on every driver: an event whose own time is
// ahead of it waits for nothing but its arrival.
func TestAnInputOfAStreamHasTheTimeOfItsArrival(t *testing.T) {
	event := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).UnixMilli() // that of taskEvent
	arrival := keyed.Millis(event) - 7*keyed.Day
	s := newStream(t)
	var got []beam.EventTime
	err := s.decode.ProcessElement(context.Background(), batchOf("1", arrival, taskEvent, taskEvent), func(b keyed.Batch) {
		fn := new(beamstate.SplitFn)
		emit := func(ts beam.EventTime, _ string, _ []byte) { got = append(got, ts) }
		fn.StartBundle(emit)
		fn.ProcessElement(b, emit)
		fn.FinishBundle(emit)
	}, nil, nil)
	if d := cmp.Diff([]beam.EventTime{beam.EventTime(arrival) + 1000}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}
