package local

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/journal"
	"flexbeam/internal/statedisk"
	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// held is what a key of the model holds.
type held struct {
	IDs     string // of its events, in order
	Arrival keyed.Millis
}

// plain is a model of a store: states by kind and key, until when there are tombstones by key, and the
// positions.
type plain struct {
	Keys       map[string]held
	Tombstones map[string]keyed.Millis
	Positions  map[string]string
}

func newPlain() plain {
	return plain{map[string]held{}, map[string]keyed.Millis{}, map[string]string{}}
}

func (p plain) clone() plain {
	return plain{maps.Clone(p.Keys), maps.Clone(p.Tombstones), maps.Clone(p.Positions)}
}

func nameOf(k *keyed.Kind, key string) string { return k.Name + " " + key }

var modelKeys = []string{"a\x00", "a\x001", "a\x002", "b\x001"}

// plainOf returns what a store holds.
func plainOf(t testing.TB, s *Store) plain {
	t.Helper()
	p := newPlain()
	for source, b := range s.Positions() {
		p.Positions[source] = string(b)
	}
	s.each(func(z *slot, key string, l *entry) {
		p.Keys[nameOf(z.kind, key)] = held{fmt.Sprint(idsOf(t, l.Block)), l.Arrival}
		if l.Anonymous != strings.HasSuffix(key, "\x00") {
			t.Errorf("%q belongs to none: %t", key, l.Anonymous)
		}
	})
	eachSpilled(t, s, func(z *slot, key string, state *keyed.State) {
		name := nameOf(z.kind, key)
		if _, ok := p.Keys[name]; ok {
			t.Errorf("%q is in memory and on disk", name)
		}
		p.Keys[name] = held{fmt.Sprint(idsOf(t, state.Block)), state.Arrival}
	})
	for _, key := range modelKeys {
		if until := s.slotOf(tickets.ID).spill.until(hashOf(key)); until != 0 {
			p.Tombstones[key] = until
		}
	}
	return p
}

