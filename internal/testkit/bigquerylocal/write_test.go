package bigquerylocal_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flexbeam/internal/testkit/bigquerylocal"
)

// storageCode returns the StorageError in the details of an error.
func storageCode(t testing.TB, err error) storagepb.StorageError_StorageErrorCode {
	t.Helper()
	e, ok := apierror.FromError(err)
	if !ok {
		t.Fatalf("got %v, want an error of the API", err)
	}
	var s storagepb.StorageError
	if e.Details().ExtractProtoMessage(&s) != nil {
		return storagepb.StorageError_STORAGE_ERROR_CODE_UNSPECIFIED
	}
	return s.GetCode()
}

// Types of columns and the protocol buffer types for them:
// https://cloud.google.com/bigquery/docs/supported-data-types
func TestValuesOfAllTypesComeBack(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	schema := append(people(), &bigquery.FieldSchema{Name: "born", Type: bigquery.DateFieldType})
	b.table("people", schema)
	f := newForm(t, schema)
	m := b.stream("people", managedwriter.DefaultStream, f)
	seen := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	_, err := b.send(m, f.row("id", "a", "name", "žluťoučký", "age", int64(math.MinInt64), "score", 0.1, "active", true, "seen", seen.UnixMicro(), "raw", []byte{0, 255}, "born", int32(-1)),
		f.row("id", ""), f.row("id", "c", "active", false, "age", int64(0), "score", math.Inf(-1), "name", ""))
	b.must(err)
	want := []string{
		`["a","žluťoučký",-9223372036854775808,0.1,true,"2026-01-02T03:04:05.678901Z","AP8=","1969-12-31"]`,
	}
	if d := cmp.Diff(want, b.query("SELECT * FROM calls.people WHERE id = 'a'")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{`[null,null,null,null]`}, b.query("SELECT name, age, seen, raw FROM calls.people WHERE id = ''")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{`["",0,false]`}, b.query("SELECT name, age, active FROM calls.people WHERE id = 'c' AND score < 0")); d != "" {
		t.Error(d)
	}
}

// One bad row refuses all rows of its request, and the answer says which ones are bad:
// https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#appendrowsresponse
func TestARefusedRowRefusesItsRequest(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	f := newForm(t, people())
	m := b.stream("people", managedwriter.DefaultStream, f)
	r, err := m.AppendRows(b.ctx, [][]byte{f.row("id", "a"), f.row("name", "no id"), f.row("id", "b"), {0xff}, f.row("id", "c", "seen", int64(math.MaxInt64)),
		append(f.row("id", "d"), 0x12, 1, 0xff)})
	b.must(err)
	resp, err := r.FullResponse(b.ctx)
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("got %v", err)
	}
	var got []string
	for _, e := range resp.GetRowErrors() {
		if e.GetCode() != storagepb.RowError_FIELDS_ERROR {
			t.Errorf("row %d has the code %s", e.GetIndex(), e.GetCode())
		}
		got = append(got, fmt.Sprintf("%d %s", e.GetIndex(), e.GetMessage()))
	}
	want := []string{"1 Field id is REQUIRED and has no value in the row", "3 the row cannot be parsed as a message of the writer schema",
		"4 Field seen: timestamp 9223372036854775807 is out of range: microseconds from -62135596800000000 to 253402300799999999 are allowed", "5 Field name: the value is not valid UTF-8"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	b.must(second(b.send(m, f.row("id", "e")))) // the connection goes on
	if d := cmp.Diff([]string{`["e"]`}, b.query("SELECT id FROM calls.people")); d != "" {
		t.Error(d)
	}
}

func second[T any](_ T, err error) error { return err }

