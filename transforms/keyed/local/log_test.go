package local

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/statedisk"
	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	datamodel "flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// logOf writes a log with what fill puts into a batch.
func logOf(t *testing.T, fill func(b *statedisk.Batch)) (dir string) {
	t.Helper()
	dir = t.TempDir()
	d, _, err := statedisk.OpenLog(dir, func(statedisk.Change, func(statedisk.Ref)) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var b statedisk.Batch
	fill(&b)
	_, err = d.Commit(&b)
	if err := errors.Join(err, d.Sync(d.Mark()), d.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// putOwner says that the sink "sink" owns what follows, which is kept in a layout.
func putOwner(b *statedisk.Batch, version, layout string) {
	b.Put(layoutKey(0), []byte(layout))
	owner := keyed.AppendText(keyed.AppendText(keyed.AppendText(nil, version), "1"), "sink")
	b.Put(ownerKey, append(owner, 0))
}

// withAttributes returns an input of an event with task attributes of a layout.
func withAttributes(t *testing.T, key string, id int, at keyed.Millis, tree *attribute.Tree, text string) keyed.Input {
	t.Helper()
	in := inputOf(tickets, key, id, at)
	events, err := event.Decode(in.Block, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := attribute.NewParser(tree).Append(nil, []byte(text))
	if !ok {
		t.Fatalf("%s is not parsable", text)
	}
	events[0].HasTaskAttributes, events[0].TaskAttributes = true, attribute.Snapshot(s)
	var b event.Builder
	b.Add(&events[0], event.TaskPart)
	in.Block = b.Append(nil)
	return in
}

// A log whose events keep other attributes is read, and goes on in this version's way: those that
// were not kept are absent.
func TestALogThatKeepsOtherAttributesIsRead(t *testing.T) {
	tree := attribute.NewTree("gone", "to", "from")
	const layout = "task gone to from\nworker full_name\nfields account_sid\nkinds (other)"
	const text = `{"gone":"x","to":"+2","from":"+1","direction":"outbound"}`
	in := withAttributes(t, "a\x001", 1, 5, tree, text)
	state, spilled := keyed.NewState(), keyed.NewState()
	state.Block, state.Arrival = withAttributes(t, "a\x002", 2, 6, tree, text).Block, 6
	spilled.Block, spilled.Arrival, spilled.Closed = withAttributes(t, "a\x003", 3, 7, tree, text).Block, 7, true
	dir := logOf(t, func(b *statedisk.Batch) {
		putOwner(b, version, layout)
		b.Append(stateKey(tickets, "a\x001"), appendInput(nil, &in))
		b.Put(positionKey("s"), []byte("7"))
		b.Put(stateKey(tickets, "a\x002"), appendState(nil, state))
		h := hashOf("a\x003")
		b.Spill(appendHead(nil, tickets, h, spilledOf(tickets, spilled)), appendSpilled(nil, "a\x003", spilled))
	})

	s := open(t, dir)
	add(t, s, "s", 8, withAttributes(t, "a\x001", 4, 8, datamodel.TaskTree, `{"direction":"inbound"}`))
	for _, when := range []string{"at once", "in the next process", "once it was rewritten"} {
		for _, want := range []struct{ key, text string }{{"a\x001", "+1|+2|inbound"}, {"a\x002", "+1|+2|"}, {"a\x003", "+1|+2|"}} {
			held, ok, err := s.State(tickets.ID, want.key)
			if !ok || err != nil {
				t.Fatalf("%s nothing is held of %q, %v", when, want.key, err)
			}
			events, err := event.Decode(held.Block, nil)
			if err != nil {
				t.Fatal(err)
			}
			o := attribute.NewOverlay(datamodel.TaskTree)
			for i := range events {
				o.Add(events[i].TaskAttributes)
			}
			var got []string
			for _, path := range []string{"from", "to", "direction"} {
				got = append(got, o.Text(datamodel.TaskTree.ID(path)))
			}
			if d := cmp.Diff(want.text, strings.Join(got, "|")); d != "" {
				t.Errorf("%s: %q (-want +got):\n%s", when, want.key, d)
			}
		}
		checkpoint(t, s)
		if when == "in the next process" {
			s.disk.(*statedisk.Log).MinSnapshot = 1 // the next checkpoint writes it anew
			checkpoint(t, s)
		}
		s = reopen(t, s, dir)
	}
	s.Close()
}

// spilledOf returns what is known of a spilled state in memory.
func spilledOf(k *keyed.Kind, s *keyed.State) spilled {
	return spilled{expires: k.Expires(s), until: k.Until(s)}
}

func TestALogOfAnUnknownVersionIsRefused(t *testing.T) {
	fields := strings.Replace(datamodel.Layout(), "account_sid task_sid", "task_sid account_sid", 1)
	for name, kept := range map[string]struct{ version, layout string }{
		"a later version": {"4", datamodel.Layout()}, "an earlier one": {"1", datamodel.Layout()}, "an unknown layout": {version, "task"},
		"other fields": {version, fields}, "nothing": {"", ""},
	} {
		dir := logOf(t, func(b *statedisk.Batch) { putOwner(b, kept.version, kept.layout) })
		_, _, err := Open(optionsOf(dir, Sink{"1", "sink"}, 0))
		if !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "drain it with that version first") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestACorruptRecordIsRefused(t *testing.T) {
	in := inputOf(tickets, "a\x001", 1, 1)
	whole := appendInput(nil, &in)
	other := in
	other.Kind = 99
	for name, fill := range map[string]func(b *statedisk.Batch){
		"an unknown kind of record":              func(b *statedisk.Batch) { b.Put([]byte("?"), nil) },
		"half an input":                          func(b *statedisk.Batch) { b.Append(stateKey(tickets, "k"), whole[:len(whole)-5]) },
		"an input of an unknown kind":            func(b *statedisk.Batch) { b.Append(stateKey(tickets, "k"), appendInput(nil, &other)) },
		"a state of a kind that the job has not": func(b *statedisk.Batch) { b.Put([]byte{recordState, 99, 'k'}, []byte{isState}) },
		"half a tombstone":                       func(b *statedisk.Batch) { b.Put([]byte{recordTombstone, tickets.ID, 1}, nil) },
	} {
		dir := logOf(t, func(b *statedisk.Batch) {
			putOwner(b, version, datamodel.Layout())
			fill(b)
		})
		_, _, err := Open(optionsOf(dir, Sink{"1", "sink"}, 0))
		if !errors.Is(err, keyed.ErrCorrupt) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A job whose configuration names other attribute paths goes on with the states of the one before: what
// both keep is there, by its name.
func TestAJobWithOtherPathsOfItsOwnReadsTheStates(t *testing.T) {
	attributes := func(before ...string) *datamodel.Attributes {
		a, err := datamodel.NewAttributes([]datamodel.Extra{{Column: "engagements.language", Before: before}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	dir := t.TempDir()
	begin := func(a *datamodel.Attributes) *Store {
		o := optionsOf(dir, Sink{"1", "sink"}, 0)
		o.Env.Attributes = a
		s, _, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	was, is := attributes("gone", "lang", "ours.tongue"), attributes("ours.tongue", "new", "lang")
	s := begin(was)
	add(t, s, "s", 5, withAttributes(t, "a\x001", 1, 5, was.Task(), `{"gone":"x","lang":"de","ours":{"tongue":"fr"},"from":"+1"}`))
	checkpoint(t, s)
	s.Close()
	for n, a := range []*datamodel.Attributes{is, is, nil} {
		s := begin(a)
		held, ok, err := s.State(tickets.ID, "a\x001")
		if !ok || err != nil {
			t.Fatalf("nothing is held, %v", err)
		}
		events, err := event.Decode(held.Block, nil)
		if err != nil {
			t.Fatal(err)
		}
		o := attribute.NewOverlay(a.Task())
		o.Add(events[0].TaskAttributes)
		if got := o.Text(datamodel.TaskTree.ID("from")); got != "+1" {
			t.Errorf("a built-in path is %q", got)
		}
		if a != nil {
			if got := o.Text(a.Task().ID("lang")) + o.Text(a.Task().ID("ours.tongue")) + o.Text(a.Task().ID("new")); got != "defr" {
				t.Errorf("%d: paths of its own are %q", n, got)
			}
		}
		checkpoint(t, s)
		s.disk.(*statedisk.Log).MinSnapshot = 1
		checkpoint(t, s)
		s.Close()
	}
}