// TestAfterACrashTheStoreIsWhatTheLastCheckpointCovered runs random histories of a store, over
// processes that end at any moment, against a plain model. Logs are rewritten all the time.
func TestAfterACrashTheStoreIsWhatTheLastCheckpointCovered(t *testing.T) {
	const minRewrite = 600
	rewrites := int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "flexbeam-store-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := openAt(t, dir, minRewrite)
		defer func() {
			rewrites += s.Size().Rewrites
			s.Close()
		}()
		now := newPlain()
		ids := map[string][]string{} // of the model's keys
		durable := now.clone()
		n, at := 0, keyed.Millis(1_000_000)
		kinds, keys, sources := rapid.SampledFrom([]*keyed.Kind{tickets, people}), rapid.SampledFrom(modelKeys), rapid.SampledFrom([]string{"s1", "s2"})
		some := func(rt *rapid.T, f func(z *slot, key, name string, l *entry)) {
			kind, key := kinds.Draw(rt, "kind"), keys.Draw(rt, "key")
			locked(s, kind, key, func(z *slot, l *entry) { f(z, key, nameOf(kind, key), l) })
		}
		adding := func(rt *rapid.T) {
			source := sources.Draw(rt, "source")
			var inputs []keyed.Input
			for range rapid.IntRange(0, 3).Draw(rt, "inputs") {
				n++
				at += 10
				kind, key := kinds.Draw(rt, "kind"), keys.Draw(rt, "key")
				in := inputOf(kind, key, n, at)
				if kind == tickets && rapid.Bool().Draw(rt, "ends") {
					in = ending(key, n, at)
				}
				inputs = append(inputs, in)
				name := nameOf(kind, key)
				if kind == tickets && now.Tombstones[key] != 0 {
					continue
				}
				ids[name] = append(ids[name], "EV"+strconv.Itoa(n))
				now.Keys[name] = held{fmt.Sprint(ids[name]), at}
			}
			now.Positions[source] = strconv.Itoa(n)
			add(t, s, source, n, inputs...)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"add": adding, "add more": adding,
			"replace": func(rt *rapid.T) {
				some(rt, func(z *slot, key, name string, l *entry) {
					n++
					ids[name] = []string{"EV" + strconv.Itoa(n)}
					now.Keys[name] = held{fmt.Sprint(ids[name]), l.Arrival}
					process(t, s, z, key, l, replacing(inputOf(z.kind, key, n, at).Block))
				})
			},
			"churn": func(rt *rapid.T) { // much comes and goes, little stays
				kind, key := kinds.Draw(rt, "kind"), keys.Draw(rt, "key")
				name := nameOf(kind, key)
				for range 40 {
					n++
					at += 10
					if in := inputOf(kind, key, n, at); kind == people || now.Tombstones[key] == 0 {
						now.Keys[name] = held{fmt.Sprint([]string{"EV" + strconv.Itoa(n)}), at}
						ids[name] = []string{"EV" + strconv.Itoa(n)}
						add(t, s, "s1", n, in)
						locked(s, kind, key, func(z *slot, l *entry) { process(t, s, z, key, l, replacing(in.Block)) })
						now.Positions["s1"] = strconv.Itoa(n)
					}
				}
			},
			"drop": func(rt *rapid.T) {
				some(rt, func(z *slot, key, name string, l *entry) {
					if z.kind != tickets {
						return
					}
					ids[name] = nil
					delete(now.Keys, name)
					if !l.Anonymous { // what belongs to none leaves no tombstone
						now.Tombstones[key] = l.Arrival + 30*keyed.Day
						if l.Closed {
							now.Tombstones[key] = l.Arrival + 16*keyed.Day
						}
					}
					drop(t, s, z, key, l)
				})
			},
			"end": func(rt *rapid.T) { // all tickets that have ended go to the disk with the next checkpoint
				for _, key := range modelKeys {
					locked(s, tickets, key, func(z *slot, l *entry) { process(t, s, z, key, l, rules{}) })
				}
				s.AdvanceWatermark(at + spillAfter)
			},
			"forget": func(rt *rapid.T) {
				some(rt, func(z *slot, key, name string, l *entry) {
					ids[name] = nil
					delete(now.Keys, name)
					process(t, s, z, key, l, rules{})
					s.forget(z, key, l)
				})
			},
			"forget a position": func(rt *rapid.T) {
				source := sources.Draw(rt, "source")
				delete(now.Positions, source)
				s.ForgetPosition(source)
			},
			"checkpoint": func(rt *rapid.T) {
				covered, meanwhile := now.clone(), rapid.IntRange(0, 2).Draw(rt, "meanwhile")
				err := s.Checkpoint(func() error {
					for range meanwhile { // what comes while the sink flushes is not covered
						adding(rt)
						if source := sources.Draw(rt, "source"); rapid.Bool().Draw(rt, "forget") {
							delete(now.Positions, source)
							s.ForgetPosition(source)
						}
					}
					return nil
				})
				if err != nil {
					rt.Fatal(err)
				}
				durable = covered
			},
			"fail to flush": func(rt *rapid.T) {
				bad := errors.New("the disk is full")
				if err := s.Checkpoint(func() error { return bad }); !errors.Is(err, bad) {
					rt.Fatalf("got %v", err)
				}
			},
			"crash": func(rt *rapid.T) {
				rewrites += s.Size().Rewrites
				s = reopen(t, s, dir)
				now = durable.clone()
				if d := cmp.Diff(now, plainOf(t, s)); d != "" {
					rt.Fatalf("(-want +got):\n%s", d)
				}
				clear(ids)
				for name, h := range now.Keys {
					ids[name] = strings.Fields(strings.Trim(h.IDs, "[]"))
				}
			},
			"": func(rt *rapid.T) {
				if d := cmp.Diff(now, plainOf(t, s)); d != "" {
					rt.Fatalf("before any crash (-want +got):\n%s", d)
				}
				checkSize(t, s)
			},
		})
	})
	if rewrites == 0 {
		t.Error("no log was rewritten: the test shows too little")
	}
}

