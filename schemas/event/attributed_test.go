package event_test

import (
	"slices"
	"testing"

	"flexbeam/schemas/event"
)

// Of two copies of an event the one that has attributes counts, whatever their texts hash to and in
// whatever order they come, but never before one of Event Streams or of a newer schema.
func TestACopyWithAttributesCountsBeforeOneWithout(t *testing.T) {
	with := event.Event{ID: "EV1", Time: 1, Sum: 1, HasTaskAttributes: true}
	both := event.Event{ID: "EV1", Time: 2, Sum: 2, HasTaskAttributes: true, HasWorkerAttrs: true}
	without := event.Event{ID: "EV1", Time: 3, Sum: 9}
	newer := event.Event{ID: "EV1", Time: 4, Sum: 1, Schema: 4}
	stream := event.Event{ID: "EV1", Time: 5, Sum: 1, Stream: true}
	tests := []struct {
		copies []*event.Event
		want   event.Millis
	}{
		{[]*event.Event{&without, &with}, 1},
		{[]*event.Event{&with, &without, &both}, 2},
		{[]*event.Event{&both, &newer}, 4},
		{[]*event.Event{&both, &newer, &stream}, 5},
	}
	for _, test := range tests {
		for range 2 {
			got, err := event.Distinct(slices.Clone(test.copies), nil)
			if err != nil || len(got) != 1 || got[0].Time != test.want {
				t.Errorf("%v, %v, want the one at %d", got, err, test.want)
			}
			slices.Reverse(test.copies)
		}
	}
}
