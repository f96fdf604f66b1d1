package bigquerylocal

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// A warehouse is the DuckDB in memory that holds settled rows and runs statements.
type warehouse struct {
	db           *sql.DB
	anyPartition bool // a change replaces the row of its key in whatever partition it is

	mu sync.Mutex // held while something is written, so that transactions do not conflict
}

func openWarehouse(memoryLimit string) (*warehouse, error) {
	connector, err := duckdb.NewConnector("?memory_limit="+memoryLimit+"&autoinstall_known_extensions=false", nil)
	if err != nil {
		return nil, fmt.Errorf("open DuckDB: %w", err)
	}
	w := &warehouse{db: sql.OpenDB(connector)}
	// BigQuery has UTC, sorts nulls first upwards and last downwards, and never reads files.
	for _, s := range []string{"SET GLOBAL TimeZone = 'UTC'", "SET GLOBAL default_null_order = 'nulls_first_on_asc_last_on_desc'", "SET GLOBAL preserve_insertion_order = true"} {
		if _, err := w.db.Exec(s); err != nil {
			w.db.Close()
			return nil, fmt.Errorf("set up DuckDB: %w", err)
		}
	}
	return w, nil
}

// close closes DuckDB, behind the rows that are just put there.
func (w *warehouse) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.db.Close()
}

func (w *warehouse) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := w.db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// A waiting is what a table had waiting when it was taken to DuckDB.
type waiting struct {
	table   tableName
	schema  *schema
	pending []row
	changes []landing
	columns []int  // by which changes find the rows that they replace
	match   string // the condition that such a row, t, is of a change, k
}

// A landing is a change on its way into DuckDB. With replaces, a row of its key may be there.
type landing struct {
	row      row
	deleted  bool
	replaces bool
}

// take returns the rows of a table that wait, which count as stored from now on. The caller holds
// t.mu and sees to it that they are put into DuckDB before any that are taken later.
func (w *warehouse) take(t *table) *waiting {
	b := &waiting{table: t.name, schema: t.schema, pending: t.pending, changes: make([]landing, len(t.dirty)), columns: t.schema.keys}
	var match []string
	for _, k := range b.columns {
		name := ident(t.schema.columns[k].name)
		match = append(match, "t."+name+" IS NOT DISTINCT FROM k."+name)
	}
	if apart := t.apart(w.anyPartition); apart >= 0 {
		b.columns = append(b.columns[:len(b.columns):len(b.columns)], apart)
		match = append(match, t.partitionSQL("t.")+" = "+t.partitionSQL("k."))
	}
	b.match = strings.Join(match, " AND ")
	for i, c := range t.dirty {
		b.changes[i] = landing{row: c.row, deleted: c.deleted, replaces: c.stored || t.foreign}
		c.dirty, c.stored, c.row = false, !c.deleted, row{}
	}
	t.pending, t.dirty, t.bytes = nil, nil, 0
	return b
}

// settle puts the waiting rows of a table into DuckDB, behind those that are on their way. The
// caller holds t.mu.
func (w *warehouse) settle(t *table) error {
	if err := t.landed(); err != nil {
		return err
	}
	if len(t.pending) == 0 && len(t.dirty) == 0 {
		return nil
	}
	t.broken = w.land(w.take(t))
	return t.broken
}

// begin settles a table while more is appended to it; it waits for the turn before. The caller
// holds t.mu.
func (w *warehouse) begin(t *table) error {
	if err := t.landed(); err != nil {
		return err
	}
	b, done := w.take(t), make(chan error, 1)
	go func() { done <- w.land(b) }()
	t.landing = done
	return nil
}

// landed waits until the rows that are on their way are in DuckDB. Rows that could not be put there
// are lost, so that the table answers with that error ever after. The caller holds t.mu.
func (t *table) landed() error {
	if t.landing != nil {
		t.broken = <-t.landing
		t.landing = nil
	}
	return t.broken
}

