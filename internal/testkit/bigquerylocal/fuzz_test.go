package bigquerylocal

import (
	"strings"
	"testing"
	"time"

	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// FuzzPlan compares the reader of rows with that of the protobuf module, for all types of fields.
func FuzzPlan(f *testing.F) {
	names := []string{"s", "b", "i", "i32", "u32", "d", "f", "t", "y", "y64"}
	types := []descriptorpb.FieldDescriptorProto_Type{
		descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_BYTES, descriptorpb.FieldDescriptorProto_TYPE_INT64,
		descriptorpb.FieldDescriptorProto_TYPE_INT32, descriptorpb.FieldDescriptorProto_TYPE_UINT32, descriptorpb.FieldDescriptorProto_TYPE_DOUBLE,
		descriptorpb.FieldDescriptorProto_TYPE_FLOAT, descriptorpb.FieldDescriptorProto_TYPE_BOOL, descriptorpb.FieldDescriptorProto_TYPE_INT32,
		descriptorpb.FieldDescriptorProto_TYPE_UINT64,
	}
	rest := []string{"STRING", "BYTES", "INTEGER", "INTEGER", "INTEGER", "FLOAT", "FLOAT", "BOOLEAN", "DATE", "BOOLEAN"}
	d := &descriptorpb.DescriptorProto{Name: proto.String("row")}
	var fields []*bq.TableFieldSchema
	for i, n := range names {
		d.Field = append(d.Field, &descriptorpb.FieldDescriptorProto{Name: proto.String(n), Number: proto.Int32(int32(i + 1)), Type: types[i].Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()})
		fields = append(fields, &bq.TableFieldSchema{Name: n, Type: rest[i]})
	}
	s, err := newSchema(fields, nil)
	if err != nil {
		f.Fatal(err)
	}
	p, err := newPlan(proto.CloneOf(d), s, "t")
	if err != nil {
		f.Fatal(err)
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{Name: proto.String("row.proto"), Syntax: proto.String("proto2"), MessageType: []*descriptorpb.DescriptorProto{d}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	message := file.Messages().Get(0)
	full := dynamicpb.NewMessage(message)
	for i, v := range []any{"text", []byte{0, 255}, int64(-1), int32(-2), uint32(3), 0.5, float32(1.5), true, int32(-400), uint64(1)} {
		full.Set(message.Fields().Get(i), protoreflect.ValueOf(v))
	}
	seed, err := proto.Marshal(full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{})
	f.Add([]byte{0x0b, 0x0c})                         // a group
	f.Add([]byte{0xfa, 0x7f, 1, 0})                   // an unknown field
	f.Add(append(seed, seed...))                      // fields twice
	f.Add([]byte{0x20, 0xff, 0xff, 0xff, 0xff, 0x1f}) // an int32 of more than 32 bits
	f.Fuzz(func(t *testing.T, data []byte) {
		cells := make([]cell, len(s.columns))
		_, err := p.read(data, cells)
		if err == nil {
			err = p.check(cells)
		}
		m := dynamicpb.NewMessage(message)
		if e := proto.Unmarshal(data, m); e != nil {
			if err == nil {
				t.Errorf("read what protobuf refuses: %v", e)
			}
			return
		}
		if err != nil { // of another wire type, which protobuf keeps as unknown, or out of range
			return
		}
		for i := range cells {
			fd := message.Fields().Get(i)
			if m.Has(fd) != cells[i].set {
				t.Fatalf("field %s: set %v, want %v", fd.Name(), cells[i].set, m.Has(fd))
			}
			if !cells[i].set {
				continue
			}
			got, want := s.columns[i].kind.value(&cells[i]), m.Get(fd).Interface()
			switch w := want.(type) {
			case int32:
				want = int64(w)
				if s.columns[i].kind == kindDate {
					want = time.Unix(int64(w)*86400, 0).UTC()
				}
			case uint32:
				want = int64(w)
			case uint64:
				want = w != 0
			case float32:
				want = float64(w)
			case []byte:
				want, got = string(w), string(got.([]byte))
			}
			if got != want && !(got != got && want != want) { // NaN
				t.Errorf("field %s: %v, want %v", fd.Name(), got, want)
			}
		}
	})
}

// FuzzTranslate looks for statements that end the service, and for strings that leave their quotation.
func FuzzTranslate(f *testing.F) {
	for _, s := range []string{"SELECT 1", "MERGE a.b AS t USING (SELECT 1) AS s ON t.x = s.x WHEN MATCHED THEN DELETE", "SELECT 'a\\'b', r\"\\d\", b'\\x00', '''x'''", "CREATE VIEW a.b AS SELECT 1",
		"CREATE TABLE a.b (x INT64 NOT NULL OPTIONS (description = 'd'), PRIMARY KEY (x) NOT ENFORCED) PARTITION BY DATE(x) CLUSTER BY x OPTIONS (labels = [('a', 'b')])",
		"SELECT ARRAY_AGG(x IGNORE NULLS ORDER BY y LIMIT 1)[SAFE_OFFSET(0)] FROM UNNEST([1]) AS x", "SELECT @p, 1.5, .5, 1e3 FROM `a.b.c` -- end", "INSERT a.b (x) VALUES (1)", "WITH a AS (SELECT 1) SELECT * FROM a",
		"SELECT EXTRACT(DAY FROM x), TIMESTAMP_ADD(x, INTERVAL 1 DAY), CAST(x AS STRING), APPROX_QUANTILES(x, 2)"} {
		f.Add(s)
	}
	any := &table{name: tableName{"p", "d", "t"}, meta: &bq.Table{}}
	f.Fuzz(func(t *testing.T, query string) {
		all, err := tokens(query)
		if err != nil || len(all) == 0 {
			return
		}
		x := &translator{query: query, project: "p", lookup: func(tableName) (*table, error) { return any, nil }}
		x.prepare(all)
		st, err := x.statement(&Server{}, all)
		if err != nil {
			return
		}
		if !strings.Contains(query, "`") && strings.Count(st.sql, "'")%2 != 0 { // names in backticks may have one
			t.Errorf("an open quotation in %s", st.sql)
		}
	})
}
