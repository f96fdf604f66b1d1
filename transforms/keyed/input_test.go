package keyed

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"flexbeam/schemas/event"
)

// drawInput draws an input for a ticket: of events with and without arrivals and records, or of a
// value.
func drawInput(rt *rapid.T) Input {
	times := rapid.Int64Range(-1e6, 2e12)
	in := Input{Kind: ticket.ID, Key: event.Key("AC1", rapid.SampledFrom([]string{"WT1", "WT2", ""}).Draw(rt, "key")), Time: Millis(times.Draw(rt, "time")), Arrival: None}
	arrivals := rapid.SampledFrom([]string{"none", "one", "each"}).Draw(rt, "arrivals")
	if rapid.IntRange(0, 4).Draw(rt, "value") == 0 {
		in.Value = append([]byte{}, rapid.SliceOf(rapid.Byte()).Draw(rt, "bytes")...)
		if arrivals != "none" {
			in.Arrival = Millis(times.Draw(rt, "arrival"))
		}
		return in
	}
	one := Millis(times.Draw(rt, "arrival"))
	records := rapid.Bool().Draw(rt, "records")
	if records {
		in.Source, in.Name = "kinesis:s", rapid.String().Draw(rt, "name")
	}
	var b event.Builder
	for i := range rapid.IntRange(1, 4).Draw(rt, "events") {
		e := event.Event{ID: "EV" + strconv.Itoa(i), Kind: rapid.SampledFrom([]event.Kind{event.TaskUpdated, event.TaskCompleted}).Draw(rt, "kind"), Time: Millis(times.Draw(rt, "event")), InPreviousFor: event.None, QueueEnteredAt: event.None}
		b.Add(&e, ticket.Part)
		at := None
		switch arrivals {
		case "one":
			at = one
		case "each":
			at = Millis(times.Draw(rt, "arrival"))
		}
		in.Events = append(in.Events, ticket.Info(&e, at))
		if records {
			in.Records = append(in.Records, Record{rapid.String().Draw(rt, "position"), rapid.IntRange(-1, 3).Draw(rt, "index"), append([]byte{}, rapid.SliceOf(rapid.Byte()).Draw(rt, "text")...)})
		}
	}
	in.Block = b.Append(nil)
	return in
}

func TestAnInputLivesThroughItsEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := []Input{drawInput(rt), drawInput(rt)}
		for _, records := range []bool{true, false} {
			var b []byte
			for i := range all {
				b = all[i].Append(b, records)
			}
			for i := range all {
				var got Input
				var err error
				if got, b, err = ReadInput(b); err != nil {
					rt.Fatal(err)
				}
				want := all[i]
				if !records {
					want.Source, want.Name, want.Records = "", "", nil
				}
				if want.Records == nil {
					want.Source, want.Name = "", ""
				}
				if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" || (got.Value == nil) != (want.Value == nil) {
					rt.Fatalf("(-want +got):\n%s", d)
				}
			}
			if len(b) > 0 {
				rt.Fatalf("%d bytes are left", len(b))
			}
		}
	})
}

func TestABlockOfManyKeysLivesThroughItsEncoding(t *testing.T) {
	in := inputOf("", 0, arrival{At: None}, arrival{At: None})
	in.Events, in.Arrival = nil, None
	got, rest, err := ReadInput(append(in.Append(nil, true), 9))
	if d := cmp.Diff(in, got); d != "" || err != nil || !bytes.Equal(rest, []byte{9}) {
		t.Errorf("%v, rest %v (-want +got):\n%s", err, rest, d)
	}
}

func TestABatchLivesThroughItsEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := Batch{Source: rapid.String().Draw(rt, "source"), Position: rapid.SliceOf(rapid.Byte()).Draw(rt, "position")}
		for range rapid.IntRange(0, 3).Draw(rt, "inputs") {
			want.Inputs = append(want.Inputs, drawInput(rt))
		}
		got, err := ReadBatch(want.Append(nil))
		if err != nil {
			rt.Fatal(err)
		}
		for i := range want.Inputs {
			if want.Inputs[i].Records == nil {
				want.Inputs[i].Source, want.Inputs[i].Name = "", ""
			}
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			rt.Fatalf("(-want +got):\n%s", d)
		}
	})
}

