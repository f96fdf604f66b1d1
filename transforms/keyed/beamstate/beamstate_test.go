package beamstate

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// The kinds of these tests: tickets are dropped as tasks are, notes are processed when they come.
var (
	tickets = &keyed.Kind{
		Name: "ticket", ID: 10, Field: event.TaskSID, Part: event.TaskPart, Closes: event.Kind.EndsTask, LateError: "the ticket is over",
		Retention: keyed.Retention{Open: 15 * keyed.Day, Closed: keyed.Day, Tombstone: 15 * keyed.Day}, New: newRules,
		Route: func(e *event.Event) (string, bool) { return e.Text[event.TaskSID], true },
	}
	// owned is a kind whose keys own rows, under the name of the model's.
	owned = &keyed.Kind{Name: model.TaskKind, ID: 12, Field: event.TaskSID, Part: event.TaskPart, New: newRules}
	notes = &keyed.Kind{Name: "note", ID: 11, Retention: keyed.Retention{Open: keyed.Day}, Immediate: true, New: newRules}
)

func init() {
	keyed.Register(tickets)
	keyed.Register(notes)
	keyed.Register(owned)
}

func newRules([]byte, keyed.Env) (keyed.Logic, error) { return &rules{}, nil }

// rules keep what comes and tell at which times they were called.
type rules struct {
	at   []keyed.Millis
	next func(now keyed.Millis) keyed.Millis // nil: never
	out  []keyed.Input
}

func (*rules) Merge(s *keyed.State, in *keyed.Input) ([]int, error) {
	s.Block, s.Value = append(s.Block, in.Block...), append(s.Value, in.Value...)
	return nil, nil
}

func (r *rules) Process(s *keyed.State, now keyed.Millis, out *keyed.Output) (keyed.Millis, error) {
	r.at = append(r.at, now)
	out.Changes = append(append(out.Changes, 'r'), s.Value...)
	out.Inputs = append(out.Inputs, r.out...)
	if r.next == nil {
		return keyed.None, nil
	}
	return r.next(now), nil
}

// inMemory is a state cell and a timer in memory.
type inMemory struct {
	state.Provider
	value any
	set   []timers.TimerMap
}

func (c *inMemory) ReadValueState(string) (any, []state.Transaction, error) { return c.value, nil, nil }

func (c *inMemory) WriteValueState(t state.Transaction) error {
	c.value = bytes.Clone(t.Val.([]byte))
	return nil
}

func (c *inMemory) ClearValueState(state.Transaction) error {
	c.value = nil
	return nil
}

func (c *inMemory) Set(t timers.TimerMap) { c.set = append(c.set, t) }

// times returns for when the timer was set.
func (c *inMemory) times(t *testing.T) (at []int64) {
	t.Helper()
	for _, s := range c.set {
		if s.Family != "due" || s.HoldTimestamp != s.FireTimestamp {
			t.Errorf("timer %+v", s)
		}
		at = append(at, int64(s.FireTimestamp))
	}
	c.set = nil
	return at
}

// one is a key of a kind with the transform that works on it.
type one struct {
	*inMemory
	fn      *ProcessFn
	count   *telemetry.Counters
	changes [][]byte
	later   []string
}

func newOne(t *testing.T, k *keyed.Kind, r *rules) *one {
	t.Helper()
	o := &one{inMemory: new(inMemory)}
	job := o.begin(t, nil)
	fn := &ProcessFn{Job: job.Job, Spec: keyed.Spec{Name: k.Name}, State: state.MakeValueState[[]byte]("state"), Due: timers.InEventTime("due")}
	if err := fn.Setup(); err != nil {
		t.Fatal(err)
	}
	fn.logic = r
	fn.now = func() time.Time { return time.UnixMilli(int64(1000 * keyed.Day)) }
	o.fn, o.count = fn, job.Counters
	return o
}

// begin begins the job with what its sink held before.
func (o *one) begin(t *testing.T, prior *keyed.PriorRows) *runtime.Runtime {
	job := runtime.Start(runtime.Job{ID: t.Name()}, telemetry.New(time.Now), nil, prior)
	t.Cleanup(job.End)
	return job
}

// use begins the job anew, with what its sink held before.
func (o *one) use(t *testing.T, prior *keyed.PriorRows) {
	t.Helper()
	logic := o.fn.logic
	job := o.begin(t, prior)
	must(t, o.fn.Setup())
	o.fn.logic, o.count = logic, job.Counters
}

func (o *one) take(b []byte)              { o.changes = append(o.changes, bytes.Clone(b)) }
func (o *one) feed(key string, in []byte) { o.later = append(o.later, key) }
func (o *one) add(in keyed.Input) error {
	return o.fn.ProcessElement(context.Background(), timestamp(in.Time), o, o, in.Key, in.Append(nil, true), o.take, o.feed)
}

