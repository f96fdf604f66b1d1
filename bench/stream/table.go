package main

import (
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"
)

// show prints a table.
func show(header table.Row, rows ...table.Row) {
	t := table.NewWriter()
	t.SetOutputMirror(io.Writer(os.Stdout))
	t.AppendHeader(header)
	t.AppendRows(rows)
	t.Render()
}

func seconds(v float64) string  { return fmt.Sprintf("%.2f", v) }
func whole(v float64) string    { return fmt.Sprintf("%.0f", v) }
func mebi(v float64) string     { return fmt.Sprintf("%.1f", v/(1<<20)) }
func ratio(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }
