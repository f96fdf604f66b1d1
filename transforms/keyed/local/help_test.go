package local

import (
	"errors"
	"strconv"
	"testing"

	"flexbeam/internal/statedisk"
	"flexbeam/schemas/event"
	"flexbeam/transforms/keyed"
)

// The kinds of these tests: tickets close and are dropped as tasks are, people are kept for ever as
// workers are.
var (
	tickets = &keyed.Kind{
		Name: "ticket", ID: 10, Field: event.TaskSID, Part: event.TaskPart, Closes: event.Kind.EndsTask,
		Retention: keyed.Retention{Open: 15 * keyed.Day, Closed: keyed.Day, Tombstone: 15 * keyed.Day}, New: newRules,
	}
	visitors = &keyed.Kind{ // as contacts are
		Name: "visitor", ID: 12, Field: event.WorkerSID, Part: event.WorkerPart, Volatile: true, Immediate: true,
		Retention: keyed.Retention{Open: keyed.Day}, New: newRules,
	}
	people = &keyed.Kind{Name: "person", ID: 11, Field: event.WorkerSID, Part: event.WorkerPart, New: newRules}
)

func init() {
	keyed.Register(tickets)
	keyed.Register(people)
	keyed.Register(visitors)
}

func newRules([]byte, keyed.Env) (keyed.Logic, error) { return rules{}, nil }

// rules keep blocks, and process as a test says.
type rules struct {
	process func(s *keyed.State, out *keyed.Output) (next keyed.Millis, err error)
}

var errBad = errors.New("bad")

// Merge implements keyed.Logic. Events up to the bound come too late; a value is refused.
func (rules) Merge(s *keyed.State, in *keyed.Input) (late []int, err error) {
	if in.Value != nil {
		return nil, errBad
	}
	for i := range in.Events {
		if in.Events[i].Time <= s.Bound {
			late = append(late, i)
		}
	}
	if len(late) < len(in.Events) {
		s.Block = append(s.Block, in.Block...)
	}
	return late, nil
}

// Process implements keyed.Logic.
func (r rules) Process(s *keyed.State, _ keyed.Millis, out *keyed.Output) (keyed.Millis, error) {
	if r.process == nil {
		return keyed.None, nil
	}
	return r.process(s, out)
}

// replacing are rules that put a block in the place of a state's.
func replacing(b event.Block) rules {
	return rules{func(s *keyed.State, _ *keyed.Output) (keyed.Millis, error) {
		s.Replace(b)
		return keyed.None, nil
	}}
}

// open opens a store of the sink "sink".
func open(t testing.TB, dir string) *Store {
	t.Helper()
	return openAt(t, dir, 0)
}

// openAt opens a store whose log is rewritten from a size in bytes on.
func openAt(t testing.TB, dir string, minRewrite int64) *Store {
	t.Helper()
	s, _, err := Open(optionsOf(dir, Sink{"1", "sink"}, minRewrite))
	if err != nil {
		t.Fatal(err)
	}
	if dir == "" {
		t.Cleanup(func() { s.Close() })
	}
	return s
}

func optionsOf(dir string, sink Sink, minRewrite int64) Options {
	return Options{Dir: dir, Sink: sink, Kinds: []keyed.Spec{{Name: tickets.Name}, {Name: people.Name}}, MinRewrite: minRewrite}
}

// work makes all keys of a kind process by some rules.
func work(s *Store, k *keyed.Kind, r rules) {
	z := s.slotOf(k.ID)
	for i := range z.logics {
		z.logics[i] = r
	}
}

// inputOf returns an input of one event, which arrives at its time.
func inputOf(k *keyed.Kind, key string, id int, at keyed.Millis) keyed.Input {
	kind := event.TaskUpdated
	if k == people {
		kind = event.WorkerActivityUpdate
	}
	return inputOfKind(k, key, id, at, kind)
}

// ending returns an input of the event that ends a ticket.
func ending(key string, id int, at keyed.Millis) keyed.Input {
	return inputOfKind(tickets, key, id, at, event.TaskCompleted)
}

func inputOfKind(k *keyed.Kind, key string, id int, at keyed.Millis, kind event.Kind) keyed.Input {
	e := event.Event{ID: "EV" + strconv.Itoa(id), Time: at, Kind: kind, InPreviousFor: event.None, QueueEnteredAt: event.None}
	var b event.Builder
	b.Add(&e, k.Part)
	return keyed.Input{Kind: k.ID, Key: key, Time: at, Arrival: keyed.None, Block: b.Append(nil), Events: []keyed.EventInfo{k.Info(&e, at)}}
}

// idsOf returns the ids of the events in blocks.
func idsOf(t testing.TB, b event.Block) []string {
	t.Helper()
	events, err := event.Decode(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range events {
		ids = append(ids, events[i].ID)
	}
	return ids
}

// batchOf returns a batch of inputs, behind which a source is at a position.
func batchOf(source string, position int, inputs ...keyed.Input) keyed.Batch {
	return keyed.Batch{Source: source, Position: []byte(strconv.Itoa(position)), Inputs: inputs}
}

// add adds inputs and returns how many timers have to be set and how many inputs were late.
func add(t testing.TB, s *Store, source string, position int, inputs ...keyed.Input) (woken, late int) {
	t.Helper()
	err := s.Add(batchOf(source, position, inputs...), func(keyed.Millis) { woken++ }, func(*keyed.Input, []int) { late++ })
	if err != nil {
		t.Fatal(err)
	}
	return woken, late
}

// locked calls f with the locked state of a key that is in memory.
func locked(s *Store, k *keyed.Kind, key string, f func(z *slot, l *entry)) {
	z := s.slotOf(k.ID)
	if l := s.lock(z, key); l != nil {
		defer l.Unlock()
		f(z, l)
	}
}

// process processes a locked state as if its rows were in the sink then.
func process(t testing.TB, s *Store, z *slot, key string, l *entry, r rules) {
	t.Helper()
	var p processed
	err := s.process(z, r, key, l, s.Watermark(), &p)
	if err != nil {
		t.Fatal(err)
	}
	if p.waited {
		s.waiting.Add(-1)
	}
}

// drop processes a locked state, and lets its time pass. One to which nothing was added yet has none.
func drop(t testing.TB, s *Store, z *slot, key string, l *entry) {
	t.Helper()
	if l.Arrival == keyed.None {
		return
	}
	process(t, s, z, key, l, rules{})
	_, done, err := z.kind.Process(rules{}, &l.State, z.kind.DropAt(&l.State), new(keyed.Output))
	switch {
	case err != nil:
		t.Fatal(err)
	case done:
		s.forget(z, key, l)
	case l.Tombstone:
		s.entomb(z, key, l)
	default:
		t.Fatalf("the state of %q stays", key)
	}
}

func checkpoint(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Checkpoint(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// reopen ends a process and begins the next one.
func reopen(t testing.TB, s *Store, dir string) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return openAt(t, dir, s.disk.(*statedisk.Log).MinSnapshot)
}

// eachSpilled calls f with every state on disk.
func eachSpilled(t testing.TB, s *Store, f func(z *slot, key string, state *keyed.State)) {
	t.Helper()
	for _, z := range s.kinds {
		for i := range z.spill.parts {
			for _, at := range z.spill.parts[i].states {
				key, state, err := s.readSpilled(z, at)
				if err != nil {
					t.Fatal(err)
				}
				f(z, key, state)
			}
		}
	}
}

// none releases nothing.
func none(statedisk.Ref) {}
