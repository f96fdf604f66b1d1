package sdkstreams

import (
	"bytes"
	"testing"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
)

// timers is a message of timers, as the harness sends them.
func timers(bundle, family, data string, last bool) *fnpb.Elements {
	return &fnpb.Elements{Timers: []*fnpb.Elements_Timers{{InstructionId: bundle, TransformId: "t", TimerFamilyId: family, Timers: []byte(data), IsLast: last}}}
}

// The timers of a bundle are one message, however many they are, which also says that they are the last.
func TestTheTimersOfABundleGoTogether(t *testing.T) {
	w := newWorld(t, mostKept)
	w.begin("1", "")
	w.begin("2", "")
	for range 1000 {
		must(t, w.data.Send(timers("1", "due", "timer;", false)))
		must(t, w.data.Send(timers("2", "due", "other;", false)))
	}
	must(t, w.data.Send(timers("1", "due", "", true)))
	must(t, w.data.Send(timers("1", "none", "", true)))
	must(t, w.data.Send(&fnpb.Elements{Data: []*fnpb.Elements_Data{{InstructionId: "1", IsLast: true}}}))
	must(t, w.data.Send(timers("2", "due", "", true)))
	all := w.sends(4)
	if len(all) != 4 {
		t.Fatalf("%d messages", len(all))
	}
	for i, of := range map[int]string{0: "timer;", 3: "other;"} {
		got := all[i].GetTimers()
		if len(got) != 2 || got[0].GetIsLast() || !got[1].GetIsLast() || !bytes.Equal(got[0].GetTimers(), bytes.Repeat([]byte(of), 1000)) || got[0].GetTimerFamilyId() != "due" {
			t.Errorf("message %d has %d parts", i, len(got))
		}
	}
	if got := all[1].GetTimers(); len(got) != 1 || !got[0].GetIsLast() || len(all[2].GetData()) != 1 {
		t.Errorf("the messages without timers are %v and %v", all[1], all[2])
	}
}

// A message is no larger than a runner takes.
func TestAMessageOfTimersHasABound(t *testing.T) {
	w := newWorld(t, mostKept)
	w.begin("1", "")
	half := string(make([]byte, mostTimers/2))
	for range 3 {
		must(t, w.data.Send(timers("1", "due", half, false)))
	}
	must(t, w.data.Send(timers("1", "due", "", true)))
	all := w.sends(2)
	if len(all) != 2 || len(all[0].GetTimers()[0].GetTimers()) != mostTimers || len(all[1].GetTimers()[0].GetTimers()) != mostTimers/2 {
		t.Errorf("%d messages", len(all))
	}
}

// Timers of a bundle that nobody has begun are sent as they come.
func TestTimersWithoutABundleAreSentAsTheyCome(t *testing.T) {
	w := newWorld(t, mostKept)
	must(t, w.data.Send(timers("0", "due", "timer;", false)))
	if got := w.sends(1)[0].GetTimers(); len(got) != 1 || string(got[0].GetTimers()) != "timer;" {
		t.Errorf("got %v", got)
	}
}
