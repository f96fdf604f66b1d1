package event_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
)

// events draws events with every field, each often empty and often a text that came before.
var events = rapid.Custom(func(t *rapid.T) event.Event {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "", "WT1", "a text that is long enough to be referred to", "ab"}), rapid.String())
	moment := rapid.Custom(func(t *rapid.T) event.Millis { return event.Millis(rapid.Int64().Draw(t, "ms")) })
	number := rapid.OneOf(rapid.Just(event.Millis(event.None)), moment)
	e := event.Event{
		ID: text.Draw(t, "id"), Time: moment.Draw(t, "time"), Stream: rapid.Bool().Draw(t, "stream"), Sum: rapid.Uint64().Draw(t, "sum"),
		Kind:           rapid.SampledFrom([]event.Kind{event.Other, event.ReservationAccepted, event.WorkerDeleted, event.TaskCompleted}).Draw(t, "kind"),
		Schema:         rapid.OneOf(rapid.Just(uint32(0)), rapid.Uint32()).Draw(t, "schema"),
		QueueEnteredAt: number.Draw(t, "entered"), InPreviousFor: number.Draw(t, "previous"),
		WorkerAvailable: rapid.SampledFrom([]event.Tristate{event.Unknown, event.No, event.Yes}).Draw(t, "available"),
	}
	for f := range event.NumFields {
		e.Text[f] = text.Draw(t, event.Fields[f])
	}
	if e.HasTaskAttributes = rapid.Bool().Draw(t, "has task attributes"); e.HasTaskAttributes {
		e.TaskAttributes = attribute.Snapshot(text.Draw(t, "task attributes"))
	}
	if e.HasWorkerAttrs = rapid.Bool().Draw(t, "has worker attributes"); e.HasWorkerAttrs {
		e.WorkerAttributes = attribute.Snapshot(text.Draw(t, "worker attributes"))
	}
	if rapid.Bool().Draw(t, "placed") {
		e.Place = event.Place{File: "f" + text.Draw(t, "file"), Offset: rapid.Int64().Draw(t, "offset"), Length: rapid.Int64().Draw(t, "length")}
	}
	return e
})

func TestABlockKeepsWholeEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(events, 0, 6).Draw(t, "events")
		var b event.Builder
		var block event.Block
		for i := range want {
			b.Add(&want[i], event.Whole)
			want[i].OfTask = want[i].Text[event.TaskSID] != ""
			if rapid.Bool().Draw(t, "cut") || i == len(want)-1 {
				size := len(block)
				part := b.Append(nil)
				if rapid.Bool().Draw(t, "compress") {
					block = append(block, event.Compress(part)...)
				} else if block = b.Append(block); len(block)-size < b.Size() || len(block)-size > b.Size()+10 {
					t.Fatalf("%d bytes were announced, %d appended", b.Size(), len(block)-size)
				}
				b.Reset()
			}
		}
		got, err := event.Decode(block, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, slices.Clip(got)); d != "" && len(want)+len(got) > 0 {
			t.Fatal(d)
		}
	})
}

func TestAPartKeepsWhatItsFoldReads(t *testing.T) {
	e := event.Event{ID: "EV1", Kind: event.TaskUpdated, QueueEnteredAt: 5, InPreviousFor: 6, HasTaskAttributes: true, HasWorkerAttrs: true, TaskAttributes: "t", WorkerAttributes: "w"}
	for f := range event.NumFields {
		e.Text[f] = event.Fields[f]
	}
	decoded := func(kind event.Kind, p event.Part) event.Event {
		e.Kind = kind
		var b event.Builder
		b.Add(&e, p)
		got, err := event.Decode(b.Append(nil), nil)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d events, %v", len(got), err)
		}
		return got[0]
	}
	task, worker, reservation := decoded(event.TaskUpdated, event.TaskPart), decoded(event.TaskUpdated, event.WorkerPart), decoded(event.ReservationCreated, event.TaskPart)
	if task.InPreviousFor != event.None || task.HasWorkerAttrs || task.Text[event.ActivityName] != "" || !task.HasTaskAttributes || task.QueueEnteredAt != 5 || task.Text[event.QueueName] == "" {
		t.Errorf("of a task: %+v", task)
	}
	if worker.QueueEnteredAt != event.None || worker.HasTaskAttributes || worker.Text[event.QueueName] != "" || !worker.HasWorkerAttrs || worker.InPreviousFor != 6 || worker.Text[event.ActivityName] == "" || !worker.OfTask {
		t.Errorf("of a worker: %+v", worker)
	}
	if !reservation.HasWorkerAttrs {
		t.Error("a reservation's event has lost its agent's attributes")
	}
}

