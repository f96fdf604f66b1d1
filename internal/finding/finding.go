// Package finding has the form of what `flexbeam doctor` finds: a stable name, how bad it is, what is
// wrong, where, and how it is mended.
//
// Kinds is the one place where a name is defined. docs/doctor.md is made from it.
package finding

import (
	"fmt"
	"slices"
	"strings"
)

// A Severity says how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // a job cannot run, or lacks events
	Warning Severity = "warning" // a job runs, and something will go wrong or lacks a part
	Note    Severity = "note"    // good to know, and no fault
)

// A Kind is what may be found.
type Kind struct {
	Name     string // lower-case words with hyphens; it never changes
	Severity Severity
	Means    string // a sentence
}

// A Finding is something that was found. It is written as JSON, whose members stay as they are.
type Finding struct {
	Name     string   `json:"name"`
	Severity Severity `json:"severity"`
	What     string   `json:"what"`  // what is wrong
	Where    string   `json:"where"` // the file, account, stream or table
	Fix      string   `json:"fix"`   // a command, or what to click or write
}

// New returns a finding. It panics if there is no kind of that name.
func New(name, where, what, fix string) Finding {
	i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		panic("there is no finding named " + name)
	}
	return Finding{Name: name, Severity: Kinds[i].Severity, What: what, Where: where, Fix: fix}
}

// Newf is New with a text that is formatted.
func Newf(name, where, fix, format string, args ...any) Finding {
	return New(name, where, fmt.Sprintf(format, args...), fix)
}

// Fault tells whether something is to be mended.
func (f Finding) Fault() bool { return f.Severity != Note }

// Sort puts findings into order: the worst first, then as Kinds has them, then by place.
func Sort(all []Finding) {
	rank := func(f Finding) int {
		return slices.Index([]Severity{Error, Warning, Note}, f.Severity)*len(Kinds) + slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == f.Name })
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.Where, b.Where)
	})
}

// Docs returns Kinds as a table in Markdown.
func Docs() string {
	var b strings.Builder
	b.WriteString("| finding | severity | meaning |\n| --- | --- | --- |\n")
	for _, k := range Kinds {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, k.Severity, k.Means)
	}
	return b.String()
}
