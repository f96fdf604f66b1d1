package decode_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/schemas/record"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

func TestADeadLetterNamesItsPlaceAndKeepsItsBytes(t *testing.T) {
	lines := []string{
		envelope("task.created"),
		"",
		"  {bad\t\r",
		"\xff\xfe",
		`[` + envelope("task.created") + `, 7, {"type":"com.twilio.taskrouter.task.created"}]`,
		`null`,
	}
	want := []string{
		`file | day.ndjson:3 | invalid_json | {bad`,
		"file | day.ndjson:4 | invalid_utf8 | \xff\xfe",
		`file | day.ndjson:5:1 | not_an_object | 7`,
		`file | day.ndjson:5:2 | invalid_data | {"type":"com.twilio.taskrouter.task.created"}`,
		`file | day.ndjson:6 | not_an_object | null`,
	}
	data := []byte(strings.Join(lines, "\n")) // the last line has no end
	for _, cut := range []int{0, 1, 2, 3, 4, 5} {
		t.Run(fmt.Sprintf("cut behind line %d", cut), func(t *testing.T) {
			var notes [][]byte
			var got []string
			take := func(b []byte) { got = append(got, letters(t, b)...) }
			fn := setUp(t, 3)
			at := 0
			for range cut {
				at += bytes.IndexByte(data[at:], '\n') + 1
			}
			batches := []record.Batch{{Data: data[:at], FirstLine: 1}, {Data: data[at:], Part: 1}}
			if cut == 0 {
				batches = []record.Batch{{Data: data, FirstLine: 1}}
			}
			for i := range batches {
				b := batches[len(batches)-1-i] // in any order
				b.Source, b.Name = "file", "day.ndjson"
				if err := fn.ProcessElement(context.Background(), b, func(keyed.Batch) {}, take, func(_ string, n []byte) { notes = append(notes, n) }); err != nil {
					t.Fatal(err)
				}
			}
			next := func(b *[]byte) bool {
				if len(notes) == 0 {
					return false
				}
				*b, notes = notes[0], notes[1:]
				return true
			}
			if err := (&deadletter.NumberFn{}).ProcessElement(context.Background(), "day.ndjson", next, take); err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// kinds are those of the keys that events are sorted by.
var kinds = []keyed.Spec{task.Options{}.Spec(), worker.Options{AsOf: event.None}.Spec()}

// setUp returns a transform of a job of its own.
func setUp(t *testing.T, buckets int) *decode.Fn {
	t.Helper()
	job := runtime.Start(runtime.Job{ID: t.Name()}, telemetry.New(time.Now), nil, nil)
	t.Cleanup(job.End)
	fn := &decode.Fn{Job: job.Job, Kinds: kinds, Buckets: buckets}
	if err := fn.Setup(); err != nil {
		t.Fatal(err)
	}
	return fn
}

// ofTasks returns the events that a batch has for tasks.
func ofTasks(t *testing.T, b keyed.Batch) (events []event.Event) {
	t.Helper()
	for _, in := range b.Inputs {
		kind := keyed.ByID(in.Kind)
		if kind.Name != task.Name {
			continue
		}
		var err error
		if events, err = event.Decode(in.Block, events); err != nil {
			t.Fatal(err)
		}
	}
	return events
}

// letters tells dead letters in short.
func letters(t *testing.T, b []byte) []string {
	t.Helper()
	var all []string
	err := change.Block(b).Each(func(c change.Change) error {
		cells := func(name string) string { return model.DeadLetters.Get(c.Row, name).Str }
		if cells("error") == "" || model.DeadLetters.Get(c.Row, "row_version").Num != 1 {
			t.Errorf("a dead letter without words or version: %v", c.Row)
		}
		all = append(all, strings.Join([]string{cells("source"), cells("position"), cells("error_class"), cells("payload")}, " | "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnArchiveThatCannotBeReadOnIsADeadLetterBehindItsLines(t *testing.T) {
	fn := setUp(t, 0)
	var got []string
	b := record.Batch{Source: "file", Name: "day.gz", FirstLine: 11, Data: []byte(envelope("task.created") + "\n" + `{"half":`), Broken: "ends early"}
	if err := fn.ProcessElement(context.Background(), b, func(keyed.Batch) {}, func(b []byte) { got = append(got, letters(t, b)...) }, nil); err != nil {
		t.Fatal(err)
	}
	want := []string{`file | day.gz:12 | invalid_json | {"half":`, `file | day.gz:13 | unreadable_archive | `}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestRecordsThatCanBeReadAgainAreToldApartLikeOthers decodes contradicting records of one id from
// a plain file, where their hashes wait until they are needed, and from memory.
func TestRecordsThatCanBeReadAgainAreToldApartLikeOthers(t *testing.T) {
	var lines [][]byte
	for i := range 30 {
		e := history.Parse(`0 task.updated EV1`)[0].With("reason", fmt.Sprint("reason ", i))
		lines = append(lines, e.Record(history.Form(i%7)))
	}
	path := filepath.Join(t.TempDir(), "day.ndjson")
	data := append([]byte(" \n"), bytes.Join(lines, []byte("\r\n  "))...)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	decoded := func(b record.Batch) []event.Event {
		fn := setUp(t, 1)
		b.Source, b.Name, b.Data, b.FirstLine = "file", path, data, 1
		var events []event.Event
		take := func(b keyed.Batch) { events = append(events, ofTasks(t, b)...) }
		if err := fn.ProcessElement(context.Background(), b, take, nil, func(string, []byte) {}); err != nil {
			t.Fatal(err)
		}
		return events
	}
	best := func(events []event.Event) string {
		distinct, err := event.Distinct(event.Groups(events, event.TaskSID)[0].Events, textOf)
		if err != nil || len(distinct) != 1 {
			t.Fatalf("%d events, %v", len(distinct), err)
		}
		return distinct[0].Text[event.Reason]
	}
	again, kept := decoded(record.Batch{Plain: true}), decoded(record.Batch{})
	for i, e := range again {
		if e.Place.File != path || event.TextSum(data[e.Place.Offset:e.Place.Offset+e.Place.Length]) != kept[i].Sum {
			t.Fatalf("event %d lies at %+v", i, e.Place)
		}
	}
	if a, k := best(again), best(kept); a != k {
		t.Errorf("read again %q counts, kept in memory %q", a, k)
	}
	if _, err := event.Distinct(event.Groups(decoded(record.Batch{Plain: true}), event.TaskSID)[0].Events, nil); !errors.Is(err, event.ErrNoText) {
		t.Errorf("where no file can be read: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := event.Distinct(event.Groups(decoded(record.Batch{Plain: true}), event.TaskSID)[0].Events, textOf); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is gone gives %v", err)
	}
}

// textOf reads the text of a record again.
func textOf(p event.Place) ([]byte, error) {
	f, err := os.Open(p.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, p.Length)
	_, err = f.ReadAt(b, p.Offset)
	return b, err
}

func TestLargeBatchesAreDividedWithoutALossOrAMixUp(t *testing.T) {
	var data []byte
	for i := range 6000 {
		data = append(data, envelope("task.created", fmt.Sprintf(`sid="EV%05d"`, i), `filler="`+strings.Repeat("x", 200)+`"`)+"\n"...)
		if i%1000 == 999 {
			data = append(data, "broken\n"...)
		}
	}
	fn := setUp(t, 4)
	n, places := 0, []string{}
	take := func(b keyed.Batch) { n += len(ofTasks(t, b)) }
	b := record.Batch{Source: "file", Name: "f", Data: data, FirstLine: 1}
	err := fn.ProcessElement(context.Background(), b, take, func(b []byte) { places = letters(t, b) }, func(string, []byte) {})
	if err != nil || n != 6000 {
		t.Fatalf("%d events, %v", n, err)
	}
	var want []string
	for i := range 6 {
		want = append(want, fmt.Sprintf("file | f:%d | invalid_json | broken", (i+1)*1001))
	}
	if d := cmp.Diff(want, places); d != "" {
		t.Error(d)
	}
}
