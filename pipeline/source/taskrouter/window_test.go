package taskrouter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var windowsCompare = cmp.AllowUnexported(window{})

func TestATimeIsCutAtMultiplesOfTheWindow(t *testing.T) {
	tests := []struct {
		from, to, size int64
		want           []window
	}{
		{0, 900, 900, []window{{0, 900}}},
		{100, 2000, 900, []window{{100, 900}, {900, 1800}, {1800, 2000}}},
		{900, 901, 900, []window{{900, 901}}},
		{5, 5, 900, nil},
	}
	for _, test := range tests {
		if d := cmp.Diff(test.want, windows(test.from, test.to, test.size), windowsCompare); d != "" {
			t.Errorf("%+v:\n%s", test, d)
		}
	}
}

// TestNoSecondIsLeftOut cuts, halves and takes out windows at will: together they cover the whole, and
// each shares a second with the next.
func TestNoSecondIsLeftOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(0, 1000).Draw(t, "from")
		to := from + rapid.Int64Range(1, 5000).Draw(t, "length")
		var kept []window
		for range rapid.IntRange(0, 5).Draw(t, "kept") {
			a := rapid.Int64Range(from-100, to).Draw(t, "a")
			kept = append(kept, window{a, a + rapid.Int64Range(1, 700).Draw(t, "l")})
		}
		var all []window
		for _, gap := range (window{from, to}).gaps(kept) {
			for _, w := range windows(gap.from, gap.to, rapid.Int64Range(1, 900).Draw(t, "size")) {
				if a, b, ok := w.halves(); ok && rapid.Bool().Draw(t, "halve") {
					all = append(all, a, b)
				} else {
					all = append(all, w)
				}
			}
		}
		for _, w := range all {
			for _, k := range kept {
				if k.from <= w.from && w.to <= k.to {
					t.Fatalf("%v lies within %v, which is kept", w, k)
				}
			}
		}
		// What lies between two seconds is covered, too.
		for at := from; at < to; at++ {
			covered := false
			for _, w := range append(all, kept...) {
				covered = covered || w.from <= at && at+1 <= w.to
			}
			if !covered {
				t.Fatalf("nothing covers the second behind %d: %v and %v", at, all, kept)
			}
		}
	})
}

func TestAWindowOfASecondIsNotHalved(t *testing.T) {
	if a, b, ok := (window{5, 6}).halves(); ok {
		t.Error(a, b)
	}
	if a, b, ok := (window{5, 7}).halves(); !ok || a != (window{5, 6}) || b != (window{6, 7}) {
		t.Error(a, b, ok)
	}
}
