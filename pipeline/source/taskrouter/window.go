package taskrouter

import (
	"cmp"
	"regexp"
	"slices"
)

var workspaceSID = regexp.MustCompile(`^WS[0-9a-f]{32}$`)

// A window is a time that is read at once, in seconds since 1970. Both ends count.
type window struct{ from, to int64 }

// windows cuts a time into windows of so many seconds, which begin at multiples of them: so those of
// a later run are the same. Each begins with the last second of the one before.
func windows(from, to, size int64) (all []window) {
	for from < to {
		end := min((from/size+1)*size, to)
		all = append(all, window{from, end})
		from = end
	}
	return all
}

// halves cuts a window into two, which share a second. ok is false if it is too short.
func (w window) halves() (a, b window, ok bool) {
	if w.to-w.from < 2 {
		return a, b, false
	}
	mid := w.from + (w.to-w.from)/2
	return window{w.from, mid}, window{mid, w.to}, true
}

// gaps returns what of a window lies in none of some others.
func (w window) gaps(others []window) (gaps []window) {
	others = slices.Clone(others)
	slices.SortFunc(others, func(a, b window) int { return cmp.Compare(a.from, b.from) })
	from := w.from
	for _, o := range others {
		if o.to <= from || o.from >= w.to {
			continue
		}
		if o.from > from {
			gaps = append(gaps, window{from, o.from})
		}
		from = o.to
	}
	if from < w.to {
		gaps = append(gaps, window{from, w.to})
	}
	return gaps
}
