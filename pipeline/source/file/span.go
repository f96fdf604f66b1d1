package file

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"flexbeam/internal/objects"
	"flexbeam/pipeline/source"
)

// margin is how far the time that a path tells may lie from those of the events below it: events are
// written after they happened, and a path may be in the time of any zone.
const margin = 24 * time.Hour

// overlap tells how much of what lies below a path, which ends in a slash, or of the file of a path
// may be of a time. What does not tell its day, or month, may be of any.
func overlap(path string, within source.Span) objects.Overlap {
	if within == (source.Span{}) {
		return objects.All
	}
	from, to, ok := written(path)
	if !ok {
		return objects.Part
	}
	from, to = from.Add(-margin), to.Add(margin)
	switch {
	case !within.To.IsZero() && !from.Before(within.To), !within.From.IsZero() && !to.After(within.From):
		return objects.None
	case (within.To.IsZero() || !to.After(within.To)) && (within.From.IsZero() || !from.Before(within.From)):
		return objects.All
	}
	return objects.Part
}

// written returns the time in which what lies below a path was written, as its folders tell, in UTC:
// YYYY/MM, YYYY/MM/DD, YYYY/MM/DD/HH, the same with names such as year=YYYY, or one folder with more
// of it, such as YYYY-MM-DD, YYYYMMDD or date=YYYY-MM-DD, which others with the rest may follow. Of
// several dates the first one counts, so that a folder tells the same as what is in it. A year alone
// tells too little: it may as well be another number.
func written(path string) (from, to time.Time, ok bool) {
	folders := strings.Split(path[:strings.LastIndexByte(path, '/')+1], "/")
	for i := range folders {
		if from, to, ok = dated(folders[i:]); ok {
			return from, to, true
		}
	}
	return from, to, false
}

// A unit is a part of a time that has a folder of its own.
type unit struct {
	names       []string // in front of an equals sign
	digits      int
	least, most int
}

var units = []unit{
	{[]string{"year", "y", "yyyy"}, 4, 2000, 2999},
	{[]string{"month", "m", "mm"}, 2, 1, 12},
	{[]string{"day", "d", "dd"}, 2, 1, 31},
	{[]string{"hour", "h", "hh", "hr"}, 2, 0, 23},
}

// value returns the number that a folder gives of a unit. Written with its name it may have fewer
// digits.
func (u unit) value(folder string) (n int, ok bool) {
	name, text, named := strings.Cut(folder, "=")
	if !named {
		text = folder
	}
	if named && !slices.Contains(u.names, strings.ToLower(name)) || len(text) > u.digits || !named && len(text) != u.digits {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && text[0] != '+' && text[0] != '-' && n >= u.least && n <= u.most
}

// A layout is how one folder tells the parts of a time down to a unit.
type layout struct {
	text  string
	parts int
}

var layouts = []layout{{"2006-01", 2}, {"2006-01-02", 3}, {"20060102", 3}, {"2006-01-02-15", 4}, {"2006-01-02T15", 4}}

// dated returns the time that some folders tell, beginning with the first of them.
func dated(folders []string) (from, to time.Time, ok bool) {
	parts := []int{0, 1, 1, 0}
	n, at := 0, 0
	if t, told := together(folders[0]); told > 0 {
		parts, n, at = []int{t.Year(), int(t.Month()), t.Day(), t.Hour()}, told, 1
	}
	for n < len(units) && at < len(folders) {
		v, is := units[n].value(folders[at])
		if !is {
			break
		}
		parts[n] = v
		n, at = n+1, at+1
	}
	from = time.Date(parts[0], time.Month(parts[1]), parts[2], parts[3], 0, 0, 0, time.UTC)
	if from.Day() != parts[2] {
		return from, to, false // the 30th of February
	}
	switch n {
	case 2:
		return from, from.AddDate(0, 1, 0), true
	case 3:
		return from, from.AddDate(0, 0, 1), true
	case 4:
		return from, from.Add(time.Hour), true
	}
	return from, to, false
}

// together returns the time that one folder tells, and how many parts of it; 0 if it tells none.
func together(folder string) (t time.Time, parts int) {
	if name, text, named := strings.Cut(folder, "="); named && name != "" {
		folder = text
	}
	for _, l := range layouts {
		t, err := time.Parse(l.text, folder)
		if err == nil && t.Year() >= units[0].least && t.Year() <= units[0].most {
			return t, l.parts
		}
	}
	return time.Time{}, 0
}
