package keyed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/span"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

func engagement(id string, version int64) model.Row {
	t := &model.Engagements
	r := t.NewRow()
	r[t.Col("account_sid")] = model.Text("AC1")
	r[t.Col("engagement_id")] = model.Text(id)
	r[t.Col("task_sid")] = model.Text("WT1")
	r[t.Col("row_version")] = model.Integer(version)
	return r
}

// whole1 says that all rows of a key are one unit, which is over.
func whole1(model.TableID, model.Row) (Unit, bool) { return Unit{Settled: true}, true }

// left is a row of another job.
func left(id string, version int64) emitted {
	return emitted{table: model.EngagementsID, key: string(model.Engagements.AppendKey(nil, engagement(id, 1))), left: true, version: version, day: None}
}

// diff folds rows into a state and returns the changes in words.
func diff(t *testing.T, s *State, once bool, version int64, ids ...string) []string {
	t.Helper()
	out := &Output{Once: once}
	d, err := s.Diff(out, whole1)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		d.Row(model.EngagementsID, engagement(id, version))
	}
	if err := d.Done(func(model.TableID, model.Row) (int64, bool) { return version, true }); err != nil {
		t.Fatal(err)
	}
	var words []string
	if err := out.Changes.Each(func(c change.Change) error {
		w := "upsert "
		if c.Delete {
			w = "delete "
		}
		words = append(words, w+c.Row[1].Str+" at "+c.Row[len(c.Row)-1].String())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return words
}

// again returns a state as it comes out of its encoding.
func again(t testing.TB, s *State) *State {
	t.Helper()
	next, err := ReadState(s.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestAFoldEmitsWhatDiffersFromWhatWasEmitted(t *testing.T) {
	s := NewState()
	for _, step := range []struct {
		version int64
		rows    []string
		want    []string
	}{
		{1, []string{"a", "b"}, []string{"upsert a at 1", "upsert b at 1"}},
		{1, []string{"a", "b"}, nil},
		{2, []string{"b", "c"}, []string{"upsert b at 2", "upsert c at 2", "delete a at 2"}},
		{3, nil, []string{"delete b at 3", "delete c at 3"}},
		{3, nil, nil},
		{4, []string{"a"}, []string{"upsert a at 4"}},
	} {
		if d := cmp.Diff(step.want, diff(t, s, false, step.version, step.rows...)); d != "" {
			t.Errorf("version %d (-want +got):\n%s", step.version, d)
		}
		s = again(t, s) // the memory outlives the bundle
	}
}

// engagementAt returns a row that starts at a time.
func engagementAt(id string, version int64, at Millis) model.Row {
	r := engagement(id, version)
	r[model.Engagements.Col("start_time")] = model.Millis(at)
	return r
}

// A store may settle each day by itself: a delete says of which day its row is, and a row that goes
// over to another day is deleted in the old one first.
func TestARowIsDeletedInItsDay(t *testing.T) {
	const noon = Day / 2
	s := NewState()
	fold := func(version int64, rows ...model.Row) (words []string) {
		t.Helper()
		var out Output
		d, err := s.Diff(&out, whole1)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			d.Row(model.EngagementsID, r)
		}
		if err := d.Done(func(model.TableID, model.Row) (int64, bool) { return version, true }); err != nil {
			t.Fatal(err)
		}
		if err := out.Changes.Each(func(c change.Change) error {
			w := "upsert "
			if c.Delete {
				w = "delete "
			}
			words = append(words, w+c.Row[1].Str+" at "+c.Row[len(c.Row)-1].String()+" of "+model.Engagements.Get(c.Row, "start_time").String())
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		s = again(t, s)
		return words
	}
	s.Learn(&Found{rows: []emitted{
		{table: model.EngagementsID, key: string(model.Engagements.AppendKey(nil, engagement("theirs", 1))), left: true, version: 1, day: 9 * Day},
	}})
	for i, step := range []struct {
		rows []model.Row
		want []string
	}{
		{[]model.Row{engagementAt("a", 2, noon), engagementAt("b", 2, -noon), engagementAt("theirs", 2, noon)}, []string{
			"upsert a at 2 of 1970-01-01T12:00:00.000Z", "upsert b at 2 of 1969-12-31T12:00:00.000Z",
			"delete theirs at 2 of 1970-01-10T00:00:00.000Z", "upsert theirs at 2 of 1970-01-01T12:00:00.000Z"}},
		{[]model.Row{engagementAt("a", 3, noon+1), engagementAt("b", 3, noon)}, []string{
			"upsert a at 3 of 1970-01-01T12:00:00.001Z",
			"delete b at 3 of 1969-12-31T00:00:00.000Z", "upsert b at 3 of 1970-01-01T12:00:00.000Z",
			"delete theirs at 3 of 1970-01-01T00:00:00.000Z"}},
		{nil, []string{"delete a at 4 of 1970-01-01T00:00:00.000Z", "delete b at 4 of 1970-01-01T00:00:00.000Z"}},
	} {
		if d := cmp.Diff(step.want, fold(int64(2+i), step.rows...)); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

// A state of a version that did not know the days of rows asks the sink for them once.
func TestDaysThatAnOlderVersionDidNotKeepAreLookedUp(t *testing.T) {
	s, err := ReadState(stateOfVersion3(2))
	if err != nil {
		t.Fatal(err)
	}
	key := string(model.Engagements.AppendKey(nil, engagement("a", 1)))
	s.emitted[0].key = key
	if s.Ask(Whole, nil, &Output{Look: Look{}}) {
		t.Error("it asks a sink that holds nothing")
	}
	out := Output{Look: Look{how: lookOnce}}
	if !s.Ask(Whole, nil, &out) {
		t.Fatal("it does not ask")
	}
	s.Learn(&Found{span: out.Ask.Span, rows: []emitted{{table: model.EngagementsID, key: key, left: true, version: 5, day: 3 * Day}}})
	if s.emitted[0].day != 3*Day || s.Ask(Whole, nil, &out) {
		t.Errorf("the day is %d, or it asks again", s.emitted[0].day)
	}
	s = again(t, s)
	if s.Ask(Whole, nil, &out) {
		t.Error("it asks again with the next fold")
	}
}

func TestAFoldOfAStateThatIsNotKeptEmitsAllRows(t *testing.T) {
	s := NewState()
	if d := cmp.Diff([]string{"upsert a at 1", "upsert b at 1"}, diff(t, s, true, 1, "a", "b")); d != "" || len(s.emitted) != 0 {
		t.Errorf("%d rows are remembered (-want +got):\n%s", len(s.emitted), d)
	}
	s = NewState() // unless an earlier job left some
	s.emitted = []emitted{left("old", 1)}
	if d := cmp.Diff([]string{"upsert a at 1", "delete old at 1"}, diff(t, s, true, 1, "a")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRowsThatAreFinalAreForgotten(t *testing.T) {
	s := NewState()
	diff(t, s, false, 1, "a", "b", "c")
	if err := s.ForgetEmitted(func(_ model.TableID, r model.Row) bool { return r[1].Str != "b" }); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"delete b at 2"}, diff(t, s, false, 2)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	s.emitted = []emitted{{table: model.EngagementsID, key: "\xff"}}
	if err := s.ForgetEmitted(func(model.TableID, model.Row) bool { return true }); !errors.Is(err, ErrCorrupt) {
		t.Errorf("of a key that is none: %v", err)
	}
}

// A row of another job, of which the events tell no time, stays.
func TestARowOfAnotherJobIsDeletedWhereTheEventsTellItsTime(t *testing.T) {
	for _, told := range []bool{false, true} {
		s := NewState()
		s.emitted = []emitted{left("old", 1)}
		for i := range 3 {
			var out Output
			d, err := s.Diff(&out, whole1)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Done(func(model.TableID, model.Row) (int64, bool) { return 5, told }); err != nil {
				t.Fatal(err)
			}
			if (len(out.Changes) > 0) != (told && i == 0) {
				t.Errorf("told %t, fold %d: %d bytes of changes", told, i, len(out.Changes))
			}
			s = again(t, s)
		}
	}
}

// Of a key of which another job knows more nothing is changed, until this one knows as much.
func TestWhatAnotherJobKnowsMoreOfIsLeftAlone(t *testing.T) {
	s := NewState()
	diff(t, s, false, 1, "mine", "both")
	s.Learn(&Found{rows: []emitted{left("both", 4), left("theirs", 4)}})
	for _, step := range []struct {
		version int64
		rows    []string
		want    []string
	}{
		{2, []string{"both", "new"}, nil},
		{3, []string{"mine"}, nil},
		{4, []string{"both", "new"}, []string{"upsert both at 4", "upsert new at 4", "delete mine at 4", "delete theirs at 4"}},
		{5, []string{"new"}, []string{"upsert new at 5", "delete both at 5"}},
	} {
		if d := cmp.Diff(step.want, diff(t, s, false, step.version, step.rows...)); d != "" {
			t.Errorf("version %d (-want +got):\n%s", step.version, d)
		}
		s = again(t, s)
	}
	if s.Alone != 1 {
		t.Errorf("%d units were left alone, want 1", s.Alone)
	}
}

// What is not over for a job it leaves to another one that wrote of it, unless that is an earlier
// process of it.
func TestWhatIsNotOverIsLeftToTheJobThatWroteOfIt(t *testing.T) {
	open := func(model.TableID, model.Row) (Unit, bool) { return Unit{}, true }
	for _, resumed := range []bool{false, true} {
		s := NewState()
		if resumed {
			s.Disown()
		}
		s.Learn(&Found{rows: []emitted{left("theirs", 2)}})
		var out Output
		d, err := s.Diff(&out, open)
		if err != nil {
			t.Fatal(err)
		}
		d.Row(model.EngagementsID, engagement("mine", 3))
		if err := d.Done(func(model.TableID, model.Row) (int64, bool) { return 3, true }); err != nil {
			t.Fatal(err)
		}
		if changed := len(out.Changes) > 0; changed != resumed || out.Alone != 0 {
			t.Errorf("resumed %t: changed %t, %d left alone, %d rows", resumed, changed, out.Alone, len(s.emitted))
		}
	}
}

// on returns what tells the days on which there may be rows.
func on(days ...span.Span) func() span.Set { return func() span.Set { return days } }

// What a key asks of the sink it asks once, or with every fold while other jobs write.
func TestAKeyAsksForWhatItDoesNotKnow(t *testing.T) {
	s := NewState()
	for _, step := range []struct {
		look Look
		want Span
		asks *Span
	}{
		{Look{}, Span{From: 1, To: 5}, nil},
		{Look{how: lookOnce}, Span{From: 3, To: 5}, &Span{From: 3, To: 5}},
		{Look{how: lookOnce}, Span{From: 4, To: 5}, nil},
		{Look{how: lookOnce}, Span{From: 4, To: 7}, &Span{From: 3, To: 7}},
		{Look{how: lookOnce}, Span{From: 1, To: 2}, &Span{From: 1, To: 7}},
		{Look{how: lookAgain}, Span{From: 2, To: 3}, &Span{From: 1, To: 7}},
		{Look{how: lookAgain}, Span{From: 2, To: 3}, &Span{From: 1, To: 7}},
		{Look{how: lookOnce}, Span{From: 2, To: 3}, nil},
	} {
		out := Output{Look: step.look}
		asked := s.Ask(step.want, nil, &out)
		var asks *Span
		if out.Ask != nil {
			asks = &out.Ask.Span
		}
		if d := cmp.Diff(step.asks, asks); d != "" || asked != (step.asks != nil) {
			t.Errorf("%+v (-want +got):\n%s", step, d)
		}
		if asked {
			s.Learn(&Found{span: *asks})
			if s.Ask(step.want, nil, &out) {
				t.Errorf("%+v: it asks again at once", step)
			}
		}
		s = again(t, s) // fresh does not outlive the fold
	}
}

// A key that gets events of further days asks for these, with those that it knows; and not with every
// day, since the sink was asked of some days ahead.
func TestAKeyAsksForDaysThatItHasNotAskedFor(t *testing.T) {
	row := func(id string, day int) model.Row {
		r := engagementAt(id, 1, Millis(day)*Day)
		r[model.Engagements.Col("task_sid")] = model.Text("WT1")
		return r
	}
	p, sink := prior(map[model.TableID][]model.Row{model.EngagementsID: {row("a", 3), row("b", 40), row("c", 70)}})
	look, err := p.Looker(context.Background(), tasksOnly)
	if err != nil {
		t.Fatal(err)
	}
	s := NewState()
	for _, step := range []struct {
		days  []span.Span
		asks  bool
		knows int
	}{
		{[]span.Span{span.Days(0, Around)}, true, 1},
		{[]span.Span{span.Days(0, Around)}, false, 1},
		{[]span.Span{span.Days(0, Around), span.Days(int64(9*Day), Around)}, false, 1},
		{[]span.Span{span.Days(0, Around), span.Days(int64(30*Day), Around)}, true, 2},
		{[]span.Span{span.Days(int64(60*Day), Around)}, true, 3},
		{[]span.Span{span.Days(0, Around), span.Days(int64(61*Day), Around)}, false, 3},
	} {
		out := Output{Look: look.Look(event.Key("AC1", "WT1"))}
		asked := s.Ask(Whole, on(span.Set(nil).Union(step.days)...), &out)
		if asked {
			found, err := look.Find(context.Background(), []Ask{*out.Ask})
			if err != nil {
				t.Fatal(err)
			}
			s.Learn(found[out.Ask.Key])
			if s.Ask(Whole, on(step.days...), &out) {
				t.Errorf("%v: it asks again at once", step.days)
			}
		}
		if asked != step.asks || len(s.emitted) != step.knows {
			t.Errorf("%v: asked %t, knows %d rows, want %t and %d; %q", step.days, asked, len(s.emitted), step.asks, step.knows, sink.spans)
		}
		s = again(t, s)
	}
}

// Which days a key of a batch has events of is told only where it may have rows.
func TestTheDaysOfAKeyWithoutRowsAreNotAskedFor(t *testing.T) {
	p, _ := prior(map[model.TableID][]model.Row{model.EngagementsID: {engagement("a", 1)}})
	look, err := p.Looker(context.Background(), tasksOnly)
	if err != nil {
		t.Fatal(err)
	}
	if err := look.Cover(context.Background(), []event.Group{{Events: []*event.Event{{Time: 5}}}}); err != nil {
		t.Fatal(err)
	}
	for task, want := range map[string]int{"WT1": 1, "WT2": 0} {
		told, out := 0, Output{Look: look.Look(event.Key("AC1", task)), Once: true}
		asked := NewState().Ask(Whole, func() span.Set { told++; return span.Set{span.Days(5, Around)} }, &out)
		if asked != (want > 0) || told != want {
			t.Errorf("%s: asked %t, its days are told %d times", task, asked, told)
		}
	}
}

// A job reads of the tables of its kinds alone which keys have rows.
func TestOnlyTheTablesOfSomeKindsAreRead(t *testing.T) {
	p, sink := prior(nil)
	if err := p.Cover(context.Background(), []string{model.WorkerKind}, span.Set{{From: 1, To: 2}}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"owners of agent_status {1 2}"}, sink.spans); d != "" {
		t.Errorf("read (-want +got):\n%s", d)
	}
}

// holder is a sink of some rows. It keeps which owners it was asked for.
type holder struct {
	rows   map[model.TableID][]model.Row
	asked  [][]model.OwnerKey
	spans  []string // by table, of the owners and rows that were asked for
	others bool
	bad    error
}

func (h *holder) Owners(_ context.Context, id model.TableID, in span.Span, f func(model.Row) error) error {
	t := model.Tables[id]
	h.spans = append(h.spans, fmt.Sprint("owners of ", t.Name, " ", in))
	for _, r := range h.rows[id] {
		if at := r[t.TimeColumn()]; !at.IsNull() && !in.Covers(Span{From: at.Num, To: at.Num}) {
			continue
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return h.bad
}

func (h *holder) Find(_ context.Context, id model.TableID, q model.OwnerQuery, f func(model.Row) error) error {
	t := model.Tables[id]
	h.asked = append(h.asked, q.Owners)
	h.spans = append(h.spans, fmt.Sprint("rows of ", t.Name, " ", Span{From: q.From, To: q.To}))
	for _, r := range h.rows[id] {
		account, sid := t.OwnerKey(r)
		if q.Holds(t, r) && slices.ContainsFunc(q.Owners, func(o model.OwnerKey) bool { return o.SID == sid && (t.Owner.Account == "" || o.Account == account) }) {
			if err := f(r); err != nil {
				return err
			}
		}
	}
	return h.bad
}

func (h *holder) OtherJobs(context.Context) (bool, error) { return h.others, h.bad }

// prior returns what finds rows in a sink, and that.
func prior(rows map[model.TableID][]model.Row) (*PriorRows, *holder) {
	h := &holder{rows: rows}
	return NewPriorRows(h), h
}

var (
	tasksOnly   = &Kind{Name: model.TaskKind, ID: 20}
	workersOnly = &Kind{Name: model.WorkerKind, ID: 21}
)

// learnt returns states of keys that have learnt what the sink holds of them.
func learnt(t *testing.T, p *PriorRows, k *Kind, keys ...string) map[string]*State {
	t.Helper()
	look, err := p.Looker(context.Background(), k)
	if err != nil {
		t.Fatal(err)
	}
	var asks []Ask
	byKey := map[string]*State{}
	for _, key := range keys {
		byKey[key] = NewState()
		if out := (Output{Look: look.Look(key)}); byKey[key].Ask(Whole, on(span.All), &out) {
			asks = append(asks, *out.Ask)
		}
	}
	if len(asks) == 0 {
		return byKey
	}
	found, err := look.Find(context.Background(), asks)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range asks {
		byKey[a.Key].Learn(found[a.Key])
	}
	return byKey
}

func TestRowsOfAnEarlierJobAreDeletedWhereTheFoldYieldsNone(t *testing.T) {
	c := model.Customers.NewRow()
	c[0] = model.Text("WT1")
	p, _ := prior(map[model.TableID][]model.Row{
		model.EngagementsID: {engagement("old", 1), engagement("kept", 1)}, model.CustomersID: {c},
	})
	others := learnt(t, p, tasksOnly, event.Key("AC1", "WT2"), event.Key("AC2", "WT9"))
	for key, s := range others {
		if len(s.emitted) > 0 {
			t.Errorf("%q has rows", key)
		}
	}
	s := learnt(t, p, tasksOnly, event.Key("AC1", "WT1"))[event.Key("AC1", "WT1")]
	var out Output
	f, err := s.Diff(&out, whole1)
	if err != nil {
		t.Fatal(err)
	}
	f.Row(model.EngagementsID, engagement("kept", 5))
	if err := f.Done(func(model.TableID, model.Row) (int64, bool) { return 5, true }); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	if err := out.Changes.Each(func(c change.Change) error {
		key := c.Of().Name + " " + c.Row[0].Str
		if c.Table == model.EngagementsID {
			key = c.Of().Name + " " + c.Row[1].Str
		}
		got[key] = c.Delete
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]bool{"engagements kept": false, "engagements old": true, "customers WT1": true}, got); d != "" {
		t.Errorf("deleted (-want +got):\n%s", d)
	}
}

func TestRowsOfManyKeysAreLookedUpTogetherAndOnce(t *testing.T) {
	row := func(task string) model.Row {
		r := engagement("of "+task, 1)
		r[model.Engagements.Col("task_sid")] = model.Text(task)
		return r
	}
	p, sink := prior(map[model.TableID][]model.Row{model.EngagementsID: {row("WT1"), row("WT2"), row("WT3")}})
	keys := []string{event.Key("AC1", "WT1"), event.Key("AC1", "WT2"), event.Key("AC1", "WT8"), event.Key("AC9", "WT3")}
	states := learnt(t, p, tasksOnly, keys...)
	if d := cmp.Diff([][]model.OwnerKey{{{Account: "AC1", SID: "WT1"}, {Account: "AC1", SID: "WT2"}}}, sink.asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	for i, want := range []int{1, 1, 0, 0} {
		if n := len(states[keys[i]].emitted); n != want {
			t.Errorf("%q has %d rows, want %d", keys[i], n, want)
		}
	}
	sink.asked = nil
	learnt(t, p, workersOnly, keys...) // no table of theirs has rows
	if len(sink.asked) > 0 {
		t.Errorf("asked for %v", sink.asked)
	}
	bad := errors.New("bad")
	look, err := p.Looker(context.Background(), tasksOnly)
	if err != nil {
		t.Fatal(err)
	}
	sink.bad = bad
	if _, err := look.Find(context.Background(), []Ask{{Key: keys[0], Span: Whole, Days: span.Set{span.All}}}); !errors.Is(err, bad) || !strings.Contains(err.Error(), "engagements") {
		t.Errorf("got %v", err)
	}
}

// While other jobs write every key is looked up with every fold, whatever the sink held in the
// beginning.
func TestWhileOtherJobsWriteEveryKeyIsLookedUp(t *testing.T) {
	p, sink := prior(nil)
	key := event.Key("AC1", "WT1")
	learnt(t, p, tasksOnly, key)
	if len(sink.asked) > 0 {
		t.Errorf("asked for %v of an empty sink", sink.asked)
	}
	sink.others = true
	for range 2 {
		sink.asked = nil
		learnt(t, p, tasksOnly, key)
		if len(sink.asked) != 2 { // engagements, customers
			t.Errorf("asked for %v", sink.asked)
		}
	}
	bad := errors.New("bad")
	sink.bad = bad
	if _, err := p.Looker(context.Background(), tasksOnly); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
}

// Of a worker the quarter hours are looked up that it asks for, and where all rows of the sink lie
// before the end of these those behind count as looked up too.
func TestQuarterHoursAreLookedUpByTheirTime(t *testing.T) {
	row := func(worker string, at int64) model.Row {
		r := model.AgentStatus.NewRow()
		r[0], r[1], r[2], r[3] = model.Text("AC1"), model.Text(worker), model.Millis(at), model.Text("Break")
		r[len(r)-1] = model.Integer(at)
		return r
	}
	p, _ := prior(map[model.TableID][]model.Row{model.AgentStatusID: {row("WK1", 10), row("WK1", 20), row("WK1", 30), row("WK2", 20)}})
	if err := p.Cover(context.Background(), []string{model.WorkerKind}, span.Set{span.All}); err != nil {
		t.Fatal(err)
	}
	look, err := p.Looker(context.Background(), workersOnly)
	if err != nil {
		t.Fatal(err)
	}
	one, two := event.Key("AC1", "WK1"), event.Key("AC1", "WK2")
	found, err := look.Find(context.Background(), []Ask{{Key: one, Span: Span{From: 11, To: 29}}, {Key: two, Span: Span{From: 5, To: 30}}})
	if err != nil {
		t.Fatal(err)
	}
	versions := func(f *Found) (all []int64) {
		for _, r := range f.rows {
			all = append(all, r.version)
		}
		return all
	}
	for key, want := range map[string]Found{one: {span: Span{From: 11, To: 29}, rows: []emitted{{version: 20}}}, two: {span: Span{From: 5, To: math.MaxInt64}, rows: []emitted{{version: 20}}}} {
		if got := found[key]; got.span != want.span || !slices.Equal(versions(got), versions(&want)) {
			t.Errorf("%q: %+v, want %+v", key, got, want)
		}
	}
}

// Which keys have rows is read of the days of events and fifteen around them, once, and of these
// days only the rows are looked up. What lies far apart is not joined.
func TestOnlyTheDaysOfEventsAreRead(t *testing.T) {
	day := func(n int) int64 { return int64(n) * span.DayMillis }
	row := func(task string, at int) model.Row {
		r := engagement("of "+task, 1)
		r[model.Engagements.Col("task_sid")], r[model.Engagements.Col("start_time")] = model.Text(task), model.Millis(day(at)+7)
		return r
	}
	groupOf := func(days ...int) (g event.Group) {
		for _, d := range days {
			g.Events = append(g.Events, &event.Event{Time: Millis(day(d)) + 5})
		}
		return g
	}
	shown := func(table string, what string, from, to int) string {
		return fmt.Sprint(what, " of ", table, " ", Span{From: day(from), To: day(to+1) - 1})
	}
	rows := map[model.TableID][]model.Row{}
	for d := range 1000 {
		rows[model.EngagementsID] = append(rows[model.EngagementsID], row(fmt.Sprint("WT", d), d))
	}
	p, sink := prior(rows)
	look, err := p.Looker(context.Background(), tasksOnly)
	if err != nil {
		t.Fatal(err)
	}
	groups := []event.Group{groupOf(500, 501), groupOf(502)}
	for range 2 {
		if err := look.Cover(context.Background(), groups); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Keys(model.TaskKind); n != 33 {
		t.Errorf("%d tasks are known, want those of 33 days", n)
	}
	ask := func(task string, days ...int) {
		s, out := NewState(), Output{Look: look.Look(event.Key("AC1", task))}
		if s.Ask(Whole, on(DaysOf([]event.Group{groupOf(days...)})...), &out) {
			found, err := look.Find(context.Background(), []Ask{*out.Ask})
			if err != nil {
				t.Fatal(err)
			}
			s.Learn(found[out.Ask.Key])
			sink.spans = append(sink.spans, fmt.Sprint(len(s.emitted)))
		}
	}
	ask("WT500", 500)
	ask("new", 501)
	if look, err = p.Looker(context.Background(), tasksOnly); err != nil { // of a stream: further events may come
		t.Fatal(err)
	}
	ask("WT520", 505, 900) // an event with a wrong clock
	e, c := "engagements", "customers"
	want := []string{
		shown(e, "owners", 485, 517), shown(c, "owners", 485, 517),
		shown(e, "rows", 485, 515), "1",
		shown(e, "owners", 518, 535), shown(e, "owners", 885, 930), shown(e, "rows", 490, 535), shown(e, "rows", 885, 930),
		shown(c, "owners", 518, 535), shown(c, "owners", 885, 930), "1",
	}
	if d := cmp.Diff(want, sink.spans); d != "" {
		t.Errorf("read (-want +got):\n%s", d)
	}
}

// A key may have rows where its days were not read; of no days all count.
func TestAKeyMayHaveRowsOfDaysThatWereNotRead(t *testing.T) {
	c := model.Customers.NewRow()
	c[model.Customers.Col("contact_id")] = model.Text("WT1")
	c[model.Customers.Col("isolated")] = model.Boolean(true)
	p, _ := prior(map[model.TableID][]model.Row{model.CustomersID: {c}})
	holds := func(task string, days ...span.Span) bool {
		return p.Holds(tasksOnly, event.Key("AC1", task), days)
	}
	if !holds("WT1", span.Days(0, 1)) || !holds("WT2", span.Days(0, 1)) {
		t.Error("a key surely has no rows though nothing was read")
	}
	if err := p.Cover(context.Background(), []string{model.TaskKind}, span.Set{span.Days(0, 20)}); err != nil {
		t.Fatal(err)
	}
	if !holds("WT1", span.Days(0, 1)) || holds("WT2", span.Days(0, 1)) {
		t.Error("the rows of days that were read are not those that are there")
	}
	if !holds("WT2", span.Days(0, 21)) || !holds("WT2") {
		t.Error("a key surely has no rows of days that were not read")
	}
	if (*PriorRows)(nil).Holds(tasksOnly, event.Key("AC1", "WT1"), nil) {
		t.Error("a sink that is not there holds rows")
	}
}

func TestNothingIsKnownWithoutASink(t *testing.T) {
	empty, _ := prior(nil)
	for _, p := range []*PriorRows{nil, empty} {
		for _, k := range []*Kind{tasksOnly, workersOnly} {
			for key, s := range learnt(t, p, k, event.Key("AC1", "WT1"), event.Key("AC1", "WK1")) {
				if len(s.emitted) > 0 {
					t.Errorf("%q has rows", key)
				}
			}
		}
	}
}

func TestATimeLivesThroughItsEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := Millis(rapid.OneOf(rapid.Just(int64(None)), rapid.Int64Range(-3, 3), rapid.Int64Range(math.MinInt64+1, math.MaxInt64)).Draw(rt, "time"))
		r := NewReader(AppendMillis(nil, at))
		if got := r.Optional(); got != at || r.Err() != nil || len(r.Rest()) != 0 {
			rt.Fatalf("%d becomes %d, %v", at, got, r.Err())
		}
	})
	if b := AppendMillis(nil, None); len(b) != 1 {
		t.Errorf("no time takes %d bytes", len(b))
	}
}

// drawState draws a state.
func drawState(rt *rapid.T) *State {
	millis := func(name string) Millis {
		return Millis(rapid.OneOf(rapid.Just(int64(None)), rapid.Int64Range(-1e6, 2e12)).Draw(rt, name))
	}
	s := &State{
		Arrival: millis("arrival"), Since: millis("since"), Next: millis("next"), Bound: millis("bound"), AsOf: millis("as of"),
		Closed: rapid.Bool().Draw(rt, "closed"), Anonymous: rapid.Bool().Draw(rt, "anonymous"),
		Tombstone: rapid.Bool().Draw(rt, "tombstone"), Dirty: rapid.Bool().Draw(rt, "dirty"),
		Distinct: rapid.Int64().Draw(rt, "distinct"), Copies: rapid.Int64().Draw(rt, "copies"), Alone: rapid.Int64().Draw(rt, "alone"),
		Resumed: rapid.Bool().Draw(rt, "resumed"),
		Block:   rapid.SliceOf(rapid.Byte()).Draw(rt, "block"),
	}
	for range rapid.IntRange(0, 3).Draw(rt, "buckets") {
		s.Buckets = append(s.Buckets, Bucket{millis("hour"), millis("newest")})
	}
	if rapid.Bool().Draw(rt, "evidence") {
		for k := range s.Evidence {
			s.Evidence[k] = rapid.Int64Range(-3, 300).Draw(rt, "count")
		}
	}
	if v := rapid.SliceOf(rapid.Byte()).Draw(rt, "value"); len(v) > 0 {
		s.Value = v
	}
	if rapid.Bool().Draw(rt, "looked") {
		s.looked = &Span{From: rapid.Int64().Draw(rt, "from"), To: rapid.Int64().Draw(rt, "to")}
		for range rapid.IntRange(0, 3).Draw(rt, "days") {
			s.days = append(s.days, Span{From: rapid.Int64().Draw(rt, "first"), To: rapid.Int64().Draw(rt, "last")})
		}
	}
	for range rapid.IntRange(0, 3).Draw(rt, "rows") {
		e := emitted{
			table: model.TableID(rapid.IntRange(0, len(model.Tables)-1).Draw(rt, "table")), key: rapid.String().Draw(rt, "key"),
			hash: rapid.Uint64().Draw(rt, "hash"), left: rapid.Bool().Draw(rt, "left"), version: rapid.Int64().Draw(rt, "version"), day: None,
		}
		if _, apart := model.Tables[e.table].PartitionColumn(); apart && rapid.Bool().Draw(rt, "dated") {
			e.day = Millis(rapid.Int64Range(-40_000, 40_000).Draw(rt, "day")) * Day
		}
		s.emitted = append(s.emitted, e)
	}
	return s
}

func TestAStateLivesThroughItsEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawState(rt)
		got, err := ReadState(s.Append(nil))
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(s, got, cmp.AllowUnexported(State{}, emitted{})); d != "" {
			rt.Fatalf("(-want +got):\n%s", d)
		}
	})
	if s, err := ReadState(nil); err != nil || cmp.Diff(NewState(), s, cmp.AllowUnexported(State{}, emitted{})) != "" {
		t.Errorf("no bytes are the state %+v, %v", s, err)
	}
}

// stateOfVersion2 is a state as the version before wrote it: when its timer stood, what was
// counted, its rows and its events.
func stateOfVersion2() []byte {
	b := []byte{2}
	for _, n := range []int64{7, 3, 1, 2} {
		b = binary.AppendVarint(b, n)
	}
	b = AppendText(append(binary.AppendUvarint(b, 1), byte(model.EngagementsID)|leftBit), "k")
	b = binary.LittleEndian.AppendUint64(b, 9)
	return append(b, 1, 2)
}

func TestAStateOfVersion2IsRead(t *testing.T) {
	got, err := ReadState(stateOfVersion2())
	if err != nil {
		t.Fatal(err)
	}
	want := NewState()
	want.Since, want.Distinct, want.Copies, want.Block = 7, 3, 1, event.Block{1, 2}
	want.looked = &Span{From: math.MinInt64, To: math.MaxInt64}
	want.emitted = []emitted{{table: model.EngagementsID, key: "k", hash: 9, left: true, day: None}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(State{}, emitted{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, other := range []byte{0, 1, encodingOwn + 1} {
		if _, err := ReadState([]byte{other, 0, 0}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("encoding %d: %v", other, err)
		}
	}
}

// stateOfVersion3 is a state as the version before wrote it, of a key that was processed as often.
func stateOfVersion3(folds int64) []byte {
	b := []byte{3, isClosed}
	for _, t := range []Millis{11, None, 12, None, None} {
		b = AppendMillis(b, t)
	}
	for _, n := range []int64{3, 1, folds} {
		b = binary.AppendVarint(b, n)
	}
	b = AppendText(append(binary.AppendUvarint(b, 1), byte(model.EngagementsID)), "k")
	b = binary.LittleEndian.AppendUint64(b, 9)
	return append(b, 0, 1, 2)
}

// Of a key that was processed all rows were known, and of one that was not none.
func TestAStateOfVersion3IsRead(t *testing.T) {
	for folds, looked := range map[int64]*Span{0: nil, 2: {From: math.MinInt64, To: math.MaxInt64}} {
		got, err := ReadState(stateOfVersion3(folds))
		if err != nil {
			t.Fatal(err)
		}
		want := NewState()
		want.Arrival, want.Next, want.Closed, want.Distinct, want.Copies, want.Block = 11, 12, true, 3, 1, event.Block{1, 2}
		want.looked, want.emitted = looked, []emitted{{table: model.EngagementsID, key: "k", hash: 9, day: None}}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(State{}, emitted{})); d != "" {
			t.Errorf("%d folds (-want +got):\n%s", folds, d)
		}
	}
}

// stateOfVersion4 is a state as the version before wrote it: it does not tell of which days the sink was
// asked.
func stateOfVersion4() []byte {
	b := []byte{4, isClosed | hasLooked}
	for _, t := range []Millis{11, None, 12, None, None} {
		b = AppendMillis(b, t)
	}
	for _, n := range []int64{3, 1, 2, -5, 9} {
		b = binary.AppendVarint(b, n)
	}
	return append(b, 0, 0, 1, 2)
}

func TestAStateOfVersion4IsRead(t *testing.T) {
	got, err := ReadState(stateOfVersion4())
	if err != nil {
		t.Fatal(err)
	}
	want := NewState()
	want.Arrival, want.Next, want.Closed, want.Distinct, want.Copies, want.Alone, want.Block = 11, 12, true, 3, 1, 2, event.Block{1, 2}
	want.looked = &Span{From: -5, To: 9}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(State{}, emitted{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func FuzzReadStateRefusesWhatAppendDidNotWrite(f *testing.F) {
	s := NewState()
	s.Since, s.Arrival, s.Distinct, s.Alone, s.Block, s.Value, s.Closed = 7, -1, 3, 1, event.Block{1, 2}, []byte{3}, true
	s.Buckets = []Bucket{{1, 2}}
	s.emitted = []emitted{{table: model.EngagementsID, key: "k", hash: 9}}
	f.Add(s.Append(nil))
	f.Add(NewState().Append(nil))
	f.Add(stateOfVersion2())
	f.Add(stateOfVersion3(2))
	f.Add([]byte{1})
	f.Add([]byte{2, 0})
	f.Add([]byte{3, 0})
	f.Add([]byte{4, 0x60})
	f.Add(stateOfVersion4())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadState(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		next, err := ReadState(s.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Append(nil), next.Append(nil)) {
			t.Fatalf("got %x, again %x", s.Append(nil), next.Append(nil))
		}
	})
}
