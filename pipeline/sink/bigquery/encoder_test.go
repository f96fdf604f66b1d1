package bigquery

import (
	"math"
	"slices"
	"testing"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter/adapt"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"flexbeam/schemas/model"
)

func TestTheDescriptorHasTheTypesThatTheClientDerives(t *testing.T) {
	w := &Writer{}
	for _, table := range tables {
		s, err := adapt.BQSchemaToStorageTableSchema(w.schema(table))
		if err != nil {
			t.Fatal(err)
		}
		d, err := adapt.StorageSchemaToProto2Descriptor(s, "root")
		if err != nil {
			t.Fatal(err)
		}
		got := newEncoder(table).descriptor.Field
		fields := d.(protoreflect.MessageDescriptor).Fields()
		if len(got) != fields.Len() {
			t.Fatalf("%s: %d fields, want %d", table.name, len(got), fields.Len())
		}
		for i := range fields.Len() {
			f := fields.Get(i)
			if got[i].GetName() != string(f.Name()) || got[i].GetNumber() != int32(f.Number()) || int(got[i].GetType()) != int(f.Kind()) {
				t.Errorf("%s: field %v, want %v", table.name, got[i], f)
			}
		}
	}
}

// message reads a message as any other program would.
func message(t testing.TB, e *encoder, b []byte) protoreflect.Message {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("row.proto"), Syntax: proto.String("proto2"), MessageType: []*descriptorpb.DescriptorProto{e.descriptor}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := dynamicpb.NewMessage(file.Messages().Get(0))
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func drawRow(t *rapid.T, table *table) model.Row {
	r := make(model.Row, len(table.columns))
	for i, c := range table.columns {
		if !c.required && rapid.Bool().Draw(t, "null") {
			continue
		}
		switch c.kind {
		case model.String:
			r[i] = model.Value{Type: model.String, Str: rapid.String().Draw(t, c.name)}
		case model.Bytes:
			r[i] = model.Value{Type: model.Bytes, Str: string(rapid.SliceOf(rapid.Byte()).Draw(t, c.name))}
		case model.Timestamp:
			r[i] = model.Millis(rapid.Int64Range(-62135596800000, 253402300799999).Draw(t, c.name))
		case model.Float:
			r[i] = model.Number(rapid.Float64().Draw(t, c.name))
		case model.Bool:
			r[i] = model.Boolean(rapid.Bool().Draw(t, c.name))
		default:
			r[i] = model.Integer(rapid.Int64().Draw(t, c.name))
		}
	}
	return r
}

func TestMessagesHoldTheirRow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		table := rapid.SampledFrom(tables).Draw(rt, "table")
		e := newEncoder(table)
		row, gone := drawRow(rt, table), rapid.Bool().Draw(rt, "gone")
		b, err := e.append(nil, row, gone, 7)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := e.decode(b)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(row, back); d != "" {
			rt.Fatal(d)
		}
		m := message(t, e, b)
		for i, v := range row {
			f := m.Descriptor().Fields().Get(i)
			if m.Has(f) != !v.IsNull() {
				rt.Fatalf("%s is there: %v", f.Name(), m.Has(f))
			}
			switch got := m.Get(f); {
			case v.IsNull():
			case v.Type == model.String && got.String() != v.Str, v.Type == model.Bytes && string(got.Bytes()) != v.Str,
				v.Type == model.Timestamp && got.Int() != v.Num*1000, v.Type == model.Int && got.Int() != v.Num,
				v.Type == model.Float && math.Float64bits(got.Float()) != uint64(v.Num), v.Type == model.Bool && got.Bool() != (v.Num != 0):
				rt.Fatalf("%s is %v, want %v", f.Name(), got, v)
			}
		}
	})
}

func TestSequenceNumbersHaveTheOrderOfVersionsThenArrivals(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v, w := rapid.Int64().Draw(rt, "v"), rapid.Int64().Draw(rt, "w")
		a, b := rapid.Uint64().Draw(rt, "a"), rapid.Uint64().Draw(rt, "b")
		want := 0
		switch {
		case v < w, v == w && a < b:
			want = -1
		case v > w, a > b:
			want = 1
		}
		x, y := sequence(v, a), sequence(w, b)
		if got := slices.Compare(x[:], y[:]); got != want {
			rt.Fatalf("%x and %x: %d, want %d", x, y, got, want)
		}
	})
	for version, want := range map[int64]uint64{0: 0x8000000000000000, -1: 0x7FFFFFFFFFFFFFFF, 4097: 0x8000000000001001} {
		if got := sequence(version, 1); got != [2]uint64{want, 1} {
			t.Errorf("version %d: %x, want %x", version, got, want)
		}
	}
}

func TestADeleteHasValuesInAllColumnsThatAreNeverNull(t *testing.T) {
	for _, table := range tables {
		e := newEncoder(table)
		row := make(model.Row, len(table.columns))
		for _, k := range table.keys {
			row[k] = model.Value{Type: table.columns[k].kind}
		}
		const now = 1_767_225_600_000_000_000
		b, err := e.append(nil, row, true, now)
		if err != nil {
			t.Fatal(err)
		}
		m := message(t, e, b)
		if table.day != "" && !slices.Contains(table.keys, table.model.Col(table.day)) {
			if f := m.Descriptor().Fields().ByName(protoreflect.Name(table.day)); m.Get(f).Int() != now/1000 {
				t.Errorf("%s: the day of a delete is %d, want about now", table.name, m.Get(f).Int())
			}
		}
		for i, c := range table.columns {
			if m.Has(m.Descriptor().Fields().Get(i)) != c.required {
				t.Errorf("%s.%s: has a value: %v", table.name, c.name, !c.required)
			}
		}
	}
}

func TestAllTypesOfColumnsAreKnown(t *testing.T) {
	for _, table := range tables {
		for _, c := range table.columns {
			if fieldTypes[c.kind] == bigquery.FieldType("") || wire[c.kind].proto == 0 {
				t.Errorf("%s.%s", table.name, c.name)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	rows := sampleRows(b, 1000)
	e := newEncoder(tables[model.EngagementsID])
	var out []byte
	n := 0
	for b.Loop() {
		var err error
		if out, err = e.append(out[:0], rows[n%len(rows)], false, uint64(n)); err != nil {
			b.Fatal(err)
		}
		n++
		b.SetBytes(int64(len(out)))
	}
}
