package event_test

import (
	"errors"
	"strings"
	"testing"

	"flexbeam/internal/testkit/golden"
	"flexbeam/internal/wire"
	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
)

// full returns an event with every field.
func full() event.Event {
	e := event.Event{
		ID: "EV1", Time: 1_772_438_400_123, Stream: true, Sum: 0x0102030405060708, Kind: event.ReservationAccepted, Schema: 4,
		QueueEnteredAt: 1_772_438_390_000, InPreviousFor: 7000, WorkerAvailable: event.Yes,
		HasTaskAttributes: true, TaskAttributes: attribute.Snapshot("task"), HasWorkerAttrs: true, WorkerAttributes: attribute.Snapshot("worker"),
		Place: event.Place{File: "events.ndjson", Offset: 300, Length: 20},
	}
	for f := range event.NumFields {
		e.Text[f] = event.Fields[f]
	}
	return e
}

// A new field moves the bits behind those of the fields: then a block needs another form.
func TestABlockIsEncodedAsItWas(t *testing.T) {
	e := full()
	var b event.Builder
	var all []golden.Encoding
	for _, p := range []struct {
		name string
		part event.Part
	}{{"task", event.TaskPart}, {"worker", event.WorkerPart}, {"whole", event.Whole}} {
		b.Reset()
		b.Add(&e, p.part)
		all = append(all, golden.Encoding{Name: p.name, Bytes: b.Append(nil)})
	}
	golden.Encodings(t, all...)
}

func TestABlockInAnotherFormIsAnErrorThatSaysSo(t *testing.T) {
	e := full()
	var b event.Builder
	b.Add(&e, event.Whole)
	_, err := event.Decode(append(b.Append(nil), 0, 0, 1, 2, 3), nil)
	if !errors.Is(err, event.ErrCorrupt) || !errors.Is(err, wire.ErrForm) || !strings.Contains(err.Error(), "form 1") {
		t.Errorf("got %v", err)
	}
	if _, err := event.Decode(event.Block{0, 0}, nil); !errors.Is(err, event.ErrCorrupt) {
		t.Errorf("a cut one gives %v", err)
	}
}