func TestRepeatedTextsAreStoredOnce(t *testing.T) {
	var b event.Builder
	e := event.Event{ID: "EV1", HasTaskAttributes: true, TaskAttributes: attribute.Snapshot(strings.Repeat("x", 1000))}
	b.Add(&e, event.TaskPart)
	one := b.Size()
	b.Add(&e, event.TaskPart)
	if more := b.Size() - one; more > 50 || b.Len() != 2 {
		t.Errorf("%d events; the second takes %d bytes, the first %d", b.Len(), more, one)
	}
}

func TestACutBlockIsAnError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b event.Builder
		for _, e := range rapid.SliceOfN(events, 1, 3).Draw(t, "events") {
			b.Add(&e, event.Whole)
		}
		block := b.Append(nil)
		if rapid.Bool().Draw(t, "compress") {
			block = event.Compress(block)
		}
		n := rapid.IntRange(1, len(block)-1).Draw(t, "length")
		if _, err := event.Decode(block[:n], nil); !errors.Is(err, event.ErrCorrupt) {
			t.Fatalf("%d of %d bytes: error %v", n, len(block), err)
		}
	})
}

// FuzzDecode: whatever the bytes, an error or events; and events that were read can be written and
// read again.
func FuzzDecode(f *testing.F) {
	var b event.Builder
	e := event.Event{ID: "EV1", Kind: event.ReservationAccepted, Stream: true, QueueEnteredAt: 7, InPreviousFor: event.None, WorkerAvailable: event.Yes, HasTaskAttributes: true}
	e.Text[event.TaskSID], e.Text[event.QueueName] = "WT1", "a queue"
	e.Place = event.Place{File: "file", Offset: 3, Length: 4}
	b.Add(&e, event.Whole)
	b.Add(&e, event.TaskPart)
	f.Add([]byte(b.Append(nil)))
	f.Add([]byte(b.Append(b.Append(nil))))
	f.Add([]byte(event.Compress(b.Append(nil))))
	f.Add([]byte{3, 0, 0, 0})
	f.Add([]byte{0, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, block []byte) {
		got, err := event.Decode(block, nil)
		if err != nil {
			if !errors.Is(err, event.ErrCorrupt) {
				t.Fatalf("error %v", err)
			}
			return
		}
		var b event.Builder
		for i := range got {
			b.Add(&got[i], event.Whole)
		}
		again, err := event.Decode(b.Append(nil), nil)
		if err != nil || len(again) != len(got) {
			t.Fatalf("%d events, then %d, %v", len(got), len(again), err)
		}
		for i := range got {
			if got[i].ID != again[i].ID || got[i].Time != again[i].Time || got[i].Sum != again[i].Sum || got[i].Kind != again[i].Kind {
				t.Fatalf("%+v, then %+v", got[i], again[i])
			}
		}
	})
}

func TestGatherGroupsTheEventsOfAllBlocks(t *testing.T) {
	var blocks [][]byte
	for _, id := range []string{"EV1", "EV2", "EV3"} {
		var b event.Builder
		for _, task := range []string{"WT1", "WT2"} {
			e := event.Event{ID: id, QueueEnteredAt: event.None, InPreviousFor: event.None}
			e.Text[event.TaskSID] = task
			b.Add(&e, event.TaskPart)
		}
		blocks = append(blocks, b.Append(nil))
	}
	next := func(b *[]byte) bool {
		if len(blocks) == 0 {
			return false
		}
		*b, blocks = blocks[0], blocks[1:]
		return true
	}
	groups, err := event.Gather(next, event.TaskSID)
	if err != nil || len(groups) != 2 || len(groups[0].Events) != 3 || len(groups[1].Events) != 3 || groups[1].Events[2].ID != "EV3" {
		t.Errorf("%v, %v", groups, err)
	}
	blocks = [][]byte{{9}}
	if _, err := event.Gather(next, event.TaskSID); !errors.Is(err, event.ErrCorrupt) {
		t.Errorf("a corrupt block: error %v", err)
	}
}
