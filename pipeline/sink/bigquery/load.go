package bigquery

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/internal/tempdir"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// stagingLife is after how long BigQuery deletes a staging table by itself.
const stagingLife = 24 * time.Hour

// largestRow is the size above which a row is refused, bytes: streamed rows have the same bound.
const largestRow = 9 << 20

// A loader stores changes by load jobs and MERGE.
type loader struct {
	router  *router
	sink    *Writer
	dir     string
	store   *objects
	layouts []*layout // by table
	arrival arrival
	marked  map[int]int64 // by table: what its mergedLabel tells

	committing sync.Mutex

	mu    sync.Mutex
	files [][]*parquetFile // by table; the last one of each is being written
}

func newLoader(r *router) (*loader, error) {
	w := r.sink
	dir, err := tempdir.Make("flexbeam-load-")
	if err != nil {
		return nil, fmt.Errorf("bigquery: make files to load: %w", err)
	}
	l := &loader{router: r, sink: w, dir: dir, files: make([][]*parquetFile, len(tables)), marked: map[int]int64{}}
	if w.config.bucket != "" {
		if l.store, err = newObjects(w.config); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	l.arrival.advance(time.Now())
	for _, t := range tables {
		l.layouts = append(l.layouts, newLayout(t))
	}
	return l, nil
}

// change adds a change to the file of its table.
func (l *loader) change(ctx context.Context, c change.Change) error {
	t := tables[c.Table]
	if err := l.check(t, c.Row); err != nil {
		return err
	}
	clean(c.Row)
	if reason := refuses(t, c.Row, c.Delete); reason != "" {
		letter, err := letterFor(t, c.Row, c.Delete, reason, l.sink.config.hidePayload)
		if err != nil {
			return fmt.Errorf("bigquery: write to %s: %w", t.name, err)
		}
		return l.router.letter(ctx, letter)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := l.file(t)
	if err != nil {
		return err
	}
	return f.add(string(t.appendKey(nil, c.Row)), l.arrival.next(), c)
}

func (l *loader) check(t *table, r model.Row) error {
	for i, v := range r {
		if v.Type != model.Null && v.Type != t.columns[i].kind {
			return fmt.Errorf("%w: %s.%s: a value of type %d", change.ErrCorrupt, t.name, t.columns[i].name, v.Type)
		}
	}
	return nil
}

// refuses returns why BigQuery would refuse a row, or an empty text when it would take it. It is asked
// before loading, since one bad row would fail the whole load job.
func refuses(t *table, r model.Row, gone bool) string {
	size := 0
	for i, v := range r {
		c := &t.columns[i]
		size += len(v.Str)
		switch {
		case v.IsNull() && c.required && !gone:
			return "column " + c.name + " is NOT NULL and has no value"
		case v.Type == model.Timestamp && timeOf(v.Num).UnixMilli() != v.Num:
			return fmt.Sprintf("column %s: timestamp %d is out of range", c.name, v.Num)
		}
	}
	if size > largestRow {
		return fmt.Sprintf("the row has %d bytes, at most %d are taken", size, largestRow)
	}
	return ""
}

// file returns the file to write to.
func (l *loader) file(t *table) (*parquetFile, error) {
	all := l.files[t.id]
	if n := len(all); n > 0 {
		if f := all[n-1]; f.written < fileBytes {
			return f, nil
		} else if err := f.finish(); err != nil {
			return nil, err
		}
	}
	f, err := newParquetFile(l.dir, l.layouts[t.id])
	if err == nil {
		l.files[t.id] = append(all, f)
	}
	return f, err
}

// flush stores all changes. streamed tells that some of them are on their way through the streamer:
// their table has gone over to change data capture since they came.
func (l *loader) flush(ctx context.Context) (streamed bool, err error) {
	l.committing.Lock()
	defer l.committing.Unlock()
	l.mu.Lock()
	files := l.files
	l.files = make([][]*parquetFile, len(tables))
	l.mu.Unlock()
	return l.commit(ctx, files)
}

// close removes the files.
func (l *loader) close() error { return os.RemoveAll(l.dir) }

// commit loads files into staging tables, all of them at once, and then merges these one after the
// other.
func (l *loader) commit(ctx context.Context, files [][]*parquetFile) (streamed bool, err error) {
	var all []*staging
	for id, of := range files {
		if len(of) == 0 {
			continue
		}
		s := &staging{loader: l, table: tables[id], files: of, newest: math.MinInt64}
		sum := sha256.New()
		if e := of[len(of)-1].finish(); e != nil {
			err = errors.Join(err, e)
		}
		for _, f := range of {
			sum.Write(f.sum.Sum(nil))
			s.deletes, s.newest = s.deletes || f.deletes, max(s.newest, f.newest)
		}
		s.id = fmt.Sprintf("%s_%.12x", s.table.name, sum.Sum(nil))
		all = append(all, s)
	}
	if err != nil {
		return false, err
	}
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, s := range all {
		wg.Go(func() { errs[i] = s.load(ctx) })
	}
	wg.Wait()
	err = errors.Join(errs...)
	for _, s := range all {
		if err == nil {
			var over bool
			over, err = s.settle(ctx)
			streamed = streamed || over
		}
		if e := s.clean(context.WithoutCancel(ctx)); err == nil {
			err = e
		}
	}
	return streamed, err
}

// A staging is the staging table for one table in one commit.
type staging struct {
	loader  *loader
	table   *table
	id      string // of this content
	files   []*parquetFile
	deletes bool
	newest  int64    // the greatest version
	objects []string // in Cloud Storage
}

func (s *staging) name() string { return "flexbeam_staging_" + s.id }

func (s *staging) ref() *bigquery.Table { return s.loader.sink.beside(s.table, s.name()) }

// load creates the table and loads the files.
func (s *staging) load(ctx context.Context) error {
	w := s.loader.sink
	fail := func(err error) error { return fmt.Errorf("bigquery: load %s: %w", s.table.name, explain(err)) }
	var fields bigquery.Schema
	for _, c := range s.loader.layouts[s.table.id].columns {
		fields = append(fields, &bigquery.FieldSchema{Name: c.name, Type: fieldTypes[c.kind], Description: c.description})
	}
	err := w.retry(ctx, func(ctx context.Context) error {
		return s.ref().Create(ctx, &bigquery.TableMetadata{
			Schema: fields, ExpirationTime: time.Now().Add(stagingLife), Labels: map[string]string{managedLabel: agent},
			Description: "Changes on their way into " + s.table.name + ". It expires by itself.",
		})
	})
	if err != nil && restStatus(err) != http.StatusConflict { // of our own making: an answer was lost
		return fail(err)
	}
	for n, f := range s.files {
		source, err := s.source(ctx, n, f)
		if err != nil {
			return fail(err)
		}
		_, err = w.job(ctx, fmt.Sprintf("flexbeam_load_%s_%d", s.id, n), func(ctx context.Context, id string) (*bigquery.Job, error) {
			src, end, err := source()
			if err != nil {
				return nil, err
			}
			defer end()
			l := s.ref().LoaderFrom(src)
			l.JobID, l.Location = id, w.config.location
			l.Labels = map[string]string{managedLabel: agent}
			l.WriteDisposition, l.CreateDisposition = bigquery.WriteAppend, bigquery.CreateNever
			return l.Run(ctx)
		})
		if err != nil {
			return fail(err)
		}
	}
	return nil
}

// source returns where a load job reads a file from. Each call of open begins anew, and end closes
// what it opened.
func (s *staging) source(ctx context.Context, n int, f *parquetFile) (open func() (_ bigquery.LoadSource, end func(), err error), err error) {
	if s.loader.store == nil {
		return func() (bigquery.LoadSource, func(), error) {
			file, err := os.Open(f.file.Name())
			if err != nil {
				return nil, nil, err
			}
			r := bigquery.NewReaderSource(file)
			r.SourceFormat = bigquery.Parquet
			return r, func() { file.Close() }, nil // it was only read
		}, nil
	}
	object := fmt.Sprintf("%s_%d.parquet", s.name(), n)
	var uri string
	err = s.loader.sink.retry(ctx, func(ctx context.Context) (err error) {
		uri, err = s.loader.store.put(ctx, object, f.file.Name())
		return err
	})
	if err != nil {
		return nil, err
	}
	s.objects = append(s.objects, object)
	r := bigquery.NewGCSReference(uri)
	r.SourceFormat = bigquery.Parquet
	return func() (bigquery.LoadSource, func(), error) { return r, func() {}, nil }, nil
}

// settle merges the changes into their table, or streams them to it if it has gone over to change
// data capture meanwhile.
func (s *staging) settle(ctx context.Context) (streamed bool, err error) {
	for labelled := false; !labelled; {
		g, meta, err := s.loader.sink.enter(ctx, s.table, byLoad)
		if err != nil {
			return false, err
		}
		if g == byStream {
			break
		}
		if labelled, err = s.labelMerged(ctx, meta); err != nil {
			return false, err
		}
		if !labelled {
			continue
		}
		err = s.merge(ctx)
		if !refusedDML(err) || s.loader.sink.config.mode == modeLoad {
			return false, err
		}
	}
	if _, err := s.loader.router.enter(ctx, s.table, byStream); err != nil {
		return false, err
	}
	return true, s.restream(ctx)
}

// restream reads the changes back and streams them.
func (s *staging) restream(ctx context.Context) error {
	stream, t := s.loader.router.stream.Load(), s.table
	row, cells := make(model.Row, len(t.columns)), t.model.All()
	err := s.loader.sink.query(ctx, s.merging().newestOfDays(), func(values []bigquery.Value) error {
		gone, ok := values[1].(bool)
		forgets, ok2 := values[2].(bool)
		if !ok || !ok2 || len(values) != len(staged)+len(cells) {
			return fmt.Errorf("%w: a staged row has other columns", ErrTable)
		}
		if err := fill(t, row, cells, values[len(staged):]); err != nil {
			return err
		}
		return stream.change(ctx, change.Change{Table: t.model.ID, Row: row, Delete: gone, Forget: forgets}, nil)
	})
	if err != nil {
		return fmt.Errorf("bigquery: stream what was staged for %s: %w", t.name, explain(err))
	}
	return nil
}

// remember stores the deletes among the changes where the table of deletes is streamed to.
func (s *staging) remember(ctx context.Context) error {
	stream := s.loader.router.stream.Load()
	err := s.loader.sink.query(ctx, s.merging().selectDeletes(), func(values []bigquery.Value) error {
		key, _ := values[0].(string)
		version, _ := values[1].(int64)
		when := model.Value{}
		if at, ok := values[2].(time.Time); ok {
			when = model.Millis(at.UnixMilli())
		}
		known := &stream.known.of[s.table.id] // MERGE leaves nothing that BigQuery compares a later change with
		known.add([]byte(key), version)
		known.deleted.Store(true)
		return stream.remember(ctx, s.table, key, version, when)
	})
	if err == nil {
		err = stream.flush(ctx)
	}
	return err
}

func (s *staging) merging() merging {
	p := s.loader.sink.config
	return merging{
		Target: p.sql(s.table.name), Deletes: p.sql(deletesName), table: s.table,
		Staging: "`" + p.project + "." + p.in(s.table) + "." + s.name() + "`",
	}
}

// merge merges the changes into the table.
func (s *staging) merge(ctx context.Context) (err error) {
	w := s.loader.sink
	m := s.merging()
	run := func(what, sql string) error {
		_, err := w.statement(ctx, "flexbeam_"+what+"_"+s.id, sql)
		return err
	}
	if s.deletes {
		deletes, e := s.loader.router.again(ctx, deletesTable)
		switch {
		case e != nil:
			err = e
		case deletes == byStream:
			err = s.remember(ctx)
		default:
			err = run("deletes", m.mergeDeletes())
		}
	}
	if err == nil {
		err = run("merge", m.merge())
	}
	if err != nil {
		return fmt.Errorf("bigquery: merge into %s: %w", s.table.name, explain(err))
	}
	return nil
}

// labelMerged labels the table as one that rows up to a version were merged into, before they are. It
// returns false where the table has changed since meta was read.
func (s *staging) labelMerged(ctx context.Context, meta *bigquery.TableMetadata) (bool, error) {
	l, w := s.loader, s.loader.sink
	if told, ok := l.marked[s.table.id]; ok && told >= s.newest {
		return true, nil
	}
	told, merged := mergedVersion(meta)
	if !merged || told < s.newest {
		told = s.newest
		var change bigquery.TableMetadataToUpdate
		change.SetLabel(mergedLabel, strconv.FormatInt(told, 10))
		err := w.retry(ctx, func(ctx context.Context) error { _, err := w.table(s.table).Update(ctx, change, meta.ETag); return err })
		if restStatus(err) == http.StatusPreconditionFailed {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("bigquery: label table %s: %w", s.table.name, explain(err))
		}
	}
	l.marked[s.table.id] = told
	return true, nil
}

// clean deletes what was staged. A staging table that cannot be deleted expires by itself.
func (s *staging) clean(ctx context.Context) error {
	w := s.loader.sink
	err := w.retry(ctx, func(ctx context.Context) error { return s.ref().Delete(ctx) })
	if restStatus(err) == http.StatusNotFound {
		err = nil
	}
	for _, o := range s.objects {
		if e := w.retry(ctx, func(ctx context.Context) error { return s.loader.store.remove(ctx, o) }); err == nil && e != nil {
			err = e
		}
	}
	for _, f := range s.files {
		if e := os.Remove(f.file.Name()); err == nil && e != nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("bigquery: delete staged changes of %s: %w", s.table.name, explain(err))
	}
	return nil
}
