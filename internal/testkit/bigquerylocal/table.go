package bigquerylocal

import (
	"fmt"
	"sync"
	"time"

	bq "google.golang.org/api/bigquery/v2"
)

// A tableName names a table or view.
type tableName struct{ project, dataset, table string }

// String is the name as error messages have it.
func (n tableName) String() string { return n.project + ":" + n.dataset + "." + n.table }

// path is the name as the Storage Write service has it.
func (n tableName) path() string {
	return fmt.Sprintf("projects/%s/datasets/%s/tables/%s", n.project, n.dataset, n.table)
}

func (n tableName) schemaName() string { return n.project + "." + n.dataset }

// duckdb is the quoted name in DuckDB: a schema for each dataset.
func (n tableName) duckdb() string { return ident(n.schemaName()) + "." + ident(n.table) }

// A table is a table, or a view, which has neither schema nor rows of its own here.
//
// Rows that Storage Write appended wait as they came, in pending and in the changes that are dirty,
// until a reader, a load or a statement needs the table, or pendingLimit is reached: then they are
// put into DuckDB, in the second case while more is appended.
type table struct {
	name    tableName
	setting setting // what the query of a view is read with

	mu       sync.Mutex
	meta     *bq.Table
	schema   *schema
	stale    *schema // the schema before the last change of it, nil when it never changed
	version  int     // counts changes of the schema
	gone     bool
	pending  []row
	changes  map[string]*change
	dirty    []*change
	bytes    int        // of pending and dirty rows
	landing  chan error // of rows on their way into DuckDB, nil when there are none
	broken   error      // why rows could not be put into DuckDB
	changers int        // open connections that sent changes
	foreign  bool       // rows came by other ways than changes
	upserted bool       // changes were streamed to it

	loads    []loaded             // in the last 24 hours
	inserted time.Time            // when tabledata.insertAll wrote to it last
	insertID map[string]time.Time // of rows that tabledata.insertAll wrote, with the time

	settled time.Time // when changes were settled last, or the table was made
}

func (t *table) isView() bool { return t.meta.View != nil }

// A row is a serialized message with what reads it.
type row struct {
	plan *plan
	data []byte
}

// A change is the newest change of a key. It stays for as long as the table, so that an older one
// has no effect; of a delete, for the window that Options.DeleteMemory says.
type change struct {
	sequence  sequence
	row       row // of a change that is not yet in DuckDB; it also holds the key
	deleted   bool
	deletedAt time.Time
	dirty     bool
	stored    bool // DuckDB has a row of this key
}

// held tells whether a query may not see the changes that wait. The caller holds t.mu.
func (t *table) held(now time.Time) bool {
	d := staleness(t.meta.MaxStaleness)
	return d > 0 && len(t.pending) == 0 && now.Sub(t.settled) < d
}

// staleness reads days and clock of an interval as maxStaleness has it; months count 30 days.
func staleness(s string) time.Duration {
	var years, months, days, hours, minutes int
	var seconds float64
	if n, _ := fmt.Sscanf(s, "%d-%d %d %d:%d:%f", &years, &months, &days, &hours, &minutes, &seconds); n != 6 {
		return 0
	}
	return time.Duration((years*12+months)*30+days)*24*time.Hour + time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds*float64(time.Second))
}

// pendingLimit is the size of waiting rows, in bytes, at which a table settles by itself.
const pendingLimit = 64 << 20

// append adds rows without a change type. The caller holds t.mu.
func (t *table) append(rows []row) {
	t.foreign = true
	t.pending = append(t.pending, rows...)
	for _, r := range rows {
		t.bytes += len(r.data)
	}
}

// apply settles one change with what is known of its key: the greater sequence number stays, of
// equal ones the later arrival
// (https://cloud.google.com/bigquery/docs/change-data-capture#manage_custom_ordering). The caller
// holds t.mu.
func (t *table) apply(key []byte, q sequence, deleted bool, r row, now time.Time, memory time.Duration) {
	c := t.changes[string(key)]
	if c == nil {
		if t.changes == nil {
			t.changes = map[string]*change{}
		}
		c = &change{}
		t.changes[string(key)] = c
	} else if q.less(c.sequence) && !(c.deleted && now.Sub(c.deletedAt) >= memory) {
		return
	}
	c.sequence, c.deleted = q, deleted
	if deleted {
		c.deletedAt = now
	}
	t.bytes += len(r.data) - len(c.row.data)
	c.row = r
	if !c.dirty {
		c.dirty = true
		t.dirty = append(t.dirty, c)
	}
}