// https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#storageerrorcode
// and https://cloud.google.com/bigquery/docs/supported-data-types
func TestAWriterSchemaMustFitTheTable(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people(), "id")
	change := func(f func(bigquery.Schema) bigquery.Schema) bigquery.Schema { return f(people()) }
	tests := []struct {
		name    string
		schema  bigquery.Schema
		code    storagepb.StorageError_StorageErrorCode
		message string
	}{
		{"an unknown field", append(people(), &bigquery.FieldSchema{Name: "more", Type: bigquery.StringFieldType}), storagepb.StorageError_SCHEMA_MISMATCH_EXTRA_FIELDS, "extra fields: 'more'"},
		{"a string for a timestamp", change(func(s bigquery.Schema) bigquery.Schema { s[5].Type = bigquery.StringFieldType; return s }), 0, "people.seen, the proto field type string, BigQuery field type TIMESTAMP"},
		{"a string for a number", change(func(s bigquery.Schema) bigquery.Schema { s[2].Type = bigquery.StringFieldType; return s }), 0, "people.age, the proto field type string, BigQuery field type INTEGER"},
		{"a float for a number", change(func(s bigquery.Schema) bigquery.Schema { s[2].Type = bigquery.FloatFieldType; return s }), 0, "people.age, the proto field type double, BigQuery field type INTEGER"},
		{"no required field", people()[1:], 0, "required field id"},
		{"a repeated field", change(func(s bigquery.Schema) bigquery.Schema { s[1].Repeated = true; return s }), 0, "the proto field type repeated string"},
	}
	for _, test := range tests {
		f := newForm(t, test.schema)
		var row []byte
		if test.schema[0].Name == "id" {
			row = f.row("id", "a")
		}
		_, err := b.send(b.stream("people", managedwriter.DefaultStream, f), row)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), test.message) || storageCode(t, err) != test.code {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	// Columns that may be null may be missing, and names are the same in any case.
	f := newForm(t, bigquery.Schema{{Name: "ID", Type: bigquery.StringFieldType}})
	b.must(second(b.send(b.stream("people", managedwriter.DefaultStream, f), f.row("ID", "a"))))
	if d := cmp.Diff([]string{`["a"]`}, b.query("SELECT id FROM calls.people")); d != "" {
		t.Error(d)
	}
}

// https://cloud.google.com/bigquery/quotas#write-api-limits
func TestARequestHasAtMost10MB(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	f := newForm(t, people())
	m := b.stream("people", managedwriter.DefaultStream, f)
	_, err := b.send(m, f.row("id", strings.Repeat("x", 10<<20)))
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "AppendRows request too large") {
		t.Errorf("got %v", err)
	}
	b.must(second(b.send(m, f.row("id", strings.Repeat("x", 10<<20-2000)))))
}

