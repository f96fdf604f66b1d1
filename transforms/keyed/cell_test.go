package keyed

import (
	"bytes"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/event"
)

// cell is a state cell and a timer in memory.
type cell struct {
	state.Provider
	value any
	set   []timers.TimerMap
}

func (c *cell) ReadValueState(string) (any, []state.Transaction, error) { return c.value, nil, nil }
func (c *cell) WriteValueState(t state.Transaction) error {
	c.value = t.Val
	return nil
}
func (c *cell) Set(t timers.TimerMap) { c.set = append(c.set, t) }

func TestTheTimerStandsAtTheEarliestBlockAndHoldsTheWatermarkThere(t *testing.T) {
	c := new(cell)
	value, timer := state.MakeValueState[[]byte]("known"), timers.InEventTime("passed")
	if s, err := Read(value, c); s != nil || err != nil {
		t.Errorf("a new key has the state %v, %v", s, err)
	}
	for _, ts := range []int64{500, 700, 500, 300, 400} {
		if err := Add(value, timer, c, c, ts, []byte{byte(ts / 100)}); err != nil {
			t.Fatal(err)
		}
	}
	var at []int64
	for _, s := range c.set {
		if s.Family != "passed" || s.HoldTimestamp != s.FireTimestamp {
			t.Errorf("timer %+v", s)
		}
		at = append(at, int64(s.FireTimestamp))
	}
	if d := cmp.Diff([]int64{500, 300}, at); d != "" {
		t.Errorf("timers:\n%s", d)
	}
	s, err := Read(value, c)
	if err != nil || s.Pending != 300 || !bytes.Equal(s.Blocks, []byte{5, 7, 5, 3, 4}) {
		t.Errorf("state %+v, %v", s, err)
	}

	// Once the key was folded, the timer is set again, whatever the time.
	s.Pending = event.None
	if err := value.Write(c, s.Encode()); err != nil {
		t.Fatal(err)
	}
	if err := Add(value, timer, c, c, 900, []byte{9}); err != nil {
		t.Fatal(err)
	}
	if last := c.set[len(c.set)-1]; int64(last.FireTimestamp) != 900 {
		t.Errorf("after the fold the timer stands at %d", last.FireTimestamp)
	}
}

func TestACorruptStateIsAnErrorOfReadAndAdd(t *testing.T) {
	c := &cell{value: []byte{9, 9}}
	value := state.MakeValueState[[]byte]("known")
	if _, err := Read(value, c); err == nil {
		t.Error("read gives no error")
	}
	if err := Add(value, timers.InEventTime("passed"), c, c, 1, nil); err == nil {
		t.Error("add gives no error")
	}
}