func TestWhatIsLateIsTakenOutOfAnInput(t *testing.T) {
	in := inputOf("a\x001", 0, arrival{At: 1}, arrival{At: 2}, arrival{At: 3})
	for i := range in.Events {
		in.Records = append(in.Records, Record{Position: fmt.Sprint(i), Index: -1})
	}
	if first, last := in.span(); first != 1 || last != 3 || in.First() != 1 {
		t.Errorf("from %d to %d", first, last)
	}
	whole := in
	if err := in.Without(ticket.Part, []int{1}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"EV0", "EV2"}, idsOf(t, in.Block)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(in.Events) != 2 || in.Events[1].Arrival != 3 || len(in.Records) != 2 || in.Records[1].Position != "2" {
		t.Errorf("left are %+v of %+v", in.Events, in.Records)
	}
	if len(whole.Events) != 3 || len(whole.Records) != 3 || len(idsOf(t, whole.Block)) != 3 {
		t.Error("a copy that was made before has lost them too")
	}
	if in.Events[0].Arrival = None; in.First() != None {
		t.Error("with an unknown arrival the first one is known")
	}
}

func TestAnInputOfAnUnknownKindIsRefused(t *testing.T) {
	in := inputOf("a\x001", 0, arrival{At: 1})
	in.Kind = 200
	if _, _, err := ReadInput(in.Append(nil, true)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	if _, err := (Spec{Name: "nobody's"}).Kind(); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("got %v", err)
	}
	if ByID(ticket.ID) != ticket || ByID(200) != nil {
		t.Error("a kind is known by another ID")
	}
	defer func() {
		if recover() == nil {
			t.Error("two kinds have one ID")
		}
	}()
	Register(&Kind{Name: "another", ID: ticket.ID})
}

func TestAKeyIsInTheSameBucketEverywhere(t *testing.T) {
	got := []int{BucketOf("", 7), BucketOf("WT1", 7), BucketOf("WT1", 1), BucketOf("WT1", math.MaxInt32)}
	if want := []int{6, 6, 0, 2084864416}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	rapid.Check(t, func(rt *rapid.T) {
		key, n := rapid.String().Draw(rt, "key"), rapid.IntRange(1, 1000).Draw(rt, "buckets")
		if b := BucketOf(key, n); b < 0 || b >= n || b != BucketOf(key, n) {
			rt.Fatalf("bucket %d of %d", b, n)
		}
	})
	used := map[int]bool{}
	for i := range 1000 {
		used[BucketOf("WT"+strconv.Itoa(i), 64)] = true
	}
	if len(used) != 64 {
		t.Errorf("1000 keys use %d of 64 buckets", len(used))
	}
}

// FuzzReadBatch: whatever the bytes, reading them gives an error or a batch, and a batch that was
// read can be written again and read the same.
func FuzzReadBatch(f *testing.F) {
	in := inputOf("a\x001", 0, arrival{At: 1}, arrival{At: 2})
	in.Records = []Record{{"1", -1, []byte("{}")}, {"2", 3, nil}}
	many := inputOf("", 0, arrival{At: None})
	many.Events = nil
	for _, in := range []Input{in, inputOf("a\x001", 0, arrival{7, true}), many, {Kind: ticket.ID, Key: "k", Value: []byte{1}, Arrival: 3}, {Kind: ticket.ID, Key: "k", Value: []byte{}, Arrival: None}} {
		b := Batch{Source: "s", Position: []byte{7}, Inputs: []Input{in}}
		f.Add(b.Append(nil))
		f.Add(b.Append(nil)[:8])
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadBatch(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		first := p.Append(nil)
		next, err := ReadBatch(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := next.Append(nil); !bytes.Equal(first, second) {
			t.Fatalf("got %x, again %x", first, second)
		}
	})
}
