package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"flexbeam/internal/console"
)

// leastWide is how many letters of a name or a text a narrow table shows at least.
const leastWide = 10

// narrow cuts an answer until its table is no wider than a terminal: long texts and names of
// columns first, and if that is not enough the last columns. Numbers and times are never cut. It
// returns how many columns are left.
func (r *tableResult) narrow(width int) int {
	cells := make([]int, len(r.columns)) // the widest of each column
	for _, line := range r.rows {
		for i := range line {
			line[i] = strings.ReplaceAll(line[i], "\n", " ")
			cells[i] = max(cells[i], text.StringWidthWithoutEscSequences(line[i]))
		}
	}
	total := func(columns, limit int) int {
		sum := 1
		for i, c := range r.columns[:columns] {
			wide := cells[i]
			if c.isText() {
				wide = min(wide, limit)
			}
			sum += 3 + max(wide, min(text.StringWidthWithoutEscSequences(c.name), limit))
		}
		return sum
	}
	columns := len(r.columns)
	for columns > 1 && total(columns, leastWide) > width {
		columns--
	}
	limit := leastWide
	for limit < width && total(columns, limit+1) <= width {
		limit++
	}
	r.columns = r.columns[:columns]
	for i := range r.columns {
		c := &r.columns[i]
		for _, line := range r.rows {
			if c.isText() {
				line[i] = text.Snip(line[i], limit, "…")
			}
		}
		c.name = text.Snip(c.name, limit, "…")
	}
	for i := range r.rows {
		r.rows[i] = r.rows[i][:columns]
	}
	return columns
}

// isText tells whether a part of a cell of the column still says something.
func (c column) isText() bool {
	for _, whole := range []string{"DATE", "TIME", "TIMESTAMP", "BOOLEAN", "INTERVAL"} {
		if strings.HasPrefix(c.kind, whole) && !strings.HasSuffix(c.kind, "]") {
			return false
		}
	}
	return !c.isNumber()
}

// narrowed says what a narrow table leaves out.
func narrowed(rows, shown, columns int) string {
	s := rowCount(rows)
	if shown < columns {
		s += fmt.Sprintf(", %s of %s columns", console.Number(int64(shown)), console.Number(int64(columns)))
	}
	return s + ": --wide shows all of it"
}
