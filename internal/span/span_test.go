package span

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// times returns which of the times 0 to 29 are in a set.
func times(s Set) (in [30]bool) {
	for i := range in {
		in[i] = s.Covers(Span{int64(i), int64(i)})
	}
	return in
}

func draw(t *rapid.T) (s Set, in [30]bool) {
	for range rapid.IntRange(0, 6).Draw(t, "spans") {
		from := rapid.IntRange(0, 29).Draw(t, "from")
		to := rapid.IntRange(from, 29).Draw(t, "to")
		s = s.Add(Span{int64(from), int64(to)})
		for i := from; i <= to; i++ {
			in[i] = true
		}
	}
	return s, in
}

func TestASetHoldsTheTimesOfItsSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, inA := draw(t)
		b, inB := draw(t)
		for i := 1; i < len(a); i++ {
			if a[i].From <= a[i-1].To+1 {
				t.Fatalf("%v: spans touch", a)
			}
		}
		var both, missing [30]bool
		all := true
		for i := range inA {
			both[i], missing[i] = inA[i] || inB[i], inB[i] && !inA[i]
			all = all && !missing[i]
		}
		few := a.AtMost(2)
		for what, d := range map[string]string{
			"set": cmp.Diff(inA, times(a)), "union": cmp.Diff(both, times(a.Union(b))), "missing": cmp.Diff(missing, times(a.Missing(b))),
			"covers all": cmp.Diff(all, a.CoversAll(b)), "few": cmp.Diff(true, few.CoversAll(a) && len(few) <= 2),
		} {
			if d != "" {
				t.Fatalf("%v and %v: %s (-want +got):\n%s", a, b, what, d)
			}
		}
	})
}

func TestTheShortestGapsAreClosed(t *testing.T) {
	s := Set{{0, 1}, {10, 11}, {13, 14}, {100, 101}}
	if d := cmp.Diff(Set{{0, 1}, {10, 14}, {100, 101}}, s.AtMost(3)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(Set{{0, 14}, {100, 101}}, s.AtMost(2)); d != "" {
		t.Error(d)
	}
}

func TestAllOfTimeIsASpan(t *testing.T) {
	s := Set{}.Add(Span{5, 7}).Add(All)
	if d := cmp.Diff(Set{All}, s); d != "" || len(s.Missing(Set{{1, 2}, All})) > 0 {
		t.Error(d)
	}
	want := Set{{math.MinInt64, 4}, {8, math.MaxInt64}}
	if d := cmp.Diff(want, Set{{5, 7}}.Missing(Set{All})); d != "" {
		t.Error(d)
	}
	if got := Days(math.MaxInt64, 15).Hull(Days(math.MinInt64, 15)); got.From >= 0 || got.To <= 0 {
		t.Errorf("%v wraps around", got)
	}
}

func TestDaysAreThoseOfUTC(t *testing.T) {
	at := func(s string) int64 {
		when, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return when.UnixMilli()
	}
	for _, test := range []struct {
		at, from, to string
		around       int
	}{
		{"2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-02T23:59:59.999Z", 0},
		{"2026-03-02T23:59:59.999Z", "2026-02-15T00:00:00Z", "2026-03-17T23:59:59.999Z", 15},
		{"1969-12-31T23:59:59Z", "1969-12-30T00:00:00Z", "1970-01-01T23:59:59.999Z", 1},
	} {
		if got, want := Days(at(test.at), test.around), (Span{at(test.from), at(test.to)}); got != want {
			t.Errorf("%s: %v, want %v", test.at, got, want)
		}
	}
}

func TestASetIsFollowedByDays(t *testing.T) {
	days := func(from, to int64) Span { return Span{from * DayMillis, (to+1)*DayMillis - 1} }
	s := Set{days(1, 2), days(4, 4), days(9, 9), {DayMillis * 100, math.MaxInt64 - 5}}
	if d := cmp.Diff(Set{days(1, 6), days(9, 11), {DayMillis * 100, math.MaxInt64 - 5}}, s.Later(2)); d != "" {
		t.Error(d)
	}
	if Set(nil).Later(3) != nil {
		t.Error("no days are followed by some")
	}
}