// land puts rows into DuckDB in one transaction.
func (w *warehouse) land(b *waiting) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx := context.Background()
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	run := func(statements ...string) error {
		for _, s := range statements {
			if _, err := conn.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
	if err := run("BEGIN"); err != nil {
		return err
	}
	name := b.table
	err = func() error {
		if err := w.write(conn, "", name.schemaName(), name.table, b.schema, len(b.pending), func(i int) (row, bool) { return b.pending[i], true }); err != nil {
			return err
		}
		if len(b.changes) == 0 {
			return nil
		}
		if err := w.forget(conn, b, run); err != nil {
			return err
		}
		return w.write(conn, "", name.schemaName(), name.table, b.schema, len(b.changes), func(i int) (row, bool) { return b.changes[i].row, !b.changes[i].deleted })
	}()
	if err != nil {
		_ = run("ROLLBACK")
		return fmt.Errorf("settle table %s: %w", name, err)
	}
	if err := run("COMMIT"); err != nil {
		return fmt.Errorf("settle table %s: %w", name, err)
	}
	return nil
}

// forget deletes the rows that changes replace.
func (w *warehouse) forget(conn *sql.Conn, b *waiting, run func(...string) error) error {
	var replaced []landing
	for _, c := range b.changes {
		if c.replaces {
			replaced = append(replaced, c)
		}
	}
	if len(replaced) == 0 {
		return nil
	}
	var keys []string
	for _, k := range b.columns {
		keys = append(keys, ident(b.schema.columns[k].name))
	}
	if err := run("CREATE OR REPLACE TEMP TABLE settled_keys AS SELECT " + strings.Join(keys, ", ") + " FROM " + b.table.duckdb() + " LIMIT 0"); err != nil {
		return err
	}
	if err := w.writeKeys(conn, b.schema, b.columns, replaced); err != nil {
		return err
	}
	return run("DELETE FROM "+b.table.duckdb()+" AS t USING settled_keys AS k WHERE "+b.match, "DROP TABLE settled_keys")
}

// write appends rows to a table of DuckDB.
func (w *warehouse) write(conn *sql.Conn, catalog, schemaName, name string, s *schema, n int, at func(int) (row, bool)) error {
	return appendTo(conn, catalog, schemaName, name, n, len(s.columns), func(i int, values []driver.Value, cells []cell) (bool, error) {
		r, ok := at(i)
		if !ok {
			return false, nil
		}
		if _, err := r.plan.read(r.data, cells[:len(r.plan.schema.columns)]); err != nil {
			return false, err
		}
		for j := range values {
			switch {
			case j >= len(r.plan.schema.columns) || !cells[j].set:
				values[j] = nil
			case s.columns[j].kind == kindString:
				values[j] = cells[j].text // which DuckDB copies
			default:
				values[j] = s.columns[j].kind.value(&cells[j])
			}
		}
		return true, nil
	}, len(s.columns))
}

// writeKeys appends these columns of changes to settled_keys.
func (w *warehouse) writeKeys(conn *sql.Conn, s *schema, columns []int, changes []landing) error {
	return appendTo(conn, "temp", "main", "settled_keys", len(changes), len(columns), func(i int, values []driver.Value, cells []cell) (bool, error) {
		r := changes[i].row
		if _, err := r.plan.read(r.data, cells[:len(r.plan.schema.columns)]); err != nil {
			return false, err
		}
		for j, k := range columns {
			values[j] = s.columns[k].kind.value(&cells[k])
		}
		return true, nil
	}, len(s.columns))
}

func appendTo(conn *sql.Conn, catalog, schemaName, name string, n, width int, fill func(int, []driver.Value, []cell) (bool, error), cellCount int) error {
	if n == 0 {
		return nil
	}
	return conn.Raw(func(c any) error {
		a, err := duckdb.NewAppender(c.(driver.Conn), catalog, schemaName, name)
		if err != nil {
			return err
		}
		values, cells := make([]driver.Value, width), make([]cell, cellCount)
		for i := range n {
			ok, err := fill(i, values, cells)
			if err == nil && ok {
				err = a.AppendRow(values...)
			}
			if err != nil {
				_ = a.Close()
				return err
			}
		}
		return a.Close()
	})
}

// value returns a cell as the driver takes it.
func (k kind) value(c *cell) driver.Value {
	if !c.set {
		return nil
	}
	switch k {
	case kindString:
		return string(c.text)
	case kindBytes:
		return c.text
	case kindInt:
		return c.num
	case kindFloat:
		return math.Float64frombits(uint64(c.num))
	case kindBool:
		return c.num != 0
	case kindTimestamp:
		return time.UnixMicro(c.num).UTC()
	default:
		return time.Unix(c.num*86400, 0).UTC()
	}
}