// checkSize compares the sums with what is there.
func checkSize(t testing.TB, s *Store) {
	t.Helper()
	kinds := map[string]KindSize{}
	for _, z := range s.kinds {
		kinds[z.kind.Name] = KindSize{}
	}
	s.each(func(z *slot, _ string, l *entry) {
		k := kinds[z.kind.Name]
		k.Bytes += int64(len(l.Block) + len(l.Value))
		if !l.Anonymous {
			k.Keys++
			if !l.Closed {
				k.Open++
			}
		}
		kinds[z.kind.Name] = k
	})
	for _, z := range s.kinds {
		k := kinds[z.kind.Name]
		for i := range z.spill.parts {
			p := &z.spill.parts[i]
			k.Tombstones += int64(len(p.tombstones))
			for _, f := range p.states {
				k.Spilled++
				k.SpilledBytes += int64(f.ref.Length)
			}
		}
		k.Keys += k.Spilled
		k.Bytes += k.SpilledBytes
		kinds[z.kind.Name] = k
	}
	got := s.Size()
	want := Size{Kinds: kinds, Log: got.Log, Rewrites: got.Rewrites}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("size (-want +got):\n%s", d)
	}
	bytes := int64(0)
	for _, k := range kinds {
		bytes += k.Bytes
	}
	if got.Bytes() != bytes {
		t.Errorf("%d bytes of all kinds, want %d", got.Bytes(), bytes)
	}
}

func TestEventsOfNoTicketAreNoTicket(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	add(t, s, "s", 1, inputOf(tickets, "a\x00", 1, 1), inputOf(tickets, "b\x00", 2, 1), inputOf(tickets, "a\x001", 3, 1))
	checkpoint(t, s)
	for _, when := range []string{"at once", "in the next process"} {
		if z := s.Size().Of("ticket"); z.Open != 1 || z.Keys != 1 {
			t.Errorf("%s: %d open tickets of %d, want 1 of 1", when, z.Open, z.Keys)
		}
		s = reopen(t, s, dir)
	}
	locked(s, tickets, "a\x00", func(z *slot, l *entry) { s.forget(z, "a\x00", l) })
	if z := s.Size().Of("ticket"); z.Open != 1 || z.Keys != 1 {
		t.Errorf("with one account less: %d open tickets of %d, want 1 of 1", z.Open, z.Keys)
	}
	s.Close()
}

// TestTheLogFollowsWhatIsHeldNotWhatHasPassed lets tickets begin, end and be forgotten, and keeps a
// few open.
func TestTheLogFollowsWhatIsHeldNotWhatHasPassed(t *testing.T) {
	const least, open1, passing = 64 << 10, 20, 20_000
	dir := t.TempDir()
	s := openAt(t, dir, least)
	for i := range open1 {
		add(t, s, "s", i, inputOf(tickets, fmt.Sprintf("a\x00open%d", i), i, keyed.Millis(i)))
	}
	largest := int64(0)
	for i := range passing {
		key, at := fmt.Sprintf("a\x00%d", i), keyed.Millis(i)
		add(t, s, "s", i, ending(key, i, at), inputOf(people, "a\x00w", i, at))
		locked(s, tickets, key, func(z *slot, l *entry) { drop(t, s, z, key, l) })
		locked(s, people, "a\x00w", func(z *slot, l *entry) {
			process(t, s, z, "a\x00w", l, replacing(inputOf(people, "a\x00w", i, at).Block))
		})
		if old := fmt.Sprintf("a\x00%d", i-50); i >= 50 { // a tombstone lasts for a while
			s.mu.Lock()
			s.mark(s.slotOf(tickets.ID), hashOf(old), "", 0, evidence.Counts{})
			s.mu.Unlock()
		}
		s.slotOf(tickets.ID).due.pop(at)
		s.slotOf(people.ID).due.pop(at)
		if i%100 == 99 {
			checkpoint(t, s)
			largest = max(largest, s.Size().Log)
		}
	}
	size := s.Size()
	if z := size.Of("ticket"); z.Keys != open1 || z.Open != open1 || z.Tombstones != 50 || size.Rewrites < 5 {
		t.Errorf("the store holds %+v", size)
	}
	if most := 2*max(least, 3*s.kept()) + 64<<10; largest > most {
		t.Errorf("the log grew to %d bytes, want %d at most; %d are held", largest, most, s.kept())
	}
	before := plainOf(t, s)
	s = reopen(t, s, dir)
	defer s.Close()
	if d := cmp.Diff(before, plainOf(t, s)); d != "" {
		t.Errorf("after the end (-want +got):\n%s", d)
	}
}

func TestAStoreServesOneSinkAndOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, _, err := Open(optionsOf(dir, Sink{"1", "sink"}, 0)); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("while it is open: %v", err)
	}
	add(t, s, "s", 1, inputOf(tickets, "a\x001", 1, 1))
	checkpoint(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, other := range []Sink{{"2", "other"}, {"2", "sink"}} {
		if _, _, err := Open(optionsOf(dir, other, 0)); !errors.Is(err, ErrSink) || !strings.Contains(err.Error(), other.Name) {
			t.Errorf("for another sink: %v", err)
		}
	}
	if moved, _, err := Open(optionsOf(dir, Sink{"1", "moved"}, 0)); err != nil {
		t.Errorf("for the same sink at another place: %v", err)
	} else {
		moved.Close()
	}
	s = open(t, dir) // it is free again
	defer s.Close()
	if s.lock(s.slotOf(tickets.ID), "a\x001") == nil {
		t.Error("what was kept is not there")
	}
}

func TestAStoreIsQuietOnceTheRowsOfEverythingAreInTheSink(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		s := open(t, dir)
		quiet := func(want bool, when string) {
			t.Helper()
			if s.Quiet() != want {
				t.Errorf("%s the store is quiet: %t", when, !want)
			}
		}
		quiet(true, "at first")
		if woken, _ := add(t, s, "s", 1, inputOf(tickets, "a\x001", 1, 1), inputOf(tickets, "a\x001", 2, 2), inputOf(people, "a\x001", 1, 1)); woken != 2 {
			t.Errorf("%d keys were woken", woken)
		}
		if woken, _ := add(t, s, "s", 2, inputOf(tickets, "a\x001", 3, 3)); woken != 0 {
			t.Error("a key that waits was woken again")
		}
		quiet(false, "with two keys to process")
		locked(s, tickets, "a\x001", func(z *slot, l *entry) {
			process(t, s, z, "a\x001", l, rules{})
			process(t, s, z, "a\x001", l, rules{}) // counts once
		})
		quiet(false, "with one key to process")
		work(s, people, rules{func(_ *keyed.State, out *keyed.Output) (keyed.Millis, error) {
			out.Changes = append(out.Changes, 1)
			return keyed.None, nil
		}})
		written := false
		processDue(t, s, 10, func([]byte) {
			written = true
			quiet(false, "while rows are on their way to the sink")
		})
		if !written {
			t.Error("nothing was written")
		}
		quiet(true, "at the end")
		if dir == "" {
			continue
		}
		checkpoint(t, s)
		s = reopen(t, s, dir)
		quiet(false, "in the next process, which processes all keys anew,")
		s.Close()
	}
}

func TestADroppedKeyRefusesWhatComesLater(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	add(t, s, "s", 1, inputOf(tickets, "a\x001", 1, 1))
	locked(s, tickets, "a\x001", func(z *slot, l *entry) { drop(t, s, z, "a\x001", l) })
	for range 2 {
		if woken, late := add(t, s, "s", 2, inputOf(tickets, "a\x001", 2, 2)); woken != 0 || late != 1 {
			t.Errorf("%d keys were woken, %d inputs late", woken, late)
		}
		checkpoint(t, s)
		s = reopen(t, s, dir)
		if !s.Quiet() {
			t.Error("a tombstone waits to be processed")
		}
	}
	s.Close()
}