func (o *one) timer(at keyed.Millis) error {
	return o.fn.OnTimer(context.Background(), beam.EventTime(at), o, o, "a\x001", timers.Context{}, o.take, o.feed)
}

// state returns the state in the cell, nil when it is empty.
func (o *one) state(t *testing.T) *keyed.State {
	t.Helper()
	if o.value == nil {
		return nil
	}
	c, err := readCell(o.value.([]byte))
	if err != nil {
		t.Fatal(err)
	}
	return c.state
}

// inputOf returns an input of one event, which arrives at its time.
func inputOf(id int, at keyed.Millis, kind event.Kind) keyed.Input {
	e := event.Event{ID: "EV" + strconv.Itoa(id), Kind: kind, Time: at, InPreviousFor: event.None, QueueEnteredAt: event.None}
	var b event.Builder
	b.Add(&e, tickets.Part)
	return keyed.Input{
		Kind: tickets.ID, Key: "a\x001", Time: at, Arrival: keyed.None, Block: b.Append(nil), Events: []keyed.EventInfo{tickets.Info(&e, at)},
		Source: "kinesis:s", Name: "shard-1", Records: []keyed.Record{{Position: strconv.Itoa(id), Index: -1, Text: []byte("record " + strconv.Itoa(id))}},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheTimerStandsAtTheEarliestInputAndHoldsTheWatermarkThere(t *testing.T) {
	r := new(rules)
	o := newOne(t, tickets, r)
	for i, at := range []keyed.Millis{500, 700, 500, 300, 400} {
		must(t, o.add(inputOf(i, at, event.TaskUpdated)))
	}
	if d := cmp.Diff([]int64{500, 300}, o.times(t)); d != "" {
		t.Errorf("timers (-want +got):\n%s", d)
	}
	s := o.state(t)
	events, err := event.Decode(s.Block, nil)
	if err != nil || len(events) != 5 || s.Next != 300 || s.Since != 300 || s.Arrival != 700 {
		t.Errorf("%d events, %v, state %+v", len(events), err, s)
	}
	if len(o.changes) > 0 || r.at != nil {
		t.Error("the key was processed before its time")
	}

	// Once the key was processed, the timer stands where its state goes, and an input comes before
	// that.
	must(t, o.timer(700))
	if d := cmp.Diff([]int64{int64(15*keyed.Day + keyed.Hour)}, o.times(t)); d != "" {
		t.Errorf("behind the processing (-want +got):\n%s", d)
	}
	must(t, o.add(inputOf(9, 900, event.TaskUpdated)))
	if d := cmp.Diff([]int64{900}, o.times(t)); d != "" {
		t.Errorf("with the next input (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]keyed.Millis{700}, r.at); d != "" || len(o.changes) != 1 {
		t.Errorf("%d changes, processed at (-want +got):\n%s", len(o.changes), d)
	}
}

func TestACorruptStateIsAnError(t *testing.T) {
	o := newOne(t, tickets, new(rules))
	o.value = []byte{9, 9}
	if err := o.add(inputOf(1, 1, event.TaskUpdated)); !errors.Is(err, keyed.ErrCorrupt) {
		t.Errorf("an input gives %v", err)
	}
	if err := o.timer(1); !errors.Is(err, keyed.ErrCorrupt) {
		t.Errorf("a timer gives %v", err)
	}
	o.value = nil
	err := o.fn.ProcessElement(context.Background(), 1, o, o, "a\x001", []byte{tickets.ID, 0, 200}, o.take, o.feed)
	if !errors.Is(err, keyed.ErrCorrupt) || o.value != nil {
		t.Errorf("a corrupt input gives %v", err)
	}
}

// What is over is let go of by timers: of the state, of which a tombstone stays, and of that.
func TestWhatIsOverIsClearedFromTheCell(t *testing.T) {
	r := new(rules)
	o := newOne(t, tickets, r)
	must(t, o.add(inputOf(1, 1000, event.TaskCompleted)))
	must(t, o.timer(1000))
	const over, gone = keyed.Day + keyed.Hour, 16*keyed.Day + keyed.Hour
	if d := cmp.Diff([]int64{1000, int64(over)}, o.times(t)); d != "" {
		t.Fatalf("timers (-want +got):\n%s", d)
	}
	must(t, o.timer(over))
	if s := o.state(t); s == nil || !s.Tombstone || len(s.Block) > 0 {
		t.Errorf("a day later the cell holds %+v", s)
	}
	if d := cmp.Diff([]int64{int64(gone)}, o.times(t)); d != "" {
		t.Errorf("timer of the tombstone (-want +got):\n%s", d)
	}
	must(t, o.timer(gone))
	if o.value != nil || o.times(t) != nil {
		t.Errorf("15 days later the cell holds %+v", o.state(t))
	}
	if d := cmp.Diff([]keyed.Millis{1000}, r.at); d != "" {
		t.Errorf("processed at (-want +got):\n%s", d)
	}
}

func TestALateEventIsADeadLetterAndChangesNothing(t *testing.T) {
	o := newOne(t, tickets, new(rules))
	must(t, o.add(inputOf(1, 1000, event.TaskCompleted)))
	must(t, o.timer(1000))
	o.times(t)
	o.changes = nil
	before := bytes.Clone(o.value.([]byte))
	o.count.Events.Add(2)
	must(t, o.add(inputOf(2, 1000+keyed.Day, event.TaskUpdated)))
	if !bytes.Equal(before, o.value.([]byte)) || o.times(t) != nil {
		t.Errorf("the state became %+v", o.state(t))
	}
	if len(o.changes) != 1 {
		t.Fatalf("%d changes", len(o.changes))
	}
	must(t, change.Block(o.changes[0]).Each(func(c change.Change) error {
		get := func(column string) string { return model.DeadLetters.Get(c.Row, column).Str }
		if get("source") != "kinesis:s" || get("position") != "shard-1:2" || get("error_class") != "late" || get("payload") != "record 2" {
			t.Errorf("the letter is %v", c.Row)
		}
		return nil
	}))
	if n, e := o.count.DeadLetters.Load(), o.count.Events.Load(); n != 1 || e != 1 {
		t.Errorf("%d dead letters, %d events", n, e)
	}
}

// A watermark in the future of the clock is at the end of time: all timers fire then, and prove
// nothing.
func TestATimerInTheFutureCountsAndDropsNothing(t *testing.T) {
	r := &rules{next: func(now keyed.Millis) keyed.Millis { return now + 1 }}
	o := newOne(t, tickets, r)
	clock := keyed.Millis(1000 * 24 * 60 * 60 * 1000)
	must(t, o.add(inputOf(1, clock, event.TaskCompleted)))
	must(t, o.timer(clock+keyed.Millis(time.Minute/time.Millisecond)))
	o.times(t)
	for _, at := range []keyed.Millis{clock + keyed.Millis(time.Minute/time.Millisecond) + 1, clock + 2*keyed.Day, keyed.Millis(mtime.MaxTimestamp)} {
		must(t, o.timer(at))
		if s := o.state(t); s == nil || s.Tombstone || s.Next != keyed.None {
			t.Errorf("at %d the cell holds %+v", at, s)
		}
		if set := o.times(t); set != nil {
			t.Errorf("at %d the timer is set for %v", at, set)
		}
	}
	if d := cmp.Diff([]keyed.Millis{clock + keyed.Millis(time.Minute/time.Millisecond), keyed.End, keyed.End, keyed.End}, r.at); d != "" {
		t.Errorf("processed at (-want +got):\n%s", d)
	}
}

// The clock decides nothing about events of files, whose times may be of any year.
func TestTheClockDecidesNothingWithoutArrivals(t *testing.T) {
	r := new(rules)
	o := newOne(t, tickets, r)
	in := inputOf(1, 2000*keyed.Day, event.TaskUpdated)
	in.Events[0].Arrival, in.Records = keyed.None, nil
	must(t, o.add(in))
	must(t, o.timer(2000*keyed.Day))
	if d := cmp.Diff([]keyed.Millis{2000 * keyed.Day}, r.at); d != "" {
		t.Errorf("processed at (-want +got):\n%s", d)
	}
}

// A key asks to be called again though nothing arrives.
func TestAKeyIsProcessedAgainWhenItAsksForIt(t *testing.T) {
	r := &rules{next: func(now keyed.Millis) keyed.Millis { return now + 100 }}
	o := newOne(t, tickets, r)
	must(t, o.add(inputOf(1, 1000, event.TaskUpdated)))
	for at := keyed.Millis(1000); at < 1300; at += 100 {
		must(t, o.timer(at))
	}
	if d := cmp.Diff([]int64{1000, 1100, 1200, 1300}, o.times(t)); d != "" {
		t.Errorf("timers (-want +got):\n%s", d)
	}
}

func TestAKindThatNeedNotWaitIsProcessedAtOnce(t *testing.T) {
	r := new(rules)
	o := newOne(t, notes, r)
	in := keyed.Input{Kind: notes.ID, Key: "+1", Value: []byte("v"), Arrival: 1000, Time: 1000}
	must(t, o.add(in))
	if d := cmp.Diff([][]byte{[]byte("rv")}, o.changes); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]int64{int64(keyed.Day + keyed.Hour)}, o.times(t)); d != "" {
		t.Errorf("timers (-want +got):\n%s", d)
	}
	must(t, o.timer(keyed.Day+keyed.Hour))
	if o.value != nil {
		t.Errorf("a day later the cell holds %+v", o.state(t))
	}
}

// Inputs for keys of other kinds find their kind.
func TestInputsFindTheirKind(t *testing.T) {
	r := &rules{out: []keyed.Input{{Kind: notes.ID, Key: "+1", Value: []byte("v"), Arrival: 1}}}
	o := newOne(t, tickets, r)
	must(t, o.add(inputOf(1, 1000, event.TaskUpdated)))
	must(t, o.timer(1000))
	if len(o.later) != 1 {
		t.Fatalf("%d inputs", len(o.later))
	}
	for _, kind := range []byte{tickets.ID, notes.ID} {
		var keys []string
		(&SelectFn{Kind: kind}).ProcessElement(o.later[0], nil, func(key string, _ []byte) { keys = append(keys, key) })
		if want := kind == notes.ID; (len(keys) == 1 && keys[0] == "+1") != want {
			t.Errorf("kind %d gets %q", kind, keys)
		}
	}
	b := keyed.Batch{Inputs: []keyed.Input{inputOf(1, 7, event.TaskUpdated), {Kind: notes.ID, Key: "+1", Value: []byte{}, Time: keyed.None}}}
	for _, want := range []struct {
		kind byte
		key  string
		ts   beam.EventTime
	}{{tickets.ID, "a\x001", 7}, {notes.ID, "+1", mtime.MinTimestamp + 24*60*60*1000}} {
		all := splitOf(want.kind, b)
		if len(all) != 1 || all[0].at != want.ts || all[0].key != want.key || all[0].inputs[0] != want.kind {
			t.Errorf("got %+v, want %+v", all, want)
		}
	}
}

// splitOf returns what a bundle of batches gives.
func splitOf(kind byte, batches ...keyed.Batch) (all []element) {
	fn := &SplitFn{Kind: kind}
	emit := func(ts beam.EventTime, key string, inputs []byte) { all = append(all, element{key, ts, inputs}) }
	fn.StartBundle(emit)
	for _, b := range batches {
		fn.ProcessElement(b, emit)
	}
	fn.FinishBundle(emit)
	return all
}

// A key has one element in a bundle, however many batches had inputs for it. What it does is what the
// inputs would do one after the other.
func TestTheInputsOfABundleComeTogether(t *testing.T) {
	inputs := []keyed.Input{inputOf(1, 5000, event.TaskUpdated), inputOf(2, 3000, event.TaskUpdated), inputOf(3, 4000, event.TaskUpdated)}
	var batches []keyed.Batch
	for _, in := range inputs {
		batches = append(batches, keyed.Batch{Inputs: []keyed.Input{in, {Kind: notes.ID, Key: "+1", Value: []byte{}}}})
	}
	all := splitOf(tickets.ID, batches...)
	if len(all) != 1 || all[0].at != 3000 {
		t.Fatalf("got %+v", all)
	}
	apart, together := newOne(t, tickets, new(rules)), newOne(t, tickets, new(rules))
	for _, in := range inputs {
		must(t, apart.add(in))
	}
	must(t, together.fn.ProcessElement(t.Context(), all[0].at, together, together, all[0].key, all[0].inputs, nil, nil))
	want, got := apart.state(t), together.state(t)
	if d := cmp.Diff(want, got, cmp.AllowUnexported(keyed.State{})); d != "" || got.Next != 3000 {
		t.Errorf("processed at %d (-one after the other +together):\n%s", got.Next, d)
	}
	if d := cmp.Diff([]int64{3000}, together.times(t)); d != "" {
		t.Errorf("timers (-want +got):\n%s", d)
	}
}

// A bundle of more than some bytes gives what it has so far.
func TestABundleGathersNoMoreThanSoMuch(t *testing.T) {
	large := inputOf(1, 1000, event.TaskUpdated)
	large.Records[0].Text = make([]byte, mostGathered/2)
	whole, part := keyed.Batch{Inputs: []keyed.Input{large}}, keyed.Batch{Inputs: []keyed.Input{inputOf(2, 1000, event.TaskUpdated)}}
	if n := len(splitOf(tickets.ID, part, whole, part)); n != 1 {
		t.Errorf("%d elements of a bundle that fits", n)
	}
	if n := len(splitOf(tickets.ID, part, whole, whole, part)); n != 2 {
		t.Errorf("%d elements of a bundle that does not fit", n)
	}
}
