// Package span holds spans of time and sets of them: which days a job has read of a store, and which
// it still has to read.
package span

import (
	"math"
	"slices"
)

// DayMillis is the length of a day in ms.
const DayMillis = 24 * 60 * 60 * 1000

// A Span is a range of time in ms since 1970 UTC. Both ends count.
type Span struct{ From, To int64 }

// All is all of time.
var All = Span{math.MinInt64, math.MaxInt64}

// Days returns the whole UTC days from so many days before the day of a time to as many behind it.
func Days(at int64, around int) Span {
	const most = math.MaxInt64/DayMillis - 1
	day := at / DayMillis
	if at%DayMillis < 0 {
		day--
	}
	from, to := max(day-int64(around), -most), min(day+int64(around), most)
	return Span{from * DayMillis, to*DayMillis + DayMillis - 1}
}

// Covers tells whether all of t is in s.
func (s Span) Covers(t Span) bool { return s.From <= t.From && t.To <= s.To }

// Overlaps tells whether some time is in both.
func (s Span) Overlaps(t Span) bool { return s.From <= t.To && t.From <= s.To }

// Hull returns the least span that covers both.
func (s Span) Hull(t Span) Span { return Span{min(s.From, t.From), max(s.To, t.To)} }

// A Set is spans in order, between which time is left out. A set is never changed in place.
type Set []Span

// Add returns the set with a span.
func (s Set) Add(t Span) Set {
	i := 0
	for i < len(s) && s[i].To < t.From && s[i].To+1 < t.From {
		i++
	}
	j := i
	for j < len(s) && (s[j].From <= t.To || s[j].From-1 <= t.To) {
		t = t.Hull(s[j])
		j++
	}
	if j == i+1 && s[i] == t {
		return s
	}
	return slices.Concat(s[:i], Set{t}, s[j:])
}

// Union returns the set with the spans of another.
func (s Set) Union(t Set) Set {
	for _, one := range t {
		s = s.Add(one)
	}
	return s
}

// Later returns the set with so many days behind each of its spans.
func (s Set) Later(days int) (all Set) {
	for _, one := range s {
		if one.To <= math.MaxInt64-int64(days)*DayMillis {
			one.To += int64(days) * DayMillis
		}
		all = all.Add(one)
	}
	return all
}

// Covers tells whether all of a span is in the set.
func (s Set) Covers(t Span) bool {
	i, _ := slices.BinarySearchFunc(s, t.From, func(one Span, from int64) int {
		if one.To < from {
			return -1
		}
		return 1
	})
	return i < len(s) && s[i].Covers(t)
}

// CoversAll tells whether all of another set is in the set.
func (s Set) CoversAll(t Set) bool {
	return !slices.ContainsFunc(t, func(one Span) bool { return !s.Covers(one) })
}

// Overlaps tells whether some time of a span is in the set.
func (s Set) Overlaps(t Span) bool { return slices.ContainsFunc(s, t.Overlaps) }

// Missing returns what of another set is not in the set.
func (s Set) Missing(of Set) (missing Set) {
	for _, t := range of {
		for _, have := range s {
			if !have.Overlaps(t) {
				continue
			}
			if have.From > t.From {
				missing = append(missing, Span{t.From, have.From - 1})
			}
			if have.To >= t.To {
				t.From, t.To = 1, 0 // nothing is left
				break
			}
			t.From = have.To + 1
		}
		if t.From <= t.To {
			missing = append(missing, t)
		}
	}
	return missing
}

// AtMost returns a set of at most n spans, one at least, that covers the set: the shortest gaps are
// closed.
func (s Set) AtMost(n int) Set {
	if len(s) <= n {
		return s
	}
	s = slices.Clone(s)
	for len(s) > n {
		least := 1
		for i := 2; i < len(s); i++ {
			if gap(s, i) < gap(s, least) {
				least = i
			}
		}
		s[least-1].To = s[least].To
		s = slices.Delete(s, least, least+1)
	}
	return s
}

// gap returns how long the gap before the i-th span is.
func gap(s Set, i int) uint64 { return uint64(s[i].From) - uint64(s[i-1].To) }