// The positions of a stream that reshards are as many as its shards; the log must not grow with all
// that there ever were.
func TestAForgottenPositionLeavesNothing(t *testing.T) {
	for _, rewritten := range []bool{false, true} {
		t.Run(fmt.Sprintf("rewritten %t", rewritten), func(t *testing.T) {
			dir := t.TempDir()
			s := openAt(t, dir, 1<<40)
			for i := range 1000 {
				add(t, s, fmt.Sprint("s", i), i)
			}
			checkpoint(t, s)
			for i := range 999 {
				s.ForgetPosition(fmt.Sprint("s", i))
			}
			s.ForgetPosition("of no source")
			if rewritten {
				s.disk.(*statedisk.Log).MinSnapshot = 1
			}
			checkpoint(t, s)
			if log := s.Size().Log; rewritten && log > 3000 {
				t.Errorf("%d bytes of log hold one position", log)
			}
			want := map[string][]byte{"s999": []byte("999")}
			for _, when := range []string{"at once", "in the next process"} {
				if d := cmp.Diff(want, s.Positions()); d != "" {
					t.Errorf("%s (-want +got):\n%s", when, d)
				}
				s = reopen(t, s, dir)
			}
			add(t, s, "s0", 1)
			s.ForgetPosition("s0")
			add(t, s, "s0", 2) // it is there again
			checkpoint(t, s)
			s = reopen(t, s, dir)
			defer s.Close()
			if p := string(s.Positions()["s0"]); p != "2" {
				t.Errorf("a position that was added anew is %q", p)
			}
		})
	}
}

func TestAPositionThatWasSetByItselfIsKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	s.SetPosition("s", []byte("7"))
	if p := string(s.Positions()["s"]); p != "7" {
		t.Errorf("at once it is %q", p)
	}
	checkpoint(t, s)
	s = reopen(t, s, dir)
	defer s.Close()
	if p := string(s.Positions()["s"]); p != "7" || !s.Quiet() {
		t.Errorf("in the next process it is %q, quiet %t", p, s.Quiet())
	}
}

// What is behind the position is written before the position moves: a crash in between reads it again.
func TestThePositionMovesOnceRefusedEventsWereToldOf(t *testing.T) {
	s := open(t, "")
	add(t, s, "s", 1, inputOf(tickets, "a\x001", 1, 1))
	locked(s, tickets, "a\x001", func(z *slot, l *entry) { drop(t, s, z, "a\x001", l) })
	told := false
	refused := inputOf(tickets, "a\x001", 2, 2)
	err := s.Add(batchOf("s", 2, refused), func(keyed.Millis) {}, func(in *keyed.Input, events []int) {
		told = true
		if d := cmp.Diff([]int{0}, events); d != "" || in.Key != refused.Key || len(in.Events) != 1 {
			t.Errorf("told of %+v: %s", in, d)
		}
		if p := string(s.Positions()["s"]); p != "1" {
			t.Errorf("the position is %s already", p)
		}
	})
	if err != nil || !told || string(s.Positions()["s"]) != "2" {
		t.Errorf("%v, told %t, the position is %s", err, told, s.Positions()["s"])
	}
}

func TestATimerIsSetForWhatAnEarlierProcessLeft(t *testing.T) {
	for _, dropped := range []bool{false, true} {
		dir := t.TempDir()
		s := open(t, dir)
		add(t, s, "s", 1, inputOf(tickets, "a\x001", 1, 7))
		if dropped {
			locked(s, tickets, "a\x001", func(z *slot, l *entry) { drop(t, s, z, "a\x001", l) })
		}
		checkpoint(t, s)
		s = reopen(t, s, dir)
		if d := cmp.Diff([]keyed.Millis{7}, s.Times()); d != "" {
			t.Errorf("times (-want +got):\n%s", d)
		}
		want := []string{"a\x001"}
		if dropped {
			want = nil
		}
		if d := cmp.Diff(want, s.slotOf(tickets.ID).due.pop(7)); d != "" {
			t.Errorf("due (-want +got):\n%s", d)
		}
		s.Close()
	}
}

// TestNothingIsLostBetweenGoroutines adds from two goroutines while others process, replace, drop and
// checkpoint.
func TestNothingIsLostBetweenGoroutines(t *testing.T) {
	const batches, keys = 2000, 40
	dir := t.TempDir()
	s := openAt(t, dir, 4<<10)
	var adding, others sync.WaitGroup
	keyOf := func(i int) string { return fmt.Sprintf("a\x00%d", i%keys) }
	for source := range 2 {
		adding.Go(func() {
			for i := range batches {
				for deadline := time.Now().Add(time.Minute); i == batches/2 && s.Size().Rewrites == 0 && time.Now().Before(deadline); {
					runtime.Gosched() // the log is rewritten while events come
				}
				n := 2*i + source
				at := keyed.Millis(n)
				add(t, s, fmt.Sprint("s", source), i, inputOf(tickets, keyOf(n), n, at), inputOf(people, keyOf(n*7), n, at),
					inputOf(tickets, fmt.Sprintf("b\x00%d", n), n, at))
			}
		})
	}
	stop := make(chan struct{})
	loop := func(f func(i int)) {
		others.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					f(i)
				}
			}
		})
	}
	loop(func(i int) { // folds that let go of nothing
		locked(s, tickets, keyOf(i), func(z *slot, l *entry) { process(t, s, z, keyOf(i), l, rules{}) })
	})
	loop(func(i int) { // folds that put all that they have in other words
		key := keyOf(i)
		locked(s, people, key, func(z *slot, l *entry) { process(t, s, z, key, l, replacing(slices.Clone(l.Block))) })
	})
	loop(func(i int) { // tickets that come and go
		key := fmt.Sprintf("b\x00%d", i%(2*batches))
		locked(s, tickets, key, func(z *slot, l *entry) {
			if i%2 == 0 {
				process(t, s, z, key, l, rules{})
				s.forget(z, key, l)
			} else {
				drop(t, s, z, key, l)
			}
		})
	})
	loop(func(int) { checkpoint(t, s) })
	loop(func(int) {
		s.Size()
		s.Quiet()
		s.Times()
	})
	adding.Wait()
	close(stop)
	others.Wait()
	checkpoint(t, s)
	check := func(when string) {
		t.Helper()
		got := map[string]map[string]bool{}
		s.each(func(z *slot, key string, l *entry) {
			if key[0] == 'a' {
				m := map[string]bool{}
				for _, id := range idsOf(t, l.Block) {
					m[id] = true
				}
				got[nameOf(z.kind, key)] = m
			}
		})
		want := map[string]map[string]bool{}
		for n := range 2 * batches {
			for _, name := range []string{nameOf(tickets, keyOf(n)), nameOf(people, keyOf(n*7))} {
				if want[name] == nil {
					want[name] = map[string]bool{}
				}
				want[name]["EV"+strconv.Itoa(n)] = true
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%.2000s", when, d)
		}
		for source := range 2 {
			if p := string(s.Positions()[fmt.Sprint("s", source)]); p != strconv.Itoa(batches-1) {
				t.Errorf("%s source %d is read up to %s", when, source, p)
			}
		}
		checkSize(t, s)
	}
	check("at the end")
	if s.Size().Rewrites == 0 {
		t.Error("no log was rewritten: the test shows too little")
	}
	s = reopen(t, s, dir)
	defer s.Close()
	check("in the next process")
}

