package bigquerylocal

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A partitioning is the column by which a table is partitioned, and its unit.
type partitioning struct {
	column int    // -1: the table has no partitions, or those of the time at which rows arrive
	unit   string // DAY, HOUR, MONTH or YEAR
}

// partitioning returns how the table is partitioned. The caller holds t.mu.
func (t *table) partitioning() partitioning {
	p := t.meta.TimePartitioning
	if p == nil || p.Field == "" {
		return partitioning{column: -1}
	}
	return partitioning{column: t.schema.index[strings.ToLower(p.Field)], unit: p.Type}
}

// The days around today of which rows can be streamed into a table that is partitioned by a column:
// ten years back and one ahead
// (https://cloud.google.com/bigquery/docs/write-api#time-unit_column_partitioning). The page counts
// years. In days the service's own message has told 1825 and 366 while the page said five years and
// one (https://github.com/mozilla/gcp-ingestion/pull/2721); 3650 is concluded from that.
const (
	streamedPast   = 3650 * 24 * time.Hour
	streamedFuture = 366 * 24 * time.Hour
)

// partitionIDs are the layouts of partition IDs
// (https://cloud.google.com/bigquery/docs/managing-partitioned-table-data#partition_decorators).
var partitionIDs = map[string]struct{ layout, duckdb string }{
	"HOUR": {"2006010215", "%Y%m%d%H"}, "DAY": {"20060102", "%Y%m%d"}, "MONTH": {"200601", "%Y%m"}, "YEAR": {"2006", "%Y"},
}

// time returns the time of a cell of the partitioning column.
func (p partitioning) time(k kind, c *cell) time.Time {
	if k == kindDate {
		return time.Unix(c.num*86400, 0).UTC()
	}
	return time.UnixMicro(c.num).UTC()
}

// id returns the ID of the partition of a cell.
func (p partitioning) id(k kind, c *cell) string {
	if !c.set {
		return "__NULL__"
	}
	return p.time(k, c).Format(partitionIDs[p.unit].layout)
}

// outside says why a row cannot be streamed into its partition, "" when it can.
func (p partitioning) outside(t *table, k kind, at time.Time, now time.Time) string {
	if today := now.UTC().Truncate(24 * time.Hour); !at.Before(today.Add(-streamedPast)) && at.Before(today.Add(streamedFuture)) {
		return ""
	}
	return fmt.Sprintf("Value %d for field %s of the destination table %s is outside the allowed bounds. You can only stream to date range within %d days in the past and %d days in the future relative to the current date.",
		at.UnixMicro(), t.schema.columns[p.column].name, t.name, int(streamedPast/(24*time.Hour)), int(streamedFuture/(24*time.Hour)))
}

// apart returns the column by whose partition the changes of one key are told apart, -1 for none.
// Google publishes that keys are not enforced, and that whoever applies changes reads the whole
// table, since it is not known to which partitions they belong
// (https://cloud.google.com/bigquery/docs/change-data-capture). That a change finds the row of its
// key in another partition is not among it, so the strict reading is that it sees those of its own
// only. The caller holds t.mu.
func (t *table) apart(anyPartition bool) int {
	p := t.partitioning()
	if anyPartition || p.column < 0 || slices.Contains(t.schema.keys, p.column) {
		return -1
	}
	return p.column
}

// partitionSQL is the ID of a row's partition in DuckDB, as an expression over a table named alias.
func (t *table) partitionSQL(alias string) string {
	p := t.partitioning()
	if p.column < 0 {
		return "CAST(NULL AS VARCHAR)"
	}
	return fmt.Sprintf("COALESCE(strftime(%s%s, '%s'), '__NULL__')", alias, ident(t.schema.columns[p.column].name), partitionIDs[p.unit].duckdb)
}

// expireSQL deletes the rows whose partition is older than the table keeps partitions, "" when it
// keeps all
// (https://cloud.google.com/bigquery/docs/managing-partitioned-tables#partition-expiration). The
// caller holds t.mu.
func (t *table) expireSQL(now time.Time) string {
	p := t.partitioning()
	if p.column < 0 || t.meta.TimePartitioning.ExpirationMs <= 0 {
		return ""
	}
	oldest := now.Add(-time.Duration(t.meta.TimePartitioning.ExpirationMs) * time.Millisecond).UTC()
	return fmt.Sprintf("DELETE FROM %s WHERE date_trunc('%s', CAST(%s AS TIMESTAMP)) <= CAST('%s' AS TIMESTAMP)", t.name.duckdb(), strings.ToLower(p.unit),
		ident(t.schema.columns[p.column].name), oldest.Format("2006-01-02 15:04:05.999999"))
}
