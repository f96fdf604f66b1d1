package bigquerylocal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"
)

// load does a load job: all files or none (https://cloud.google.com/bigquery/docs/loading-data).
func (s *Server) load(ctx context.Context, project string, one *job, l *bq.JobConfigurationLoad, media string) error {
	if l.DestinationTable == nil {
		return invalid("Required parameter is missing: destinationTable")
	}
	switch {
	case l.MaxBadRecords > 0:
		return unknown("maxBadRecords")
	case len(l.SchemaUpdateOptions) > 0:
		return unknown("schemaUpdateOptions")
	case l.TimePartitioning != nil || l.Clustering != nil:
		return unknown("partitioning and clustering in load jobs: create the table before")
	}
	files, remove, err := s.files(ctx, l, media)
	defer remove()
	if err != nil {
		return err
	}
	var from source
	switch l.SourceFormat {
	case "PARQUET":
		from = parquetSource{}
	case "NEWLINE_DELIMITED_JSON":
		from = jsonSource{ignoreUnknown: l.IgnoreUnknownValues}
	default:
		return unknown("the source format %q: send PARQUET or NEWLINE_DELIMITED_JSON", l.SourceFormat)
	}
	t, err := s.destination(ctx, project, l, from, files)
	if err != nil {
		return err
	}
	if err := s.countLoad(t); err != nil {
		return err
	}
	n, err := s.fill(ctx, t, l, from, files)
	if err != nil {
		return err
	}
	size := int64(0)
	for _, f := range files {
		if fi, err := os.Stat(f); err == nil {
			size += fi.Size()
		}
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	one.meta.Statistics.Load = &bq.JobStatistics3{InputFiles: int64(len(files)), InputFileBytes: size, OutputRows: n, OutputBytes: size, ForceSendFields: []string{"OutputRows"}}
	return nil
}

// What load jobs may do to a table in 24 hours, failed ones included: to one without partitions so
// many jobs (https://cloud.google.com/bigquery/quotas#load_jobs); to one with partitions so many
// changes of a partition, each job counting as often as it has partitions
// (https://cloud.google.com/bigquery/quotas#partitioned_tables), which takes the place of the other
// (https://cloud.google.com/bigquery/docs/optimize-load-jobs).
const (
	loadJobs            = 1500
	partitionChanges    = 30000
	partitionsOfLoadJob = 4000 // that a single job changes
)

// loaded is a load job of a table.
type loaded struct {
	at    time.Time
	costs int // of what a table takes
}

// countLoad refuses a load job that is one too many.
func (s *Server) countLoad(t *table) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := s.options.Now()
	for len(t.loads) > 0 && now.Sub(t.loads[0].at) >= 24*time.Hour {
		t.loads = t.loads[1:]
	}
	t.loads = append(t.loads, loaded{now, 1})
	err := s.judgeLoads(t)
	if err != nil {
		t.loads = t.loads[:len(t.loads)-1]
	}
	return err
}

// judgeLoads tells whether the load jobs of a table are too many. The caller holds t.mu.
func (s *Server) judgeLoads(t *table) error {
	most, quota := loadJobs, "imports or query appends per table"
	if t.meta.TimePartitioning != nil {
		most, quota = partitionChanges, "Number of partition modifications to a column partitioned table"
	}
	if s.options.LoadJobs > 0 {
		most = s.options.LoadJobs
	}
	n := 0
	for _, l := range t.loads {
		n += l.costs
	}
	if n <= most {
		return nil
	}
	return &apiError{code: http.StatusForbidden, reason: "quotaExceeded", message: fmt.Sprintf("Quota exceeded: Your table exceeded quota for %s: %s took %d in 24 hours", quota, t.name, most)}
}

// countPartitions counts the partitions that the newest load job of a table has rows of, which are
// those behind the row last. The caller holds t.mu.
func (s *Server) countPartitions(ctx context.Context, conn *sql.Conn, t *table, last int64) error {
	if t.partitioning().column < 0 {
		return nil
	}
	n := 0
	err := conn.QueryRowContext(ctx, fmt.Sprintf("SELECT count(DISTINCT %s) FROM %s AS t WHERE rowid > %d", t.partitionSQL("t."), t.name.duckdb(), last)).Scan(&n)
	if err != nil {
		return err
	}
	if n > partitionsOfLoadJob {
		return invalid("Too many partitions: the load job changes %d of %s, %d are allowed", n, t.name, partitionsOfLoadJob)
	}
	t.loads[len(t.loads)-1].costs = max(n, 1)
	return s.judgeLoads(t)
}

// maxURIs is how many source URIs a load job may have
// (https://cloud.google.com/bigquery/quotas#load_jobs).
const maxURIs = 10000

// A source reads files of one format.
type source interface {
	// schema describes the columns of a file, where the format has that.
	schema(ctx context.Context, db *sql.DB, file string) ([]*bq.TableFieldSchema, error)
	// insert adds the rows of a file to a table.
	insert(ctx context.Context, conn *sql.Conn, t *table, file string) (int64, error)
}

