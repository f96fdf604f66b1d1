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

func (w *warehouse) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := w.db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// settle puts the waiting rows of a table into DuckDB. The caller holds t.mu.
func (w *warehouse) settle(t *table) error {
	if len(t.pending) == 0 && len(t.dirty) == 0 {
		return nil
	}
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
	err = func() error {
		if err := w.write(conn, "", t.name.schemaName(), t.name.table, t.schema, len(t.pending), func(i int) (row, bool) { return t.pending[i], true }); err != nil {
			return err
		}
		if len(t.dirty) == 0 {
			return nil
		}
		if err := w.forget(conn, t, run); err != nil {
			return err
		}
		return w.write(conn, "", t.name.schemaName(), t.name.table, t.schema, len(t.dirty), func(i int) (row, bool) { return t.dirty[i].row, !t.dirty[i].deleted })
	}()
	if err != nil {
		_ = run("ROLLBACK")
		return fmt.Errorf("settle table %s: %w", t.name, err)
	}
	if err := run("COMMIT"); err != nil {
		return fmt.Errorf("settle table %s: %w", t.name, err)
	}
	for _, c := range t.dirty {
		c.dirty, c.stored, c.row = false, !c.deleted, row{}
	}
	t.pending, t.dirty, t.bytes = nil, nil, 0
	return nil
}

// forget deletes the rows that the dirty changes of a table replace.
func (w *warehouse) forget(conn *sql.Conn, t *table, run func(...string) error) error {
	var replaced []*change
	for _, c := range t.dirty {
		if c.stored || t.foreign {
			replaced = append(replaced, c)
		}
	}
	if len(replaced) == 0 {
		return nil
	}
	var keys, on []string
	for _, k := range t.schema.keys {
		name := ident(t.schema.columns[k].name)
		keys = append(keys, name)
		on = append(on, "t."+name+" IS NOT DISTINCT FROM k."+name)
	}
	columns := t.schema.keys
	if apart := t.apart(w.anyPartition); apart >= 0 {
		columns = append(columns[:len(columns):len(columns)], apart)
		keys = append(keys, ident(t.schema.columns[apart].name))
		on = append(on, t.partitionSQL("t.")+" = "+t.partitionSQL("k."))
	}
	if err := run("CREATE OR REPLACE TEMP TABLE settled_keys AS SELECT " + strings.Join(keys, ", ") + " FROM " + t.name.duckdb() + " LIMIT 0"); err != nil {
		return err
	}
	if err := w.writeKeys(conn, t, columns, replaced); err != nil {
		return err
	}
	return run("DELETE FROM "+t.name.duckdb()+" AS t USING settled_keys AS k WHERE "+strings.Join(on, " AND "), "DROP TABLE settled_keys")
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
			values[j] = nil
			if j < len(r.plan.schema.columns) {
				values[j] = s.columns[j].kind.value(&cells[j])
			}
		}
		return true, nil
	}, len(s.columns))
}

// writeKeys appends these columns of changes to settled_keys.
func (w *warehouse) writeKeys(conn *sql.Conn, t *table, columns []int, changes []*change) error {
	return appendTo(conn, "temp", "main", "settled_keys", len(changes), len(columns), func(i int, values []driver.Value, cells []cell) (bool, error) {
		r := changes[i].row
		if _, err := r.plan.read(r.data, cells[:len(r.plan.schema.columns)]); err != nil {
			return false, err
		}
		for j, k := range columns {
			values[j] = t.schema.columns[k].kind.value(&cells[k])
		}
		return true, nil
	}, len(t.schema.columns))
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
