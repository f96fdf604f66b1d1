package sdkstreams

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The runner is told the last value of each state, before it is told that the bundle has ended.
func TestTheWritesOfABundleAreMadeAtItsEnd(t *testing.T) {
	w := newWorld(t, mostKept)
	w.begin("1", "")
	for i := range 3 {
		if got := w.get("1", "a"); i == 0 && got != "" || i > 0 && got != fmt.Sprint("value", i-1) {
			t.Errorf("read %q at the %dth time", got, i)
		}
		w.set("1", "a", fmt.Sprint("value", i))
	}
	w.clear("1", "b")
	if d := cmp.Diff([]string{"get a"}, w.asks()); d != "" {
		t.Errorf("requests within the bundle (-want +got):\n%s", d)
	}
	if failure := w.end("1", ""); failure != "" {
		t.Fatal(failure)
	}
	got := w.asks()
	slices.Sort(got)
	// The runner has said that it holds nothing for a; of b it is not known.
	if d := cmp.Diff([]string{"append a value2", "clear b"}, got); d != "" {
		t.Errorf("requests at its end (-want +got):\n%s", d)
	}
}

// A bundle that fails has written nothing, and one whose states the runner does not take has failed.
func TestABundleFailsWithItsStates(t *testing.T) {
	w := newWorld(t, mostKept)
	w.begin("1", "token")
	w.set("1", "a", "old")
	if failure := w.end("1", ""); failure != "" {
		t.Fatal(failure)
	}
	w.asks()
	w.begin("2", "token")
	w.set("2", "a", "new")
	if failure := w.end("2", "broken"); failure != "broken" || w.asks() != nil {
		t.Errorf("a bundle that has failed ends with %q and writes", failure)
	}
	w.begin("3", "token")
	if got := w.get("3", "a"); got != "old" {
		t.Errorf("then the state is %q", got)
	}
	w.set("3", "a", "new")
	w.mu.Lock()
	w.refuse = true
	w.mu.Unlock()
	if failure := w.end("3", ""); !strings.Contains(failure, "no") || !strings.Contains(failure, "states") {
		t.Errorf("a bundle whose states are refused ends with %q", failure)
	}
	w.asks()
	w.begin("4", "token")
	if got := w.get("4", "a"); got != "old" || len(w.asks()) != 1 {
		t.Errorf("then the state is %q, and the runner is not asked for it", got)
	}
}

// Beyond a bundle a state is kept where the runner vouches for it, and as long as it does.
func TestAStateIsKeptByTheTokenOfTheRunner(t *testing.T) {
	w := newWorld(t, mostKept)
	for i, b := range []struct {
		token string
		asks  int
	}{{"one", 1}, {"one", 0}, {"two", 1}, {"", 1}, {"two", 0}, {"one", 1}} {
		id := fmt.Sprint(i)
		w.begin(id, b.token)
		_ = w.get(id, "a")
		if n := len(w.asks()); n != b.asks {
			t.Errorf("bundle %d asks the runner %d times, want %d", i, n, b.asks)
		}
		w.end(id, "")
	}
}

// What is added to a state that was not cleared goes to the runner, which has the rest of it.
func TestWhatIsAddedToABagIsNotHeldBack(t *testing.T) {
	w := newWorld(t, mostKept)
	w.begin("1", "token")
	w.add("1", "a", "x")
	w.add("1", "a", "y")
	if d := cmp.Diff([]string{"append a x", "append a y"}, w.asks()); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
	if got := w.get("1", "a"); got != "xy" {
		t.Errorf("the state is %q", got)
	}
	w.add("1", "a", "z")
	if got := w.get("1", "a"); got != "xyz" {
		t.Errorf("the state is %q", got)
	}
	w.end("1", "")
}

// Whatever transforms do with states, they read what they wrote, and the runner has it when a bundle has
// ended: however little is kept, and with any tokens.
func TestStatesAreThoseOfARunnerThatIsAskedForEverything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rapid.SampledFrom([]int{0, 600, mostKept}).Draw(rt, "kept"))
		states := map[string]string{}
		for n := range rapid.IntRange(1, 6).Draw(rt, "bundles") {
			id, now := fmt.Sprint(n), map[string]string{}
			for k, v := range states {
				now[k] = v
			}
			w.begin(id, rapid.SampledFrom([]string{"", "one"}).Draw(rt, "token"))
			for range rapid.IntRange(0, 12).Draw(rt, "calls") {
				key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
				value := rapid.StringMatching("[a-z]{2,200}").Draw(rt, "value")
				switch rapid.IntRange(0, 3).Draw(rt, "call") {
				case 0:
					if got := w.get(id, key); got != now[key] {
						rt.Fatalf("read %q, want %q", got, now[key])
					}
				case 1:
					w.set(id, key, value)
					now[key] = value
				case 2:
					w.clear(id, key)
					now[key] = ""
				case 3:
					_ = w.get(id, key) // of a value that is known nothing is added to another
					w.clear(id, key)
					w.add(id, key, value)
					now[key] = value
				}
			}
			if rapid.IntRange(0, 3).Draw(rt, "fails") == 0 {
				w.end(id, "broken")
				continue
			}
			if failure := w.end(id, ""); failure != "" {
				rt.Fatal(failure)
			}
			states = now
			w.mu.Lock()
			for k, v := range states {
				if got := string(w.bags[k]); got != v {
					rt.Fatalf("the runner has %q for %s, want %q", got, k, v)
				}
			}
			w.mu.Unlock()
		}
	})
}

// What is kept has a bound, and what is asked for stays.
func TestWhatIsKeptHasABound(t *testing.T) {
	k := newKept(10_000)
	k.put("often", "token", []byte("value"))
	for i := range 1000 {
		k.put(fmt.Sprint("key", i), "token", make([]byte, 200))
		if _, ok := k.get("often", "token"); !ok {
			t.Fatalf("what is asked for is gone after %d others", i)
		}
	}
	bytes := 0
	for _, generation := range []map[string]memory{k.young, k.old} {
		for id, v := range generation {
			bytes += len(id) + len(v.value) + perState
		}
	}
	if bytes > 10_500 || bytes < 4000 {
		t.Errorf("%d bytes are kept", bytes)
	}
	k.drop("often")
	if _, ok := k.get("often", "token"); ok {
		t.Error("it is not dropped")
	}
}
