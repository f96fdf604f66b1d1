package bigquerylocal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"cloud.google.com/go/bigquery/storage/managedwriter/adapt"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"flexbeam/internal/testkit/bigquerylocal"
)

const (
	project   = "local-project"
	datasetID = "calls"
)

// A bench is a service with a dataset, and Google's clients for it.
type bench struct {
	testing.TB
	ctx    context.Context
	server *bigquerylocal.Server
	client *bigquery.Client
	writer *managedwriter.Client
}

func start(t testing.TB, o bigquerylocal.Options) *bench {
	t.Helper()
	s, err := bigquerylocal.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{TB: t, ctx: t.Context(), server: s}
	if b.client, err = bigquery.NewClient(b.ctx, project, s.ClientOptions()...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.client.Close() })
	b.writer = b.newWriter()
	b.must(b.client.Dataset(datasetID).Create(b.ctx, nil))
	return b
}

func (b *bench) newWriter() *managedwriter.Client {
	b.Helper()
	w, err := managedwriter.NewClient(b.ctx, project, b.server.WriterOptions()...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.Close() })
	return w
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// people is the schema of most tests.
func people() bigquery.Schema {
	return bigquery.Schema{
		{Name: "id", Type: bigquery.StringFieldType, Required: true},
		{Name: "name", Type: bigquery.StringFieldType},
		{Name: "age", Type: bigquery.IntegerFieldType},
		{Name: "score", Type: bigquery.FloatFieldType},
		{Name: "active", Type: bigquery.BooleanFieldType},
		{Name: "seen", Type: bigquery.TimestampFieldType},
		{Name: "raw", Type: bigquery.BytesFieldType},
	}
}

func (b *bench) table(name string, schema bigquery.Schema, keys ...string) *bigquery.Table {
	b.Helper()
	t := b.client.Dataset(datasetID).Table(name)
	m := &bigquery.TableMetadata{Schema: schema}
	if len(keys) > 0 {
		m.TableConstraints = &bigquery.TableConstraints{PrimaryKey: &bigquery.PrimaryKey{Columns: keys}}
	}
	b.must(t.Create(b.ctx, m))
	return t
}

func path(table string) string {
	return fmt.Sprintf("projects/%s/datasets/%s/tables/%s", project, datasetID, table)
}

// A form makes rows of a schema as protocol buffers.
type form struct {
	message    protoreflect.MessageDescriptor
	descriptor *descriptorpb.DescriptorProto
}

// changes adds the pseudocolumns of change data capture to a schema.
func changes(s bigquery.Schema) bigquery.Schema {
	return append(s[:len(s):len(s)], &bigquery.FieldSchema{Name: "_CHANGE_TYPE", Type: bigquery.StringFieldType},
		&bigquery.FieldSchema{Name: "_CHANGE_SEQUENCE_NUMBER", Type: bigquery.StringFieldType})
}

func newForm(t testing.TB, s bigquery.Schema) *form {
	t.Helper()
	ts, err := adapt.BQSchemaToStorageTableSchema(s)
	if err != nil {
		t.Fatal(err)
	}
	d, err := adapt.StorageSchemaToProto2Descriptor(ts, "row")
	if err != nil {
		t.Fatal(err)
	}
	f := &form{message: d.(protoreflect.MessageDescriptor)}
	if f.descriptor, err = adapt.NormalizeDescriptor(f.message); err != nil {
		t.Fatal(err)
	}
	return f
}

// row makes a row of names and values in turn. Required fields may be left out.
func (f *form) row(pairs ...any) []byte {
	m := dynamicpb.NewMessage(f.message)
	for i := 0; i < len(pairs); i += 2 {
		m.Set(f.message.Fields().ByName(protoreflect.Name(pairs[i].(string))), protoreflect.ValueOf(pairs[i+1]))
	}
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// stream opens a managed stream to a table.
func (b *bench) stream(table string, typ managedwriter.StreamType, f *form, options ...managedwriter.WriterOption) *managedwriter.ManagedStream {
	b.Helper()
	m, err := b.writer.NewManagedStream(b.ctx, append([]managedwriter.WriterOption{managedwriter.WithDestinationTable(path(table)), managedwriter.WithType(typ),
		managedwriter.WithSchemaDescriptor(f.descriptor)}, options...)...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { m.Close() })
	return m
}

// send appends rows and waits for the answer.
func (b *bench) send(m *managedwriter.ManagedStream, rows ...[]byte) (int64, error) {
	r, err := m.AppendRows(b.ctx, rows)
	if err != nil {
		return 0, err
	}
	return r.GetResult(b.ctx)
}

// query runs a query with Google's client and returns its rows as JSON lists.
func (b *bench) query(q string) []string {
	b.Helper()
	rows, err := b.tryQuery(q)
	if err != nil {
		b.Fatalf("%s: %v", q, err)
	}
	return rows
}

func (b *bench) tryQuery(q string) (rows []string, err error) {
	it, err := b.client.Query(q).Read(b.ctx)
	if err != nil {
		return nil, err
	}
	for {
		var r []bigquery.Value
		err := it.Next(&r)
		if errors.Is(err, iterator.Done) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		j, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		rows = append(rows, string(j))
	}
}

// apiError returns the error of the REST API in err.
func apiError(t testing.TB, err error) *googleapi.Error {
	t.Helper()
	var e *googleapi.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of the REST API", err)
	}
	return e
}

func itoa(n int) string { return strconv.Itoa(n) }
