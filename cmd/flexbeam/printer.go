package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/vbauerster/mpb/v8/cwriter"

	"flexbeam/internal/console"
)

// A printer prints answers one after the other.
type printer struct {
	out    io.Writer
	format string
	count  int
	width  int // of the terminal that tables are cut for; 0: any width is fine
}

func newPrinter(out io.Writer, format string, wide bool) *printer {
	p := &printer{out: out, format: format}
	if f, ok := out.(*os.File); ok && !wide && cwriter.IsTerminal(int(f.Fd())) {
		if w, _, err := cwriter.New(f).GetTermSize(); err == nil {
			p.width = w
		}
	}
	return p
}

// A result takes the rows of one answer. The cells of a row are not kept.
type result interface {
	row(cells []any) error
	end() error
}

// begin begins an answer.
func (p *printer) begin(columns []column) (result, error) {
	p.count++
	if p.count > 1 && p.format != "json" {
		if _, err := fmt.Fprintln(p.out); err != nil {
			return nil, err
		}
	}
	switch p.format {
	case "csv":
		w := csv.NewWriter(p.out)
		var names []string
		for _, c := range columns {
			names = append(names, c.name)
		}
		return &csvResult{columns: columns, w: w}, w.Write(names)
	case "json":
		return &jsonResult{columns: distinctNames(columns), w: bufio.NewWriterSize(p.out, 1<<16)}, nil
	}
	return newTable(p, columns), nil
}

type csvResult struct {
	columns []column
	w       *csv.Writer
	record  []string
}

func (r *csvResult) row(cells []any) error {
	r.record = r.record[:0]
	for i, v := range cells {
		r.record = append(r.record, r.columns[i].text(v))
	}
	return r.w.Write(r.record)
}

func (r *csvResult) end() error {
	r.w.Flush()
	return r.w.Error()
}

// A jsonResult is an array with an object for each row, one a line.
type jsonResult struct {
	columns []column
	w       *bufio.Writer
	rows    int
}

func (r *jsonResult) row(cells []any) error {
	b := []byte("[\n{")
	if r.rows > 0 {
		b = []byte(",\n{")
	}
	for i, v := range cells {
		b = pair(b, i, r.columns[i].name, r.columns[i].json(v))
	}
	r.rows++
	_, err := r.w.Write(append(b, '}'))
	return err
}

func (r *jsonResult) end() error {
	last := "\n]\n"
	if r.rows == 0 {
		last = "[]\n"
	}
	if _, err := r.w.WriteString(last); err != nil {
		return err
	}
	return r.w.Flush()
}

// distinctNames numbers the columns that have the name of an earlier one: the keys of an object differ.
func distinctNames(columns []column) []column {
	seen := map[string]bool{}
	all := make([]column, len(columns))
	for i, c := range columns {
		name := c.name
		for n := 2; seen[name]; n++ {
			name = fmt.Sprintf("%s_%d", c.name, n)
		}
		seen[name] = true
		all[i] = column{name, c.kind}
	}
	return all
}

// A tableResult is drawn when all rows are there: the widest cell makes the width.
type tableResult struct {
	printer *printer
	columns []column
	rows    [][]string
}

func newTable(p *printer, columns []column) *tableResult {
	return &tableResult{printer: p, columns: columns}
}

func (r *tableResult) row(cells []any) error {
	line := make([]string, len(cells))
	for i, v := range cells {
		line[i] = r.columns[i].shown(v)
	}
	r.rows = append(r.rows, line)
	return nil
}

func (r *tableResult) end() error {
	if r.printer.format == "markdown" {
		_, err := fmt.Fprintln(r.printer.out, r.table().RenderMarkdown())
		return err
	}
	drawn, count := r.table().Render(), rowCount(len(r.rows))
	if first, _, _ := strings.Cut(drawn, "\n"); r.printer.width > 0 && text.StringWidthWithoutEscSequences(first) > r.printer.width {
		all := len(r.columns)
		count = narrowed(len(r.rows), r.narrow(r.printer.width), all)
		drawn = r.table().Render()
	}
	_, err := fmt.Fprintf(r.printer.out, "%s\n%s\n", drawn, count)
	return err
}

// table returns the table of the rows.
func (r *tableResult) table() table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header, style.Format.Footer = text.FormatDefault, text.FormatDefault
	t.SetStyle(style)
	var header table.Row
	var configs []table.ColumnConfig
	for i, c := range r.columns {
		header = append(header, c.name)
		side := text.AlignLeft
		if c.isNumber() {
			side = text.AlignRight
		}
		configs = append(configs, table.ColumnConfig{Number: i + 1, Align: side, AlignHeader: side})
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(header)
	for _, line := range r.rows {
		row := make(table.Row, len(line))
		for i, s := range line {
			row[i] = s
		}
		t.AppendRow(row)
	}
	return t
}

func rowCount(n int) string {
	if n == 1 {
		return "1 row"
	}
	return console.Number(int64(n)) + " rows"
}
