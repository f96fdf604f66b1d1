package keyed

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
	"flexbeam/schemas/event"
)

// open opens a store of the sink "sink".
func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, _, err := OpenStore(dir, Sink{"1", "sink"})
	if err != nil {
		t.Fatal(err)
	}
	if dir == "" {
		t.Cleanup(func() { s.Close() })
	}
	return s
}

// rewritesFrom makes logs worth rewriting from a size on, during a test.
func rewritesFrom(t testing.TB, bytes int64) {
	before := minRewrite
	minRewrite = bytes
	t.Cleanup(func() { minRewrite = before })
}

// parcelOf returns a parcel of one event.
func parcelOf(kind Kind, key string, id int, arrival int64) Parcel {
	e := event.Event{ID: "EV" + strconv.Itoa(id), Time: arrival, Kind: event.TaskUpdated, InPreviousForMS: event.None, QueueEnteredAt: event.None}
	part, newest := event.TaskPart, int64(event.None)
	if kind == Worker {
		e.Kind, part, newest = event.WorkerActivityUpdate, event.WorkerPart, arrival
	}
	var b event.Builder
	b.Add(&e, part)
	return Parcel{Kind: kind, Key: key, Block: b.Append(nil), Arrival: arrival, Newest: newest, Oldest: newest}
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

// add adds parcels and returns how many keys were woken and how many parcels were late.
func add(t testing.TB, s *Store, source string, position int, parcels ...Parcel) (woken, late int) {
	t.Helper()
	err := s.Add(source, []byte(strconv.Itoa(position)), parcels, func(Kind, int64) { woken++ }, func(int, []int) { late++ })
	if err != nil {
		t.Fatal(err)
	}
	return woken, late
}

// locked calls f with the locked state of a key.
func locked(s *Store, kind Kind, key string, f func(l *Live)) {
	if l := s.Lock(kind, key); l != nil {
		defer l.Unlock()
		f(l)
	}
}

// fold does as if a locked state was folded and its rows were in the sink.
func fold(s *Store, l *Live) {
	if s.Folded(l) {
		s.Done(1)
	}
}

func keep(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Keep(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// held is what a key of the model holds.
type held struct {
	IDs     string // of its events, in order
	Arrival int64
}

// a plain model of a store: states by kind and key, how long there are markers by key, and the positions.
type plain struct {
	Keys      map[string]held
	Markers   map[string]int64
	Positions map[string]string
}

func newPlain() plain { return plain{map[string]held{}, map[string]int64{}, map[string]string{}} }

func (p plain) clone() plain {
	return plain{maps.Clone(p.Keys), maps.Clone(p.Markers), maps.Clone(p.Positions)}
}

var modelKeys = []string{"a\x00", "a\x001", "a\x002", "b\x001"}

// plainOf returns what a store holds.
func plainOf(t testing.TB, s *Store) plain {
	p := newPlain()
	for source, b := range s.Positions() {
		p.Positions[source] = string(b)
	}
	s.each(func(kind Kind, key string, l *Live) {
		p.Keys[fmt.Sprint(kind, key)] = held{fmt.Sprint(idsOf(t, l.Blocks)), l.Arrival}
	})
	_, refs := s.endedEntries()
	for _, ref := range refs {
		record, err := s.scratch.Get(ref, nil)
		if err != nil {
			t.Fatal(err)
		}
		key, l, err := readFrozen(record)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.Keys[fmt.Sprint(Task, key)]; ok {
			t.Errorf("%q is in memory and on disk", key)
		}
		p.Keys[fmt.Sprint(Task, key)] = held{fmt.Sprint(idsOf(t, l.Blocks)), l.Arrival}
	}
	for _, key := range modelKeys {
		if until, _ := s.ended.look(hashOf(key)); until != 0 {
			p.Markers[key] = until
		}
	}
	return p
}

// TestAfterACrashTheStoreIsWhatTheLastKeepCovered runs random histories of a store, over processes that end at any moment, against
// a plain model. Logs are rewritten all the time.
func TestAfterACrashTheStoreIsWhatTheLastKeepCovered(t *testing.T) {
	rewritesFrom(t, 600)
	rewrites := int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "flexbeam-store-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := open(t, dir)
		defer func() {
			rewrites += s.Size().Rewrites
			s.Close()
		}()
		now := newPlain()
		ids := map[string][]string{} // of the model's keys
		durable := now.clone()
		n, at := 0, int64(1_000_000)
		kinds, keys, sources := rapid.SampledFrom([]Kind{Task, Worker}), rapid.SampledFrom(modelKeys), rapid.SampledFrom([]string{"s1", "s2"})
		some := func(rt *rapid.T, f func(kind Kind, key, name string, l *Live)) {
			kind, key := kinds.Draw(rt, "kind"), keys.Draw(rt, "key")
			locked(s, kind, key, func(l *Live) { f(kind, key, fmt.Sprint(kind, key), l) })
		}
		adding := func(rt *rapid.T) {
			source := sources.Draw(rt, "source")
			var parcels []Parcel
			for range rapid.IntRange(0, 3).Draw(rt, "parcels") {
				n++
				at += 10
				p := parcelOf(kinds.Draw(rt, "kind"), keys.Draw(rt, "key"), n, at)
				p.Ended = rapid.Bool().Draw(rt, "ended")
				parcels = append(parcels, p)
				name := fmt.Sprint(p.Kind, p.Key)
				if p.Kind == Task && now.Markers[p.Key] != 0 {
					continue
				}
				ids[name] = append(ids[name], "EV"+strconv.Itoa(n))
				now.Keys[name] = held{fmt.Sprint(ids[name]), at}
			}
			now.Positions[source] = strconv.Itoa(n)
			add(t, s, source, n, parcels...)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"add": adding, "add more": adding,
			"replace": func(rt *rapid.T) {
				some(rt, func(kind Kind, key, name string, l *Live) {
					n++
					ids[name] = []string{"EV" + strconv.Itoa(n)}
					now.Keys[name] = held{fmt.Sprint(ids[name]), l.Arrival}
					s.Replace(kind, key, l, parcelOf(kind, key, n, at).Block)
				})
			},
			"churn": func(rt *rapid.T) { // much comes and goes, little stays
				kind, key := kinds.Draw(rt, "kind"), keys.Draw(rt, "key")
				name := fmt.Sprint(kind, key)
				for range 40 {
					n++
					at += 10
					if p := parcelOf(kind, key, n, at); kind == Worker || now.Markers[key] == 0 {
						now.Keys[name] = held{fmt.Sprint([]string{"EV" + strconv.Itoa(n)}), at}
						ids[name] = []string{"EV" + strconv.Itoa(n)}
						add(t, s, "s1", n, p)
						locked(s, kind, key, func(l *Live) { s.Replace(kind, key, l, p.Block) })
						now.Positions["s1"] = strconv.Itoa(n)
					}
				}
			},
			"drop": func(rt *rapid.T) {
				some(rt, func(kind Kind, key, name string, l *Live) {
					if kind != Task {
						return
					}
					ids[name] = nil
					delete(now.Keys, name)
					now.Markers[key] = l.Expires() + GoneFor
					fold(s, l)
					s.drop(key, l)
				})
			},
			"end": func(rt *rapid.T) { // all tasks that have ended go to the disk with the next Keep
				for _, key := range modelKeys {
					locked(s, Task, key, func(l *Live) {
						fold(s, l)
						s.Settles(key, l)
					})
				}
				s.pass(at + settleFor)
			},
			"forget": func(rt *rapid.T) {
				some(rt, func(kind Kind, key, name string, l *Live) {
					ids[name] = nil
					delete(now.Keys, name)
					fold(s, l)
					s.forget(kind, key, l)
				})
			},
			"forget a position": func(rt *rapid.T) {
				source := sources.Draw(rt, "source")
				delete(now.Positions, source)
				s.ForgetPosition(source)
			},
			"keep": func(rt *rapid.T) {
				covered, meanwhile := now.clone(), rapid.IntRange(0, 2).Draw(rt, "meanwhile")
				err := s.Keep(func() error {
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
				if err := s.Keep(func() error { return bad }); !errors.Is(err, bad) {
					rt.Fatalf("got %v", err)
				}
			},
			"crash": func(rt *rapid.T) {
				rewrites += s.Size().Rewrites
				s.Close()
				s = open(t, dir)
				now = durable.clone()
				got := plainOf(t, s)
				if d := cmp.Diff(now, got); d != "" {
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
	want, got := Size{}, s.Size()
	s.each(func(kind Kind, key string, l *Live) {
		switch {
		case kind == Worker:
			want.Workers++
			want.WorkerBytes += int64(len(l.Blocks))
		default:
			want.TaskBytes += int64(len(l.Blocks))
			if nameless(key) {
				break
			}
			want.Tasks++
			if !l.Closed {
				want.Open++
			}
		}
	})
	for i := range s.ended.parts {
		p := &s.ended.parts[i]
		want.Markers += int64(len(p.markers))
		for _, f := range p.frozen {
			want.Frozen++
			want.FrozenBytes += int64(f.ref.Len())
		}
	}
	want.Tasks += want.Frozen
	want.TaskBytes += want.FrozenBytes
	want.Log, want.Rewrites = got.Log, got.Rewrites
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("size (-want +got):\n%s", d)
	}
}

func TestEventsOfNoTaskAreNoTask(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	add(t, s, "s", 1, parcelOf(Task, "a\x00", 1, 1), parcelOf(Task, "b\x00", 2, 1), parcelOf(Task, "a\x001", 3, 1))
	keep(t, s)
	for _, when := range []string{"at once", "in the next process"} {
		if z := s.Size(); z.Open != 1 || z.Tasks != 1 {
			t.Errorf("%s: %d open tasks of %d, want 1 of 1", when, z.Open, z.Tasks)
		}
		s.Close()
		s = open(t, dir)
	}
	locked(s, Task, "a\x00", func(l *Live) { s.forget(Task, "a\x00", l) })
	if z := s.Size(); z.Open != 1 || z.Tasks != 1 {
		t.Errorf("with one account less: %d open tasks of %d, want 1 of 1", z.Open, z.Tasks)
	}
	s.Close()
}

// TestTheLogFollowsWhatIsHeldNotWhatHasPassed lets tasks begin, end and be forgotten, and keeps a few open.
func TestTheLogFollowsWhatIsHeldNotWhatHasPassed(t *testing.T) {
	const least, open1, passing = 64 << 10, 20, 20_000
	rewritesFrom(t, least)
	dir := t.TempDir()
	s := open(t, dir)
	for i := range open1 {
		add(t, s, "s", i, parcelOf(Task, fmt.Sprintf("a\x00open%d", i), i, int64(i)))
	}
	largest := int64(0)
	for i := range passing {
		key := fmt.Sprintf("a\x00%d", i)
		ended := parcelOf(Task, key, i, int64(i))
		ended.Ended = true
		add(t, s, "s", i, ended, parcelOf(Worker, "a\x00w", i, int64(i)))
		locked(s, Task, key, func(l *Live) {
			fold(s, l)
			s.drop(key, l)
		})
		locked(s, Worker, "a\x00w", func(l *Live) { s.Replace(Worker, "a\x00w", l, parcelOf(Worker, "a\x00w", i, int64(i)).Block) })
		if old := fmt.Sprintf("a\x00%d", i-50); i >= 50 { // a marker lasts for a while
			s.mu.Lock()
			s.mark(hashOf(old), "", 0)
			s.mu.Unlock()
		}
		if i%100 == 99 {
			keep(t, s)
			largest = max(largest, s.Size().Log)
		}
	}
	z := s.Size()
	if z.Tasks != open1 || z.Open != open1 || z.Markers != 50 || z.Rewrites < 5 {
		t.Errorf("the store holds %+v", z)
	}
	if most := 2*max(least, 3*z.kept()) + 64<<10; largest > most {
		t.Errorf("the log grew to %d bytes, want %d at most; %d are held", largest, most, z.kept())
	}
	before := plainOf(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	if d := cmp.Diff(before, plainOf(t, s)); d != "" {
		t.Errorf("after the end (-want +got):\n%s", d)
	}
}

func TestAStoreServesOneSinkAndOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, _, err := OpenStore(dir, Sink{"1", "sink"}); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("while it is open: %v", err)
	}
	add(t, s, "s", 1, parcelOf(Task, "a\x001", 1, 1))
	keep(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, other := range []Sink{{"2", "other"}, {"2", "sink"}} {
		if _, _, err := OpenStore(dir, other); !errors.Is(err, ErrSink) || !strings.Contains(err.Error(), other.Name) {
			t.Errorf("for another sink: %v", err)
		}
	}
	if moved, _, err := OpenStore(dir, Sink{"1", "moved"}); err != nil {
		t.Errorf("for the same sink at another place: %v", err)
	} else {
		moved.Close()
	}
	s = open(t, dir) // it is free again
	defer s.Close()
	if _, ok := s.Has(Task, "a\x001"); !ok {
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
		if woken, _ := add(t, s, "s", 1, parcelOf(Task, "a\x001", 1, 1), parcelOf(Task, "a\x001", 2, 2), parcelOf(Worker, "a\x001", 1, 1)); woken != 2 {
			t.Errorf("%d keys were woken", woken)
		}
		if woken, _ := add(t, s, "s", 2, parcelOf(Task, "a\x001", 3, 3)); woken != 0 {
			t.Error("a key that waits was woken again")
		}
		quiet(false, "with two keys to fold")
		locked(s, Task, "a\x001", func(l *Live) {
			fold(s, l)
			fold(s, l) // counts once
		})
		quiet(false, "with one key to fold")
		locked(s, Worker, "a\x001", func(l *Live) { s.Folded(l) })
		quiet(false, "while rows are on their way to the sink")
		s.Done(1)
		quiet(true, "at the end")
		if dir == "" {
			continue
		}
		keep(t, s)
		s.Close()
		s = open(t, dir)
		quiet(false, "in the next process, which folds all keys anew,")
		s.Close()
	}
}

func TestADroppedKeyRefusesWhatComesLater(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	add(t, s, "s", 1, parcelOf(Task, "a\x001", 1, 1))
	locked(s, Task, "a\x001", func(l *Live) {
		fold(s, l)
		s.drop("a\x001", l)
	})
	for range 2 {
		if woken, late := add(t, s, "s", 2, parcelOf(Task, "a\x001", 2, 2)); woken != 0 || late != 1 {
			t.Errorf("%d keys were woken, %d parcels late", woken, late)
		}
		keep(t, s)
		s.Close()
		s = open(t, dir)
		if !s.Quiet() {
			t.Error("a marker waits for a fold")
		}
	}
	s.Close()
}

// The positions of a stream that reshards are as many as its shards; the log must not grow with all that there ever were.
func TestAForgottenPositionLeavesNothing(t *testing.T) {
	for _, rewritten := range []bool{false, true} {
		t.Run(fmt.Sprintf("rewritten %t", rewritten), func(t *testing.T) {
			rewritesFrom(t, 1<<40)
			dir := t.TempDir()
			s := open(t, dir)
			for i := range 1000 {
				add(t, s, fmt.Sprint("s", i), i)
			}
			keep(t, s)
			for i := range 999 {
				s.ForgetPosition(fmt.Sprint("s", i))
			}
			s.ForgetPosition("of no source")
			if rewritten {
				minRewrite = 0
			}
			keep(t, s)
			if log := s.Size().Log; rewritten && log > 1000 {
				t.Errorf("%d bytes of log hold one position", log)
			}
			want := map[string][]byte{"s999": []byte("999")}
			for _, when := range []string{"at once", "in the next process"} {
				if d := cmp.Diff(want, s.Positions()); d != "" {
					t.Errorf("%s (-want +got):\n%s", when, d)
				}
				s.Close()
				s = open(t, dir)
			}
			add(t, s, "s0", 1)
			s.ForgetPosition("s0")
			add(t, s, "s0", 2) // it is there again
			keep(t, s)
			s.Close()
			s = open(t, dir)
			defer s.Close()
			if p := string(s.Positions()["s0"]); p != "2" {
				t.Errorf("a position that was added anew is %q", p)
			}
		})
	}
}

// What is behind the position is written before the position moves: a crash in between reads it again.
func TestThePositionMovesOnceRefusedEventsWereToldOf(t *testing.T) {
	s := open(t, "")
	add(t, s, "s", 1, parcelOf(Task, "a\x001", 1, 1))
	locked(s, Task, "a\x001", func(l *Live) { s.drop("a\x001", l) })
	told := false
	err := s.Add("s", []byte("2"), []Parcel{parcelOf(Task, "a\x001", 2, 2)}, func(Kind, int64) {}, func(int, []int) {
		told = true
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
		add(t, s, "s", 1, parcelOf(Task, "a\x001", 1, 7))
		if dropped {
			locked(s, Task, "a\x001", func(l *Live) {
				fold(s, l)
				s.drop("a\x001", l)
			})
		}
		keep(t, s)
		s.Close()
		s = open(t, dir)
		for kind := range numKinds {
			if d := cmp.Diff([]int64{7}, s.Times(kind)); d != "" {
				t.Errorf("times of %s (-want +got):\n%s", kind, d)
			}
		}
		want := []string{"a\x001"}
		if dropped {
			want = nil
		}
		if d := cmp.Diff(want, s.Due(Task, 7)); d != "" {
			t.Errorf("due (-want +got):\n%s", d)
		}
		s.Close()
	}
}

// TestNothingIsLostBetweenGoroutines adds from two goroutines while others fold, replace, drop and keep.
func TestNothingIsLostBetweenGoroutines(t *testing.T) {
	const batches, keys = 2000, 40
	rewritesFrom(t, 4<<10)
	dir := t.TempDir()
	s := open(t, dir)
	var adding, others sync.WaitGroup
	keyOf := func(i int) string { return fmt.Sprintf("a\x00%d", i%keys) }
	for source := range 2 {
		adding.Go(func() {
			for i := range batches {
				for deadline := time.Now().Add(time.Minute); i == batches/2 && s.Size().Rewrites == 0 && time.Now().Before(deadline); {
					runtime.Gosched() // the log is rewritten while events come
				}
				n := 2*i + source
				add(t, s, fmt.Sprint("s", source), i, parcelOf(Task, keyOf(n), n, int64(n)), parcelOf(Worker, keyOf(n*7), n, int64(n)),
					parcelOf(Task, fmt.Sprintf("b\x00%d", n), n, int64(n)))
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
		locked(s, Task, keyOf(i), func(l *Live) {
			fold(s, l)
		})
	})
	loop(func(i int) { // folds that put all that they have in other words
		key := keyOf(i)
		locked(s, Worker, key, func(l *Live) {
			fold(s, l)
			s.Replace(Worker, key, l, slices.Clone(l.Blocks))
		})
	})
	loop(func(i int) { // tasks that come and go
		key := fmt.Sprintf("b\x00%d", i%(2*batches))
		locked(s, Task, key, func(l *Live) {
			fold(s, l)
			if i%2 == 0 {
				s.forget(Task, key, l)
			} else {
				s.drop(key, l)
			}
		})
	})
	loop(func(int) { keep(t, s) })
	loop(func(int) {
		s.Size()
		s.Quiet()
		s.Times(Task)
	})
	adding.Wait()
	close(stop)
	others.Wait()
	keep(t, s)
	check := func(when string) {
		t.Helper()
		got := map[string]map[string]bool{}
		s.each(func(kind Kind, key string, l *Live) {
			if key[0] == 'a' {
				m := map[string]bool{}
				for _, id := range idsOf(t, l.Blocks) {
					m[id] = true
				}
				got[fmt.Sprint(kind, key)] = m
			}
		})
		want := map[string]map[string]bool{}
		for n := range 2 * batches {
			for _, name := range []string{fmt.Sprint(Task, keyOf(n)), fmt.Sprint(Worker, keyOf(n*7))} {
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
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	check("in the next process")
}

func FuzzReplayRefusesWhatNoStoreWrote(f *testing.F) {
	p := parcelOf(Worker, "a\x001", 1, 5)
	l := newLive(Worker, "a\x001")
	l.add(p)
	l.Bound, l.AsOf, l.Closed = 3, 4, true
	batch := appendParcel(appendParcel(beginBatch(nil, "s", []byte("7")), p), parcelOf(Task, "a\x001", 2, 6))
	state := appendLive(nil, Worker, "a\x001", l)
	frozen := appendFrozen([]byte{entryFrozen}, "a\x001", l)
	marker := appendMarker(nil, hashOf("a\x001"), "a\x001", 5)
	for _, entry := range [][]byte{appendOwner(nil, Sink{"1", "sink"}), batch, state, frozen, marker, appendForget(nil, Task, "a\x001"), appendOver(nil, "s"), {'X'}} {
		f.Add(entry, state)
		f.Add(entry[:len(entry)-1], batch)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := open(t, "")
		for _, entry := range [][]byte{first, second} {
			if len(entry) == 0 { // the journal has none
				continue
			}
			if err := s.replay(entry); err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
		}
		checkSize(t, s)
		again := open(t, "") // what came back can be kept and comes back again
		if err := s.snapshot().entries(again.replay); err != nil {
			t.Fatal(err)
		}
		s.unpin()
		if d := cmp.Diff(s.Size(), again.Size()); d != "" {
			t.Errorf("(-first +again):\n%s", d)
		}
	})
}