// files are the files of a load job on this machine.
func (s *Server) files(ctx context.Context, l *bq.JobConfigurationLoad, media string) (files []string, remove func(), err error) {
	remove = func() {
		for _, f := range files {
			os.Remove(f)
		}
	}
	if media != "" {
		return []string{media}, remove, nil
	}
	if len(l.SourceUris) == 0 {
		return nil, remove, invalid("Load configuration must specify at least one source URI")
	}
	if len(l.SourceUris) > maxURIs {
		return nil, remove, invalid("Too many source URIs: %d, at most %d are allowed", len(l.SourceUris), maxURIs)
	}
	for _, uri := range l.SourceUris {
		if !strings.HasPrefix(uri, "gs://") {
			return files, remove, invalid("Source URI must be a Google Cloud Storage location: %s", uri)
		}
		if strings.Contains(uri, "*") {
			return files, remove, unknown("wildcards in source URIs: %s", uri)
		}
		if s.options.OpenObject == nil {
			return files, remove, unknown("where objects of Cloud Storage are (%s): the option OpenObject is not set", uri)
		}
		file, err := s.fetch(ctx, uri)
		if file != "" {
			files = append(files, file)
		}
		if err != nil {
			return files, remove, notFound("URI %s: %v", uri, err)
		}
	}
	return files, remove, nil
}

func (s *Server) fetch(ctx context.Context, uri string) (string, error) {
	from, err := s.options.OpenObject(ctx, uri)
	if err != nil {
		return "", err
	}
	defer from.Close()
	file, err := os.CreateTemp(s.dir, "object-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(file, from)
	return file.Name(), errors.Join(err, file.Close())
}

// destination returns the table to load into, made if it may and must be, and checks that files of
// this schema fit.
func (s *Server) destination(ctx context.Context, project string, l *bq.JobConfigurationLoad, from source, files []string) (*table, error) {
	ref := l.DestinationTable
	n := tableName{ref.ProjectId, ref.DatasetId, ref.TableId}
	if n.project == "" {
		n.project = project
	}
	t, err := s.catalog.table(n)
	if err != nil {
		var e *apiError
		if !errors.As(err, &e) || e.code != http.StatusNotFound || l.CreateDisposition == "CREATE_NEVER" || strings.HasPrefix(e.message, "Not found: Dataset") {
			return nil, err
		}
		m := &bq.Table{Schema: l.Schema}
		if m.Schema == nil {
			fields, err := from.schema(ctx, s.warehouse.db, files[0])
			if err != nil {
				return nil, err
			}
			m.Schema = &bq.TableSchema{Fields: fields}
		}
		if t, err = s.catalog.createTable(ctx, n, m); err != nil {
			return nil, err
		}
	}
	if t.isView() {
		return nil, invalid("Cannot load into the view %s", n)
	}
	if l.Schema != nil {
		if err := t.accepts(l.Schema.Fields); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		fields, err := from.schema(ctx, s.warehouse.db, f)
		if err != nil {
			return nil, err
		}
		if err := t.accepts(fields); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// accepts tells whether data with these columns can be loaded: a table's nullable columns may be
// missing, others have to be there with the same type, and none may be nullable that is required in
// the table.
func (t *table) accepts(fields []*bq.TableFieldSchema) error {
	if fields == nil {
		return nil
	}
	t.mu.Lock()
	s := t.schema
	t.mu.Unlock()
	there := map[int]bool{}
	for _, f := range fields {
		i, ok := s.index[strings.ToLower(f.Name)]
		if !ok {
			return invalid("Provided Schema does not match Table %s. Cannot add fields (field: %s)", t.name, f.Name)
		}
		c := s.columns[i]
		if k, ok := kindNamed(f.Type); !ok || k != c.kind {
			return invalid("Provided Schema does not match Table %s. Field %s has changed type from %s to %s", t.name, c.name, kinds[c.kind].rest, f.Type)
		}
		if c.required && f.Mode != "REQUIRED" {
			return invalid("Provided Schema does not match Table %s. Field %s has changed mode from REQUIRED to NULLABLE", t.name, c.name)
		}
		there[i] = true
	}
	for i, c := range s.columns {
		if c.required && !there[i] {
			return invalid("Provided Schema does not match Table %s. Field %s is missing in new schema", t.name, c.name)
		}
	}
	return nil
}

// fill puts the rows of the files into a table in one transaction.
func (s *Server) fill(ctx context.Context, t *table, l *bq.JobConfigurationLoad, from source, files []string) (n int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := s.warehouse.settle(t); err != nil {
		return 0, err
	}
	s.warehouse.mu.Lock()
	defer s.warehouse.mu.Unlock()
	conn, err := s.warehouse.db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	switch l.WriteDisposition {
	case "", "WRITE_APPEND":
	case "WRITE_TRUNCATE":
		if _, err := conn.ExecContext(ctx, "DELETE FROM "+t.name.duckdb()); err != nil {
			return 0, err
		}
	case "WRITE_EMPTY":
		var rows int64
		if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM "+t.name.duckdb()).Scan(&rows); err != nil {
			return 0, err
		}
		if rows > 0 {
			return 0, duplicate("Table %s", t.name)
		}
	default:
		return 0, unknown("the write disposition %s", l.WriteDisposition)
	}
	last := int64(-1)
	if err := conn.QueryRowContext(ctx, "SELECT COALESCE(max(rowid), -1) FROM "+t.name.duckdb()).Scan(&last); err != nil {
		return 0, err
	}
	for _, f := range files {
		rows, err := from.insert(ctx, conn, t, f)
		if err != nil {
			return 0, err
		}
		n += rows
	}
	if err := s.countPartitions(ctx, conn, t, last); err != nil {
		return 0, err
	}
	t.foreign = true
	_, err = conn.ExecContext(ctx, "COMMIT")
	if err == nil && l.WriteDisposition == "WRITE_TRUNCATE" {
		t.changes = nil
	}
	return n, err
}

// unreadable is the error of a file that does not hold what it should.
func unreadable(format string, a ...any) error {
	return invalid("Error while reading data, error message: %s", fmt.Sprintf(format, a...))
}
