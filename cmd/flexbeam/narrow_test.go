package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

// shownOn returns how an answer is shown on a terminal.
func shownOn(t *testing.T, width int, columns []column, rows ...[]any) string {
	t.Helper()
	var out bytes.Buffer
	p := &printer{out: &out, format: "table", width: width}
	r, err := p.begin(columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, cells := range rows {
		if err := r.row(cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestATableFitsItsTerminal(t *testing.T) {
	columns := []column{{"sid", "VARCHAR"}, {"engagement_time_seconds", "BIGINT"}, {"text", "VARCHAR"}}
	row := []any{"WT0123456789abcdef0123456789abcdef", int64(1234567890), "a text\nof two lines"}
	tests := []struct {
		width int
		want  string
	}{
		{0, "" +
			"┌────────────────────────────────────┬─────────────────────────┬──────────────┐\n" +
			"│ sid                                │ engagement_time_seconds │ text         │\n" +
			"├────────────────────────────────────┼─────────────────────────┼──────────────┤\n" +
			"│ WT0123456789abcdef0123456789abcdef │              1234567890 │ a text       │\n" +
			"│                                    │                         │ of two lines │\n" +
			"└────────────────────────────────────┴─────────────────────────┴──────────────┘\n" +
			"1 row\n"},
		{60, "" +
			"┌──────────────────┬──────────────────┬──────────────────┐\n" +
			"│ sid              │ engagement_time… │ text             │\n" +
			"├──────────────────┼──────────────────┼──────────────────┤\n" +
			"│ WT0123456789abc… │       1234567890 │ a text of two l… │\n" +
			"└──────────────────┴──────────────────┴──────────────────┘\n" +
			"1 row: --wide shows all of it\n"},
		{30, "" +
			"┌─────────────┬─────────────┐\n" +
			"│ sid         │ engagement… │\n" +
			"├─────────────┼─────────────┤\n" +
			"│ WT01234567… │  1234567890 │\n" +
			"└─────────────┴─────────────┘\n" +
			"1 row, 2 of 3 columns: --wide shows all of it\n"},
	}
	for _, tt := range tests {
		if got := shownOn(t, tt.width, columns, row); got != tt.want {
			t.Errorf("width %d:\n%s\nwant\n%s", tt.width, got, tt.want)
		}
	}
}

// Whatever the width, the table is no wider, and numbers are whole.
func TestNoTableIsWiderThanItsTerminal(t *testing.T) {
	var columns []column
	var row []any
	for i := range 30 {
		columns = append(columns, column{fmt.Sprintf("column_with_a_long_name_%d", i), []string{"VARCHAR", "DOUBLE", "BIGINT"}[i%3]})
		row = append(row, []any{strings.Repeat("wörter ", i), float64(i) + 0.25, int64(100_000 + i)}[i%3])
	}
	for width := 50; width <= 200; width++ {
		got := shownOn(t, width, columns, row, row)
		for _, line := range strings.Split(got, "\n") {
			if n := text.StringWidthWithoutEscSequences(line); n > width {
				t.Fatalf("width %d: a line is %d wide: %s", width, n, line)
			}
		}
		if !strings.Contains(got, "100002") || strings.Count(got, "\n") > 8 {
			t.Fatalf("width %d:\n%s", width, got)
		}
	}
}