func FuzzRestoreRefusesWhatNoStoreWrote(f *testing.F) {
	in := inputOf(people, "a\x0012", 1, 5)
	l := newEntry()
	l.Block, l.Arrival, l.Bound, l.AsOf, l.Closed = in.Block, 5, 3, 4, true
	l.Buckets = []keyed.Bucket{{Hour: 1, Newest: 2}}
	ticket := inputOf(tickets, "a\x0012", 2, 6)
	h := hashOf("a\x0012")
	head := appendHead(nil, tickets, h, spilled{expires: 5, until: 6})
	state := statedisk.Change{Op: statedisk.Put, Key: stateKey(people, "a\x0012"), Value: appendState(nil, &l.State)}
	input := statedisk.Change{Op: statedisk.Append, Key: stateKey(people, "a\x0012"), Value: appendInput(nil, &in)}
	changes := []statedisk.Change{
		{Op: statedisk.Put, Key: layoutKey(0), Value: []byte(model.Layout())},
		{Op: statedisk.Put, Key: ownerKey, Value: appendOwner(nil, Sink{"1", "sink"}, 0)},
		{Op: statedisk.Put, Key: positionKey("s"), Value: []byte("7")},
		{Op: statedisk.Delete, Key: positionKey("s")},
		{Op: statedisk.Append, Key: stateKey(tickets, "a\x0012"), Value: appendInput(nil, &ticket)},
		{Op: statedisk.Delete, Key: stateKey(tickets, "a\x0012")},
		{Op: statedisk.Spill, Key: head, Value: appendSpilled(nil, "a\x0012", &l.State)},
		{Op: statedisk.Put, Key: tombstoneKey(tickets, h), Value: appendTime(nil, 5)},
		{Op: statedisk.Delete, Key: tombstoneKey(tickets, h)},
		{Op: statedisk.Put, Key: []byte{'?'}},
		state, input,
	}
	seed := func(a, b statedisk.Change) { f.Add(byte(a.Op), a.Key, a.Value, byte(b.Op), b.Key, b.Value) }
	short := func(b []byte) []byte { return b[:max(len(b)-1, 0)] }
	for _, c := range changes {
		seed(c, state)
		seed(changes[0], c)
		seed(statedisk.Change{Op: c.Op, Key: c.Key, Value: short(c.Value)}, input)
		seed(statedisk.Change{Op: c.Op, Key: short(c.Key), Value: c.Value}, input)
	}
	for _, entry := range entriesOfVersion2() {
		seed(statedisk.Change{Value: entry}, state)
		seed(statedisk.Change{Value: short(entry)}, input)
		seed(statedisk.Change{Value: ownerOfVersion2()}, statedisk.Change{Value: entry})
	}
	// An input without events, and a state to which nothing was added.
	seed(statedisk.Change{Value: []byte("B\x010\x010\n\x0000\x00")}, state)
	seed(statedisk.Change{Op: statedisk.Put, Key: stateKey(people, "a\x0012"), Value: appendState(nil, keyed.NewState())}, state)
	f.Fuzz(func(t *testing.T, op1 byte, key1, value1 []byte, op2 byte, key2, value2 []byte) {
		s := open(t, "")
		release := func(r statedisk.Ref) {
			var b statedisk.Batch
			b.Release(r)
			commit(s.disk, &b)
		}
		fine := func(err error) bool {
			return err == nil || errors.Is(err, keyed.ErrCorrupt) || errors.Is(err, event.ErrCorrupt) || errors.Is(err, ErrVersion)
		}
		for _, c := range []statedisk.Change{{Op: statedisk.Op(op1), Key: key1, Value: value1}, {Op: statedisk.Op(op2), Key: key2, Value: value2}} {
			if c.Op == statedisk.Older && len(c.Value) == 0 { // the journal has none
				continue
			}
			if c.Op == statedisk.Spill {
				var b statedisk.Batch
				b.Spill(c.Key, c.Value)
				refs, err := s.disk.Commit(&b)
				if err != nil {
					t.Fatal(err)
				}
				c.Value, c.Ref = nil, refs[0]
			}
			err := s.restore(c, release)
			if errors.Is(err, errBad) { // the rules refuse values: no store opens behind that
				return
			}
			if !fine(err) {
				t.Fatal(err)
			}
		}
		if err := s.addDeferred(); !fine(err) {
			t.Fatal(err)
		}
		checkSize(t, s)
		s.begin(Sink{"1", "sink"})
		again := open(t, "") // what came back can be kept and comes back again
		for c := range s.records() {
			if err := again.restore(c, none); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(s.Size(), again.Size()); d != "" {
			t.Errorf("(-first +again):\n%s", d)
		}
	})
}
