package bigquery

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math"
	"os"

	"github.com/parquet-go/parquet-go"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// The bounds of a Parquet file: rows that are gathered in memory, and bytes after which another
// file begins.
const (
	groupRows = 20000
	fileBytes = 512 << 20
)

// staged lists the columns that a staging table has before those of its table.
var staged = []column{
	{stagedKey, model.String, true, false, "Primary key of the row, a JSON array."},
	{stagedGone, model.Bool, true, false, "Whether the change is a delete."},
	{stagedForgets, model.Bool, true, false, "Whether it is a delete that is not remembered."},
	{stagedArrival, model.Int, true, false, "Order of arrival."},
}

// A layout is the schema of the Parquet files for a table.
type layout struct {
	columns []column
	schema  *parquet.Schema
	order   []int // by column of the file, which has them by name: index in columns
}

func newLayout(t *table) *layout {
	l := &layout{columns: append(append([]column(nil), staged...), t.columns...)}
	group := parquet.Group{}
	index := map[string]int{}
	for i, c := range l.columns {
		index[c.name] = i
		var n parquet.Node
		switch c.kind {
		case model.String:
			n = parquet.String()
		case model.Timestamp:
			n = parquet.Timestamp(parquet.Microsecond)
		case model.Float:
			n = parquet.Leaf(parquet.DoubleType)
		case model.Int:
			n = parquet.Int(64)
		case model.Bool:
			n = parquet.Leaf(parquet.BooleanType)
		case model.Bytes:
			n = parquet.Leaf(parquet.ByteArrayType)
		}
		group[c.name] = parquet.Optional(n)
	}
	l.schema = parquet.NewSchema("row", group)
	for _, path := range l.schema.Columns() {
		l.order = append(l.order, index[path[0]])
	}
	return l
}

// A parquetFile is a file that is being written.
type parquetFile struct {
	layout  *layout
	file    *os.File
	writer  *parquet.GenericWriter[any]
	sum     hash.Hash
	written int64
	deletes bool
	newest  int64 // the greatest version
	row     parquet.Row
}

func newParquetFile(dir string, l *layout) (*parquetFile, error) {
	f, err := os.CreateTemp(dir, "*.parquet")
	if err != nil {
		return nil, fmt.Errorf("bigquery: make a file to load: %w", err)
	}
	p := &parquetFile{layout: l, file: f, sum: sha256.New(), newest: math.MinInt64}
	p.writer = parquet.NewGenericWriter[any](io.MultiWriter(p, p.sum), l.schema, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(groupRows))
	return p, nil
}

// Write implements io.Writer for the Parquet writer.
func (p *parquetFile) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.written += int64(n)
	return n, err
}

// add writes a change.
func (p *parquetFile) add(key string, arrival uint64, c change.Change) error {
	forgets := c.Delete && c.Forget
	p.deletes, p.newest = p.deletes || c.Delete && !forgets, max(p.newest, c.Version())
	head := [...]model.Value{{Type: model.String, Str: key}, model.Boolean(c.Delete), model.Boolean(forgets), model.Integer(int64(arrival))}
	p.row = p.row[:0]
	for n, i := range p.layout.order {
		var v model.Value
		if i < len(head) {
			v = head[i]
		} else {
			v = c.Row[i-len(head)]
		}
		var cell parquet.Value
		level := 1
		switch v.Type {
		case model.Null:
			level = 0
		case model.String:
			cell = parquet.ByteArrayValue([]byte(model.ValidText(v.Str)))
		case model.Bytes:
			cell = parquet.ByteArrayValue([]byte(v.Str))
		case model.Timestamp:
			cell = parquet.Int64Value(v.Num * 1000)
		case model.Float:
			cell = parquet.DoubleValue(v.Float64())
		case model.Int:
			cell = parquet.Int64Value(v.Num)
		case model.Bool:
			cell = parquet.BooleanValue(v.Num != 0)
		}
		p.row = append(p.row, cell.Level(0, level, n))
	}
	if _, err := p.writer.WriteRows([]parquet.Row{p.row}); err != nil {
		return fmt.Errorf("bigquery: write %s: %w", p.file.Name(), err)
	}
	return nil
}

// finish completes the file.
func (p *parquetFile) finish() error {
	err := p.writer.Close()
	if e := p.file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("bigquery: write %s: %w", p.file.Name(), err)
	}
	return nil
}
