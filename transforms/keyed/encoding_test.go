package keyed

import (
	"errors"
	"strings"
	"testing"

	"flexbeam/internal/testkit/golden"
	"flexbeam/internal/wire"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// What is stored of a key, in forms that later versions still read.
func TestStatesAndInputsAreEncodedAsTheyWere(t *testing.T) {
	s := NewState()
	s.Block, s.Value, s.Arrival, s.Since, s.Next, s.Bound, s.AsOf = event.Block{1, 0}, []byte("value"), 100, -200, 300, 400, 500
	s.Closed, s.Dirty, s.Resumed, s.Distinct, s.Copies, s.Alone = true, true, true, 5, 2, 1
	s.Buckets, s.looked = []Bucket{{Hour: 7, Newest: 8}}, &Span{From: -1, To: 9}
	s.Evidence[0], s.Evidence[1] = 3, 4
	s.emitted = []emitted{
		{table: model.EngagementsID, key: "AC1\x00WT1:EV1", hash: 0x0102030405060708, version: 4097, day: 3 * Day},
		{table: model.AgentStatusID, key: "key", left: true, version: 11, day: None},
	}
	tombstone := NewState()
	tombstone.Tombstone, tombstone.Closed, tombstone.Anonymous, tombstone.Arrival = true, true, true, 100
	in := inputOf("AC1\x00WT1", 7, arrival{At: 1000}, arrival{At: 2000})
	in.Source, in.Name = "kinesis:s", "shard-1"
	in.Records = []Record{{Position: "1", Index: -1, Text: []byte("{}")}, {Position: "2+1", Index: 3, Text: []byte("[]")}}
	value := Input{Kind: ticket.ID, Key: "+15550100", Time: 9, Value: []byte("value"), Arrival: 1000}
	batch := Batch{Source: "kinesis:s\x00shard-1", Position: []byte("{}"), Inputs: []Input{in, value}}
	own := *s
	own.Own = "lang conversations.mood|shift"
	golden.Encodings(t,
		golden.Encoding{Name: "state", Bytes: s.Append(nil)},
		golden.Encoding{Name: "state-with-own-paths", Bytes: own.Append(nil)},
		golden.Encoding{Name: "tombstone", Bytes: tombstone.Append(nil)},
		golden.Encoding{Name: "input", Bytes: in.Append(nil, true)},
		golden.Encoding{Name: "input-without-records", Bytes: in.Append(nil, false)},
		golden.Encoding{Name: "value", Bytes: value.Append(nil, true)},
		golden.Encoding{Name: "batch", Bytes: batch.Append(nil)},
	)
}

func TestAnotherFormIsAnErrorThatSaysSo(t *testing.T) {
	in := inputOf("a\x001", 0, arrival{At: 1})
	input, batch := in.Append(nil, true), (&Batch{Inputs: []Input{in}}).Append(nil)
	input[1] |= 1 << formBits
	batch[0]++
	state := NewState().Append(nil)
	state[0] = encodingOwn + 1
	_, _, ofInput := ReadInput(input)
	_, ofBatch := ReadBatch(batch)
	_, ofState := ReadState(state)
	for name, err := range map[string]error{"form 1": ofInput, "form 2": ofBatch, "encoding 6": ofState} {
		if !errors.Is(err, ErrCorrupt) || !errors.Is(err, wire.ErrForm) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := ReadBatch(nil); !errors.Is(err, ErrCorrupt) || errors.Is(err, wire.ErrForm) {
		t.Errorf("no batch: got %v", err)
	}
}

func TestAStateTellsTheAttributePathsOfItsEvents(t *testing.T) {
	for _, own := range []string{"", "lang|"} {
		s := NewState()
		s.Own, s.Block, s.Arrival, s.Distinct = own, event.Block{1, 0}, 7, 3
		got, err := ReadState(s.Append(nil))
		if err != nil || got.Own != own || got.Arrival != 7 || got.Distinct != 3 || string(got.Block) != string(s.Block) {
			t.Errorf("%q: %+v, %v", own, got, err)
		}
	}
	if _, err := ReadState([]byte{encodingOwn, 9}); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}