// Offsets make appends exactly once:
// https://cloud.google.com/bigquery/docs/write-api#exactly-once_semantics
func TestOffsetsOfCommittedStreamsAreKept(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	f := newForm(t, people())
	m := b.stream("people", managedwriter.CommittedStream, f)
	at := func(offset int64, rows ...[]byte) (int64, error) {
		r, err := m.AppendRows(b.ctx, rows, managedwriter.WithOffset(offset))
		b.must(err)
		return r.GetResult(b.ctx)
	}
	for _, offset := range []int64{0, 2} {
		if got, err := at(offset, f.row("id", "a"), f.row("id", "b")); err != nil || got != offset {
			t.Errorf("append at %d: %d, %v", offset, got, err)
		}
	}
	if _, err := at(2, f.row("id", "c")); status.Code(err) != codes.AlreadyExists || storageCode(t, err) != storagepb.StorageError_OFFSET_ALREADY_EXISTS {
		t.Errorf("an offset again: %v", err)
	}
	if _, err := at(9, f.row("id", "c")); status.Code(err) != codes.OutOfRange || storageCode(t, err) != storagepb.StorageError_OFFSET_OUT_OF_RANGE {
		t.Errorf("an offset beyond: %v", err)
	}
	if d := cmp.Diff([]string{`[4]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
	if n, err := m.Finalize(b.ctx); err != nil || n != 4 {
		t.Errorf("finalize: %d, %v", n, err)
	}
	if _, err := at(4, f.row("id", "c")); storageCode(t, err) != storagepb.StorageError_STREAM_FINALIZED {
		t.Errorf("an append to a finalized stream: %v", err)
	}
	d := b.stream("people", managedwriter.DefaultStream, f)
	r, err := d.AppendRows(b.ctx, [][]byte{f.row("id", "d")}, managedwriter.WithOffset(0))
	b.must(err)
	if _, err := r.GetResult(b.ctx); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an offset on the default stream: %v", err)
	}
}

// https://cloud.google.com/bigquery/docs/write-api-batch
func TestPendingStreamsAppearTogetherWhenCommitted(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	f := newForm(t, people())
	one, two := b.stream("people", managedwriter.PendingStream, f), b.stream("people", managedwriter.PendingStream, f)
	b.must(second(b.send(one, f.row("id", "a"))))
	b.must(second(b.send(two, f.row("id", "b"))))
	commit := func() *storagepb.BatchCommitWriteStreamsResponse {
		t.Helper()
		resp, err := b.writer.BatchCommitWriteStreams(b.ctx, &storagepb.BatchCommitWriteStreamsRequest{Parent: path("people"), WriteStreams: []string{one.StreamName(), two.StreamName()}})
		b.must(err)
		return resp
	}
	b.must(second(one.Finalize(b.ctx)))
	if r := commit(); r.GetCommitTime() != nil || len(r.GetStreamErrors()) != 1 || r.GetStreamErrors()[0].GetCode() != storagepb.StorageError_INVALID_STREAM_STATE {
		t.Errorf("a commit of a stream that is not finalized: %v", r)
	}
	if d := cmp.Diff([]string{`[0]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
	b.must(second(two.Finalize(b.ctx)))
	if r := commit(); r.GetCommitTime() == nil || len(r.GetStreamErrors()) > 0 {
		t.Errorf("the commit: %v", r)
	}
	if d := cmp.Diff([]string{`["a"]`, `["b"]`}, b.query("SELECT id FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
	if r := commit(); len(r.GetStreamErrors()) != 2 || r.GetStreamErrors()[0].GetCode() != storagepb.StorageError_STREAM_ALREADY_COMMITTED {
		t.Errorf("a second commit: %v", r)
	}
}

// https://cloud.google.com/bigquery/docs/write-api#buffered_type
func TestBufferedRowsAppearWhenFlushed(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	f := newForm(t, people())
	m := b.stream("people", managedwriter.BufferedStream, f)
	b.must(second(b.send(m, f.row("id", "a"), f.row("id", "b"), f.row("id", "c"))))
	for offset, want := range []string{`[1]`, `[2]`} {
		for range 2 { // flushing again changes nothing
			if n, err := m.FlushRows(b.ctx, int64(offset)); err != nil || n != int64(offset) {
				t.Errorf("flush to %d: %d, %v", offset, n, err)
			}
		}
		if d := cmp.Diff([]string{want}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
			t.Error(d)
		}
	}
	if _, err := m.FlushRows(b.ctx, 3); status.Code(err) != codes.OutOfRange {
		t.Errorf("a flush beyond the rows: %v", err)
	}
}

// https://cloud.google.com/bigquery/docs/write-api-best-practices#multiplexing
func TestDefaultStreamsOfSeveralTablesShareAConnection(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	w, err := managedwriter.NewClient(b.ctx, project, append(b.server.WriterOptions(), managedwriter.WithMultiplexing(), managedwriter.WithMultiplexPoolLimit(1))...)
	b.must(err)
	defer w.Close()
	b.writer = w
	pets := bigquery.Schema{{Name: "pet", Type: bigquery.StringFieldType}}
	b.table("people", people())
	b.table("pets", pets)
	f, g := newForm(t, people()), newForm(t, pets)
	one, two := b.stream("people", managedwriter.DefaultStream, f), b.stream("pets", managedwriter.DefaultStream, g)
	for i := range 3 {
		for range i + 1 {
			b.must(second(b.send(one, f.row("id", "a"))))
		}
		b.must(second(b.send(two, g.row("pet", "b"))))
	}
	if d := cmp.Diff([]string{`[6,3]`}, b.query("SELECT (SELECT COUNT(*) FROM calls.people), (SELECT COUNT(*) FROM calls.pets)")); d != "" {
		t.Error(d)
	}
}

// A connection is told of columns that were added:
// https://cloud.google.com/bigquery/docs/write-api-streaming#working_with_schemas
func TestAnAddedColumnIsTold(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	table := b.table("people", people())
	f := newForm(t, people())
	m := b.stream("people", managedwriter.DefaultStream, f)
	b.must(second(b.send(m, f.row("id", "a"))))
	more := append(people(), &bigquery.FieldSchema{Name: "more", Type: bigquery.StringFieldType})
	_, err := table.Update(b.ctx, bigquery.TableMetadataToUpdate{Schema: more}, "")
	b.must(err)
	updated := func() *storagepb.TableSchema {
		r, err := m.AppendRows(b.ctx, [][]byte{f.row("id", "b")})
		b.must(err)
		s, err := r.UpdatedSchema(b.ctx)
		b.must(err)
		return s
	}
	if s := updated(); len(s.GetFields()) != len(more) || s.GetFields()[len(more)-1].GetName() != "more" {
		t.Errorf("told %v", s)
	}
	if s := updated(); s != nil {
		t.Errorf("told twice: %v", s)
	}
	g := newForm(t, more)
	r, err := m.AppendRows(b.ctx, [][]byte{g.row("id", "c", "more", "x")}, managedwriter.UpdateSchemaDescriptor(g.descriptor))
	b.must(err)
	b.must(second(r.GetResult(b.ctx)))
	if d := cmp.Diff([]string{`["a",null]`, `["b",null]`, `["b",null]`, `["c","x"]`}, b.query("SELECT id, more FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
}

// https://cloud.google.com/bigquery/docs/change-data-capture#prerequisites and #limitations
func TestChangesAreForbiddenWhereTheyAre(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people(), "id")
	b.table("keyless", people())
	f, plain := newForm(t, changes(people())), newForm(t, people())
	upsert := f.row("id", "a", "_CHANGE_TYPE", "UPSERT")
	for name, m := range map[string]*managedwriter.ManagedStream{
		"default stream only": b.stream("people", managedwriter.CommittedStream, f),
		"needs a primary key": b.stream("keyless", managedwriter.DefaultStream, f),
	} {
		if _, err := b.send(m, upsert); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := b.stream("people", managedwriter.DefaultStream, f)
	r, err := m.AppendRows(b.ctx, [][]byte{f.row("id", "a"), f.row("id", "a", "_CHANGE_TYPE", "INSERT"), upsert,
		f.row("id", "a", "_CHANGE_TYPE", "UPSERT", "_CHANGE_SEQUENCE_NUMBER", "1/2/3/4/5"), f.row("id", "a", "_CHANGE_TYPE", "UPSERT", "_CHANGE_SEQUENCE_NUMBER", "x"),
		f.row("id", "a", "_CHANGE_TYPE", "DELETE", "_CHANGE_SEQUENCE_NUMBER", "11111111111111111"), f.row("id", "a", "_CHANGE_TYPE", "UPSERT", "_CHANGE_SEQUENCE_NUMBER", ""),
		f.row("_CHANGE_TYPE", "DELETE")})
	b.must(err)
	resp, _ := r.FullResponse(b.ctx)
	var got []int64
	for _, e := range resp.GetRowErrors() {
		got = append(got, e.GetIndex())
	}
	if d := cmp.Diff([]int64{0, 1, 3, 4, 5, 6, 7}, got); d != "" {
		t.Error(d)
	}
	b.must(second(b.send(m, upsert)))
	r, err = m.AppendRows(b.ctx, [][]byte{plain.row("id", "b")}, managedwriter.UpdateSchemaDescriptor(plain.descriptor))
	b.must(err)
	if _, err := r.GetResult(b.ctx); err != nil && !strings.Contains(err.Error(), "cannot be mixed on one connection") {
		t.Errorf("rows without a change type: %v", err)
	}
	// DML that changes rows is not supported.
	m = b.stream("people", managedwriter.DefaultStream, f)
	b.must(second(b.send(m, upsert)))
	if _, err := b.tryQuery("DELETE FROM calls.people WHERE TRUE"); err == nil || apiError(t, err).Errors[0].Reason != "invalid" {
		t.Errorf("a DELETE beside changes: %v", err)
	}
	// The pseudocolumns are no columns.
	if _, err := b.tryQuery("SELECT _CHANGE_TYPE FROM calls.people"); err == nil {
		t.Error("the pseudocolumns can be queried")
	}
	err = b.client.Dataset(datasetID).Table("reserved").Create(b.ctx, &bigquery.TableMetadata{Schema: changes(people())})
	if apiError(t, err).Code != 400 {
		t.Errorf("a column with the name of a pseudocolumn: %v", err)
	}
}

// A delete is remembered for two days:
// https://cloud.google.com/bigquery/docs/change-data-capture#deleted_data_considerations
func TestADeleteIsForgottenAfterItsTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := start(t, bigquerylocal.Options{Now: func() time.Time { return now }})
	b.table("people", people(), "id")
	f := newForm(t, changes(people()))
	m := b.stream("people", managedwriter.DefaultStream, f)
	b.must(second(b.send(m, f.row("id", "a", "_CHANGE_TYPE", "DELETE", "_CHANGE_SEQUENCE_NUMBER", "9"))))
	for _, want := range []string{`[0]`, `[1]`} {
		b.must(second(b.send(m, f.row("id", "a", "_CHANGE_TYPE", "UPSERT", "_CHANGE_SEQUENCE_NUMBER", "5"))))
		if d := cmp.Diff([]string{want}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
			t.Error(d)
		}
		now = now.Add(48 * time.Hour)
	}
}

// https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#writestream
func TestStreamsThatDoNotExistAreNotFound(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	f := newForm(t, people())
	_, err := b.writer.NewManagedStream(b.ctx, managedwriter.WithDestinationTable(path("nobody")), managedwriter.WithType(managedwriter.CommittedStream), managedwriter.WithSchemaDescriptor(f.descriptor))
	if status.Code(err) != codes.NotFound {
		t.Errorf("a stream to no table: %v", err)
	}
	m := b.stream("people", managedwriter.DefaultStream, f)
	b.must(second(b.send(m, f.row("id", "a"))))
	b.must(b.client.Dataset(datasetID).Table("people").Delete(b.ctx))
	if _, err := b.send(m, f.row("id", "a")); status.Code(err) != codes.NotFound || storageCode(t, err) != storagepb.StorageError_TABLE_NOT_FOUND {
		t.Errorf("an append to a table that was deleted: %v", err)
	}
	b.table("people", people())
	b.must(second(b.send(m, f.row("id", "b"))))
	if d := cmp.Diff([]string{`["b"]`}, b.query("SELECT id FROM calls.people")); d != "" {
		t.Error(d)
	}
}

func TestTheRowsOfATableAreMaps(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	f := newForm(t, people())
	b.must(second(b.send(b.stream("people", managedwriter.DefaultStream, f), f.row("id", "a", "age", int64(3), "raw", []byte("x")))))
	rows, err := b.server.Rows(project, datasetID, "people")
	b.must(err)
	want := []map[string]any{{"id": "a", "name": nil, "age": int64(3), "score": nil, "active": nil, "seen": nil, "raw": []byte("x")}}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
	if _, err := b.server.Rows(project, datasetID, "nobody"); err == nil {
		t.Error("the rows of no table are no error")
	}
}

// https://cloud.google.com/bigquery/docs/change-data-capture#manage_table_staleness
func TestChangesMayBeHeldForTheStalenessOfTheTable(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := start(t, bigquerylocal.Options{Now: func() time.Time { return now }, HoldChanges: true})
	table := b.table("people", people(), "id")
	stale := func(d time.Duration) {
		_, err := table.Update(b.ctx, bigquery.TableMetadataToUpdate{MaxStaleness: bigquery.IntervalValueFromDuration(d)}, "")
		b.must(err)
	}
	stale(15 * time.Minute)
	f := newForm(t, changes(people()))
	m := b.stream("people", managedwriter.DefaultStream, f)
	look := func(want string) {
		t.Helper()
		if d := cmp.Diff([]string{want}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
			t.Error(d)
		}
	}
	b.must(second(b.send(m, f.row("id", "a", "_CHANGE_TYPE", "UPSERT"))))
	look(`[0]`)
	now = now.Add(15 * time.Minute)
	look(`[1]`)
	b.must(second(b.send(m, f.row("id", "b", "_CHANGE_TYPE", "UPSERT"))))
	look(`[1]`)
	stale(0)
	look(`[2]`)
}
