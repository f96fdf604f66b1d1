package bigquery

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/internal/tempdir"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// stagingLife is after how long BigQuery deletes a staging table by itself.
const stagingLife = 24 * time.Hour

// A loader stores changes by load jobs and MERGE.
type loader struct {
	sink    *Writer
	dir     string
	store   *objects
	layouts []*layout // by table
	arrival arrival
	marked  map[int]bool // tables that have mergedLabel

	committing sync.Mutex

	mu    sync.Mutex
	files [][]*parquetFile // by table; the last one of each is being written
	err   error            // the first one; every call returns it
}

func newLoader(w *Writer) (*loader, error) {
	dir, err := tempdir.Make("flexbeam-load-")
	if err != nil {
		return nil, fmt.Errorf("bigquery: make files to load: %w", err)
	}
	l := &loader{sink: w, dir: dir, files: make([][]*parquetFile, len(tables)), marked: map[int]bool{}}
	if w.config.bucket != "" {
		if l.store, err = newObjects(w.config); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	for _, t := range tables {
		l.layouts = append(l.layouts, newLayout(t))
	}
	return l, nil
}

// write implements settler.
func (l *loader) write(_ context.Context, b change.Block) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.arrival.advance(time.Now())
	var key []byte
	err := b.Each(func(c change.Change) error {
		t := tables[c.Table]
		if err := l.check(t, c.Row); err != nil {
			return err
		}
		clean(c.Row)
		row, gone := c.Row, c.Delete
		if reason := refuses(t, row, gone); reason != "" {
			letter, err := letterFor(t, row, gone, reason, l.sink.config.hidePayload)
			if err != nil {
				return fmt.Errorf("bigquery: write to %s: %w", t.name, err)
			}
			t, row, gone = deadLettersTable, letter, false
		}
		key = t.appendKey(key[:0], row)
		f, err := l.file(t)
		if err != nil {
			return err
		}
		return f.add(string(key), gone, l.arrival.next(), row)
	})
	if err != nil {
		l.err = err
	}
	return err
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
	const first, last = -62135596800000, 253402300799999 // years 1 to 9999
	size := 0
	for i, v := range r {
		c := &t.columns[i]
		size += len(v.Str)
		switch {
		case v.IsNull() && c.required && !gone:
			return "column " + c.name + " is NOT NULL and has no value"
		case v.Type == model.Timestamp && (v.Num < first || v.Num > last):
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

// flush implements settler.
func (l *loader) flush(ctx context.Context) error {
	l.committing.Lock()
	defer l.committing.Unlock()
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return l.err
	}
	files := l.files
	l.files = make([][]*parquetFile, len(tables))
	l.mu.Unlock()
	err := l.commit(ctx, files)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.err == nil {
			l.err = err
		}
	}
	return err
}

// close implements settler.
func (l *loader) close(ctx context.Context) error {
	return errors.Join(l.flush(ctx), os.RemoveAll(l.dir))
}

// commit loads files into staging tables, all of them at once, and then merges these one after the
// other.
func (l *loader) commit(ctx context.Context, files [][]*parquetFile) error {
	var all []*staging
	var err error
	for id, of := range files {
		if len(of) == 0 {
			continue
		}
		s := &staging{loader: l, table: tables[id], files: of}
		sum := sha256.New()
		if e := of[len(of)-1].finish(); e != nil {
			err = errors.Join(err, e)
		}
		for _, f := range of {
			sum.Write(f.sum.Sum(nil))
			s.deletes = s.deletes || f.deletes
		}
		s.id = fmt.Sprintf("%s_%.12x", s.table.name, sum.Sum(nil))
		all = append(all, s)
	}
	if err != nil {
		return err
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
			err = s.merge(ctx)
		}
		if e := s.clean(context.WithoutCancel(ctx)); err == nil {
			err = e
		}
	}
	return err
}

// A staging is the staging table for one table in one commit.
type staging struct {
	loader  *loader
	table   *table
	id      string // of this content
	files   []*parquetFile
	deletes bool
	objects []string // in Cloud Storage
}

func (s *staging) name() string { return "flexbeam_staging_" + s.id }

func (s *staging) ref() *bigquery.Table {
	w := s.loader.sink
	return w.rest.DatasetInProject(w.config.project, w.config.in(s.table)).Table(s.name())
}

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

// merge settles the changes.
func (s *staging) merge(ctx context.Context) error {
	w := s.loader.sink
	p := w.config
	m := merging{
		Target: p.sql(s.table.name), Deletes: p.sql(deletesName), table: s.table,
		Staging: "`" + p.project + "." + p.in(s.table) + "." + s.name() + "`",
	}
	err := s.labelMerged(ctx)
	run := func(what, sql string) {
		if err != nil {
			return
		}
		_, err = w.job(ctx, "flexbeam_"+what+"_"+s.id, func(ctx context.Context, id string) (*bigquery.Job, error) {
			q := w.rest.Query(sql)
			q.JobID, q.Location = id, p.location
			q.Labels = map[string]string{managedLabel: agent}
			return q.Run(ctx)
		})
	}
	if s.deletes {
		run("deletes", m.mergeDeletes())
	}
	run("merge", m.merge())
	if err != nil {
		return fmt.Errorf("bigquery: merge into %s: %w", s.table.name, explain(err))
	}
	return nil
}

// labelMerged labels the table as one that rows were merged into, before the first ones are.
func (s *staging) labelMerged(ctx context.Context) error {
	l := s.loader
	if l.marked[s.table.id] {
		return nil
	}
	w := l.sink
	meta, err := w.metadata(ctx, s.table)
	if err != nil {
		return err
	}
	if meta.Labels[mergedLabel] == "" {
		var change bigquery.TableMetadataToUpdate
		change.SetLabel(mergedLabel, "yes")
		ref := w.rest.DatasetInProject(w.config.project, w.config.in(s.table)).Table(s.table.name)
		if err := w.retry(ctx, func(ctx context.Context) error { _, err := ref.Update(ctx, change, ""); return err }); err != nil {
			return err
		}
	}
	l.marked[s.table.id] = true
	return nil
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
