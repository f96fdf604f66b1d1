package beamstate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/span"
	"flexbeam/internal/testkit/golden"
	"flexbeam/internal/wire"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

func TestACellIsEncodedAsItWas(t *testing.T) {
	s := keyed.NewState()
	s.Block, s.Arrival, s.Next = event.Block{1, 0}, 100, 200
	b := cell{0x0102030405060708, 300, s}.append(nil)
	golden.Encodings(t, golden.Encoding{Name: "cell", Bytes: b})
	c, err := readCell(b)
	if err != nil || c.process != 0x0102030405060708 || c.number != 300 || c.state.Arrival != 100 || len(c.state.Block) != 2 {
		t.Errorf("read as %+v, %v", c, err)
	}
	if c, err := readCell(nil); err != nil || c.process != 0 || c.state.Arrival != keyed.None {
		t.Errorf("an empty one is read as %+v, %v", c, err)
	}
	for n := 1; n < 12; n++ {
		if _, err := readCell(b[:n]); !errors.Is(err, keyed.ErrCorrupt) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	b[0]++
	if _, err := readCell(b); !errors.Is(err, keyed.ErrCorrupt) || !errors.Is(err, wire.ErrForm) || !strings.Contains(err.Error(), "form 2") {
		t.Errorf("in another form: %v", err)
	}
}

// A process tells the states that it wrote last from those that a runner has restored.
func TestAStateThatWasRestoredIsBehind(t *testing.T) {
	w, other := newWritten(), newWritten()
	fresh := func() cell { return cell{state: keyed.NewState()} }
	if w.read("new", fresh()) {
		t.Error("a new key is behind")
	}
	first := w.write("k", keyed.NewState())
	if w.read("k", first) {
		t.Error("what was written last is behind")
	}
	second := w.write("k", keyed.NewState())
	if !w.read("k", first) || !first.state.Resumed {
		t.Error("an older state is not behind")
	}
	third := w.write("k", keyed.NewState())
	if !w.read("k", third) {
		t.Error("it is not behind any more though nobody has looked")
	}
	w.found("k")
	if w.read("k", third) {
		t.Error("it is behind though its rows were looked up")
	}
	if !other.read("k", third) {
		t.Error("a state of another process is not behind")
	}
	if !w.read("k", fresh()) {
		t.Error("a key whose state is gone is not behind")
	}
	w.found("k")
	w.clear("k")
	if w.read("k", fresh()) {
		t.Error("a key that was cleared is behind")
	}
	if !w.read("k", second) {
		t.Error("a cleared state that is there again is not behind")
	}
	if w.read("another", fresh()) {
		t.Error("another key is behind")
	}
}

// asking are rules that want to know what the sink holds of a key.
type asking struct {
	rules
	asked int
}

func (a *asking) Process(s *keyed.State, now keyed.Millis, out *keyed.Output) (keyed.Millis, error) {
	if s.Ask(keyed.Whole, func() span.Set { return span.Set{span.All} }, out) {
		a.asked++
		return keyed.None, nil
	}
	return a.rules.Process(s, now, out)
}

// finds is a sink without rows, which calls itself when it is asked for some.
type finds func(model.TableID, model.OwnerQuery)

func (f finds) Find(_ context.Context, t model.TableID, q model.OwnerQuery, _ func(model.Row) error) error {
	f(t, q)
	return nil
}

func (finds) Owners(context.Context, model.TableID, span.Span, func(model.Row) error) error {
	return nil
}

func (finds) OtherJobs(context.Context) (bool, error) { return false, nil }

// What a process emitted behind the checkpoint that it goes back to is in no state: the sink is asked
// for it, also where that held nothing when its days were read.
func TestTheRowsOfARestoredKeyAreLookedUpOnce(t *testing.T) {
	found := 0
	prior := keyed.NewPriorRows(finds(func(_ model.TableID, q model.OwnerQuery) {
		found++
		if len(q.Owners) != 1 || q.Owners[0].SID == "" {
			t.Errorf("asked for the rows of %q", q.Owners)
		}
	}))
	must(t, prior.Cover(context.Background(), []string{owned.Name}, span.Set{span.All}))
	a := new(asking)
	o := newOne(t, owned, &a.rules)
	o.use(t, prior)
	o.fn.logic = a
	must(t, o.add(inputOf(1, 1000, event.TaskUpdated)))
	kept := o.value
	must(t, o.timer(1000))
	must(t, o.add(inputOf(2, 2000, event.TaskUpdated)))
	must(t, o.timer(2000))
	if a.asked != 0 || found != 0 {
		t.Fatalf("asked %d times of an empty sink, %d look-ups", a.asked, found)
	}
	o.value = kept
	must(t, o.add(inputOf(2, 2000, event.TaskUpdated)))
	must(t, o.timer(2000))
	if a.asked != 1 || found == 0 {
		t.Errorf("asked %d times of a restored key, %d look-ups", a.asked, found)
	}
	must(t, o.add(inputOf(3, 3000, event.TaskUpdated)))
	must(t, o.timer(3000))
	if a.asked != 1 {
		t.Errorf("asked %d times", a.asked)
	}
}

// One question to the sink is about all keys that wait to be processed.
func TestKeysThatWaitAreLookedUpTogether(t *testing.T) {
	var asked [][]string
	prior := keyed.NewPriorRows(finds(func(id model.TableID, q model.OwnerQuery) {
		if id == model.EngagementsID {
			var sids []string
			for _, o := range q.Owners {
				sids = append(sids, o.SID)
			}
			asked = append(asked, sids)
		}
	}))
	look, err := prior.Looker(context.Background(), owned)
	must(t, err)
	look = look.Anew()
	w := newAhead(time.Now)
	today := span.Set{span.Days(0, 1)}
	for _, key := range []string{"a\x001", "a\x002", "a\x003"} {
		w.want(key, today, true)
	}
	w.want("a\x004", today, false)
	for _, key := range []string{"a\x002", "a\x001", "a\x003", "a\x002"} {
		f, err := w.find(context.Background(), look, true, keyed.Ask{Key: key, Span: keyed.Whole, Days: today})
		if err != nil || f == nil {
			t.Fatal(f, err)
		}
	}
	if len(asked) != 2 || len(asked[0]) != 3 || len(asked[1]) != 1 {
		t.Errorf("asked for %q", asked)
	}
}

// A key whose events are of days that were not known when others asked asks once more, and one with
// events of the day before does not.
func TestAnAnswerAboutFewerDaysIsNotEnough(t *testing.T) {
	var asked []int
	prior := keyed.NewPriorRows(finds(func(id model.TableID, q model.OwnerQuery) {
		if id == model.EngagementsID {
			asked = append(asked, len(q.Owners))
		}
	}))
	look, err := prior.Looker(context.Background(), owned)
	must(t, err)
	look = look.Anew()
	w := newAhead(time.Now)
	of := func(day keyed.Millis) span.Set { return span.Set{span.Days(int64(day*keyed.Day), 1)} }
	for _, key := range []string{"a\x002", "a\x003", "a\x004"} {
		w.want(key, of(100), true)
	}
	w.want("a\x004", of(200), true)
	for _, ask := range []keyed.Ask{{Key: "a\x001", Days: of(100)}, {Key: "a\x002", Days: of(99).Union(of(100))}, {Key: "a\x003", Days: of(90)}, {Key: "a\x004", Days: of(200)}} {
		if f, err := w.find(context.Background(), look, true, ask); err != nil || !f.Answers(ask) {
			t.Fatal(ask, f, err)
		}
	}
	if !slices.Equal(asked, []int{4, 1, 1}) {
		t.Errorf("asked for %d keys, want four of the 100th day, of which one is asked of the 200th with it, and one of the 90th", asked)
	}
}

// What was found of a key that did not ask then is old when it asks later.
func TestAnAnswerCountsForOneFold(t *testing.T) {
	asked := 0
	prior := keyed.NewPriorRows(finds(func(id model.TableID, _ model.OwnerQuery) {
		if id == model.EngagementsID {
			asked++
		}
	}))
	look, err := prior.Looker(context.Background(), owned)
	must(t, err)
	look = look.Anew()
	w := newAhead(time.Now)
	find := func(key string) {
		t.Helper()
		if _, err := w.find(context.Background(), look, false, keyed.Ask{Key: key, Days: span.Set{span.Days(0, 1)}}); err != nil {
			t.Fatal(err)
		}
	}
	w.want("a\x001", nil, false)
	find("a\x002")
	w.done("a\x001")
	find("a\x001")
	if asked != 2 {
		t.Errorf("asked %d times, want once for the older question and once more", asked)
	}
}

// Where other jobs write to the sink, what was found of a key some time before it asks is old.
func TestAnAnswerIsOldWhereOtherJobsWrite(t *testing.T) {
	for others, want := range map[bool]int{false: 1, true: 2} {
		asked := 0
		prior := keyed.NewPriorRows(shared{others, func(id model.TableID, q model.OwnerQuery) {
			if id == model.EngagementsID {
				asked++
			}
		}})
		look, err := prior.Looker(context.Background(), owned)
		must(t, err)
		look = look.Anew()
		now := time.Now()
		w := newAhead(func() time.Time { return now })
		today := span.Set{span.Days(0, 1)}
		for i, pause := range []time.Duration{0, answerCounts, 1, 0} {
			now = now.Add(pause)
			key := fmt.Sprint("a\x00", i)
			for later := i + 1; i == 0 && later < 4; later++ {
				w.want(fmt.Sprint("a\x00", later), today, false)
			}
			if f, err := w.find(context.Background(), look, false, keyed.Ask{Key: key, Days: today}); err != nil || f == nil {
				t.Fatal(f, err)
			}
		}
		if asked != want {
			t.Errorf("other jobs %v: asked %d times, want %d", others, asked, want)
		}
	}
}

type shared struct {
	others bool
	finds
}

func (s shared) OtherJobs(context.Context) (bool, error) { return s.others, nil }
