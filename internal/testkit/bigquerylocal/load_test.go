package bigquerylocal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"flexbeam/internal/testkit/bigquerylocal"
)

// A person is a row of people in Parquet.
type person struct {
	ID     string     `parquet:"id"`
	Name   *string    `parquet:"name,optional"`
	Age    *int64     `parquet:"age,optional"`
	Score  *float64   `parquet:"score,optional"`
	Active *bool      `parquet:"active,optional"`
	Seen   *time.Time `parquet:"seen,optional,timestamp(microsecond)"`
	Raw    []byte     `parquet:"raw,optional"`
}

func parquetFile[T any](t testing.TB, rows ...T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// load runs a load job and returns its error, of the request or of the job.
func (b *bench) load(table, id string, format bigquery.DataFormat, file io.Reader, options ...func(*bigquery.Loader)) (*bigquery.JobStatus, error) {
	src := bigquery.NewReaderSource(file)
	src.SourceFormat = format
	return b.loadFrom(table, id, src, options...)
}

func (b *bench) loadFrom(table, id string, src bigquery.LoadSource, options ...func(*bigquery.Loader)) (*bigquery.JobStatus, error) {
	l := b.client.Dataset(datasetID).Table(table).LoaderFrom(src)
	l.JobID = id
	for _, o := range options {
		o(l)
	}
	job, err := l.Run(b.ctx)
	if err != nil {
		return nil, err
	}
	status, err := job.Wait(b.ctx)
	if err != nil {
		return nil, err
	}
	return status, status.Err()
}

// https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#type_conversions
func TestParquetIsLoadedWithItsTypes(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	seen := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	name, age, score, yes := "Anna", int64(30), 1.5, true
	status, err := b.load("people", "", bigquery.Parquet, bytes.NewReader(parquetFile(t, person{"a", &name, &age, &score, &yes, &seen, []byte{0, 255}}, person{ID: "b"})))
	b.must(err)
	if n := status.Statistics.Details.(*bigquery.LoadStatistics).OutputRows; n != 2 {
		t.Errorf("%d rows are said to be loaded", n)
	}
	want := []string{`["a","Anna",30,1.5,true,"2026-01-02T03:04:05.678901Z","AP8="]`, `["b",null,null,null,null,null,null]`}
	if d := cmp.Diff(want, b.query("SELECT * FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
}

// A load job whose id is taken is a conflict and loads nothing:
// https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid
func TestAJobIDLoadsOnce(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	file := parquetFile(t, person{ID: "a"})
	if _, err := b.load("people", "once", bigquery.Parquet, bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	_, err := b.load("people", "once", bigquery.Parquet, bytes.NewReader(file))
	if e := apiError(t, err); e.Code != http.StatusConflict || e.Errors[0].Reason != "duplicate" {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff([]string{`[1]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
	job, err := b.client.JobFromID(b.ctx, "once")
	b.must(err)
	if s := job.LastStatus(); !s.Done() || s.Err() != nil {
		t.Errorf("job once is %+v", s)
	}
	if _, err := b.client.JobFromID(b.ctx, "never"); apiError(t, err).Code != http.StatusNotFound {
		t.Errorf("job never: %v", err)
	}
}

// What does not fit the table fails the job as a whole:
// https://cloud.google.com/bigquery/docs/managing-table-schemas
func TestFilesThatDoNotFitLoadNothing(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	type extra struct {
		ID   string `parquet:"id"`
		More string `parquet:"more"`
	}
	type other struct {
		ID  string `parquet:"id"`
		Age string `parquet:"age"`
	}
	type loose struct {
		ID *string `parquet:"id,optional"`
	}
	type without struct {
		Name string `parquet:"name"`
	}
	type local struct {
		ID   string `parquet:"id"`
		Seen int64  `parquet:"seen,timestamp(microsecond:local)"`
	}
	id := "a"
	tests := []struct {
		format  bigquery.DataFormat
		file    []byte
		message string
	}{
		{bigquery.Parquet, parquetFile(t, extra{"a", "x"}), "Cannot add fields (field: more)"},
		{bigquery.Parquet, parquetFile(t, other{"a", "x"}), "Field age has changed type from INTEGER to STRING"},
		{bigquery.Parquet, parquetFile(t, loose{&id}), "Field id has changed mode from REQUIRED to NULLABLE"},
		{bigquery.Parquet, parquetFile(t, without{"x"}), "Field id is missing in new schema"},
		{bigquery.Parquet, parquetFile(t, local{"a", 1}), "Field seen has changed type from TIMESTAMP to DATETIME"},
		{bigquery.Parquet, []byte("no parquet"), "Error while reading data"},
		{bigquery.JSON, []byte(`{"id": "a"}` + "\n" + `{"id": "b", "more": 1}`), "No such field: more"},
		{bigquery.JSON, []byte(`{"id": "a"}` + "\n" + `{"id": "b", "age": "old"}`), "Could not convert value of field age to INTEGER"},
		{bigquery.JSON, []byte(`{"id": "a"}` + "\n" + `{"name": "b"}`), "Missing required field: id"},
		{bigquery.JSON, []byte(`{"id": "a"}` + "\n" + `{`), "JSON parsing error"},
		{bigquery.CSV, []byte("a"), "does not know the source format"},
	}
	for _, test := range tests {
		_, err := b.load("people", "", test.format, bytes.NewReader(test.file))
		if err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("got %v, want %s", err, test.message)
		}
	}
	if d := cmp.Diff([]string{`[0]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
}

// https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json
func TestLinesOfJSONAreLoaded(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	_, err := b.load("people", "", bigquery.JSON, strings.NewReader(`{"id":"a","name":"Anna","age":"30","score":1.5,"active":true,"seen":"2026-01-02T03:04:05.678901Z","raw":"AP8="}

{"id":"b","age":31,"seen":1767323045.5,"active":"false","name":null}
`))
	b.must(err)
	want := []string{`["a","Anna",30,1.5,true,"2026-01-02T03:04:05.678901Z","AP8="]`, `["b",null,31,null,false,"2026-01-02T03:04:05.5Z",null]`}
	if d := cmp.Diff(want, b.query("SELECT * FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
}

// https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad
func TestDispositionsAreHeld(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	file := func(id string) io.Reader { return bytes.NewReader(parquetFile(t, person{ID: id})) }
	never := func(l *bigquery.Loader) { l.CreateDisposition = bigquery.CreateNever }
	write := func(d bigquery.TableWriteDisposition) func(*bigquery.Loader) {
		return func(l *bigquery.Loader) { l.WriteDisposition = d }
	}
	if _, err := b.load("people", "", bigquery.Parquet, file("a"), never); err == nil || !strings.Contains(err.Error(), "Not found: Table") {
		t.Errorf("CREATE_NEVER without a table: %v", err)
	}
	if _, err := b.load("people", "", bigquery.Parquet, file("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.load("people", "", bigquery.Parquet, file("b"), never, write(bigquery.WriteAppend)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.load("people", "", bigquery.Parquet, file("c"), write(bigquery.WriteEmpty)); err == nil || !strings.Contains(err.Error(), "Already Exists: Table") {
		t.Errorf("WRITE_EMPTY into a table with rows: %v", err)
	}
	if d := cmp.Diff([]string{`["a"]`, `["b"]`}, b.query("SELECT id FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
	if _, err := b.load("people", "", bigquery.Parquet, file("d"), write(bigquery.WriteTruncate)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{`["d"]`}, b.query("SELECT id FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
}

// A file larger than a chunk goes in several, each of which may fail and come again:
// https://cloud.google.com/bigquery/docs/reference/api-uploads#resumable
func TestALargeFileIsResumed(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	line := `{"id":"a","name":"` + strings.Repeat("x", 1000) + "\"}\n"
	n := 40<<20/len(line) + 1
	for i, f := range []*bigquerylocal.Injection{
		b.server.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "jobs.upload", Skip: 2, Status: 503}),
		b.server.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Lose, Method: "jobs.upload", Skip: 6, Status: 500}),
	} {
		if _, err := b.load("people", "", bigquery.JSON, strings.NewReader(strings.Repeat(line, n))); err != nil {
			t.Fatal(err)
		}
		if i == 0 && f.Hits() != 1 {
			t.Error("no chunk failed")
		}
		if got := b.query("SELECT COUNT(*) FROM calls.people"); got[0] != "["+itoa(n*(i+1))+"]" {
			t.Errorf("after load %d: %s rows, want %d", i+1, got[0], n*(i+1))
		}
	}
}

func TestObjectsOfCloudStorageAreLoaded(t *testing.T) {
	objects := map[string][]byte{"gs://bucket/a.parquet": parquetFile(t, person{ID: "a"}), "gs://bucket/b.parquet": parquetFile(t, person{ID: "b"})}
	b := start(t, bigquerylocal.Options{OpenObject: func(_ context.Context, uri string) (io.ReadCloser, error) {
		if o, ok := objects[uri]; ok {
			return io.NopCloser(bytes.NewReader(o)), nil
		}
		return nil, errors.New("no such object")
	}})
	b.table("people", people())
	from := func(uris ...string) error {
		r := bigquery.NewGCSReference(uris...)
		r.SourceFormat = bigquery.Parquet
		_, err := b.loadFrom("people", "", r)
		return err
	}
	if err := from("gs://bucket/a.parquet", "gs://bucket/c.parquet"); err == nil || !strings.Contains(err.Error(), "Not found: URI gs://bucket/c.parquet") {
		t.Errorf("a missing object: %v", err)
	}
	b.must(from("gs://bucket/a.parquet", "gs://bucket/b.parquet"))
	if d := cmp.Diff([]string{`["a"]`, `["b"]`}, b.query("SELECT id FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
}

func TestACanceledJobStops(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	b.server.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Slow, Method: "jobs.run", Delay: time.Hour})
	src := bigquery.NewReaderSource(bytes.NewReader(parquetFile(t, person{ID: "a"})))
	src.SourceFormat = bigquery.Parquet
	job, err := b.client.Dataset(datasetID).Table("people").LoaderFrom(src).Run(b.ctx)
	b.must(err)
	if s, err := job.Status(b.ctx); err != nil || s.Done() {
		t.Fatalf("the job is %+v, %v", s, err)
	}
	b.must(job.Cancel(b.ctx))
	s, err := job.Wait(b.ctx)
	b.must(err)
	if s.Err() == nil || !strings.Contains(s.Err().Error(), "cancelled") {
		t.Errorf("the job ended with %v", s.Err())
	}
	if d := cmp.Diff([]string{`[0]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
}
