package storagewrite

import (
	"fmt"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter/adapt"
	"cloud.google.com/go/civil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// An Encoder makes rows of values, for tables whose columns are STRING, BYTES, INT64, FLOAT64,
// BOOL, TIMESTAMP and DATE. Rows of tables with other columns are messages of a descriptor of your
// own.
type Encoder struct {
	message    protoreflect.MessageDescriptor
	descriptor *descriptorpb.DescriptorProto
}

// NewEncoder returns an encoder for the columns of a schema. An error is of the kind ErrSchema.
func NewEncoder(schema bigquery.Schema) (*Encoder, error) {
	for _, f := range schema {
		if f.Repeated || !encodable[f.Type] {
			return nil, schemaError("", "column %s: an encoder knows no repeated columns, and none of type %s", f.Name, f.Type)
		}
	}
	s, err := adapt.BQSchemaToStorageTableSchema(schema)
	if err != nil {
		return nil, schemaError("", "%w", err)
	}
	d, err := adapt.StorageSchemaToProto2Descriptor(s, "row")
	if err != nil {
		return nil, schemaError("", "%w", err)
	}
	e := &Encoder{message: d.(protoreflect.MessageDescriptor)}
	if e.descriptor, err = adapt.NormalizeDescriptor(e.message); err != nil {
		return nil, schemaError("", "%w", err)
	}
	return e, nil
}

var encodable = map[bigquery.FieldType]bool{bigquery.StringFieldType: true, bigquery.BytesFieldType: true, bigquery.IntegerFieldType: true, bigquery.FloatFieldType: true,
	bigquery.BooleanFieldType: true, bigquery.TimestampFieldType: true, bigquery.DateFieldType: true}

// Descriptor returns the descriptor of the rows.
func (e *Encoder) Descriptor() *descriptorpb.DescriptorProto { return e.descriptor }

// Encode makes a row of values by the names of their columns: string, []byte, int64, int, float64,
// bool, time.Time, civil.Date. A column without a value, or with nil, is null. An error is of the
// kind ErrSchema.
func (e *Encoder) Encode(row map[string]any) ([]byte, error) {
	m := dynamicpb.NewMessage(e.message)
	for name, v := range row {
		f := e.message.Fields().ByName(protoreflect.Name(name))
		if f == nil {
			return nil, schemaError("", "the schema has no column %s", name)
		}
		if v == nil {
			continue
		}
		value, ok := encoded(f.Kind(), v)
		if !ok {
			return nil, schemaError("", "column %s: a value of type %T", name, v)
		}
		m.Set(f, value)
	}
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m) // BigQuery refuses rows without what is required
	if err != nil {
		return nil, fmt.Errorf("encode a row: %w", err)
	}
	return b, nil
}

// encoded returns a value as a field of a kind has it.
func encoded(k protoreflect.Kind, v any) (protoreflect.Value, bool) {
	switch v := v.(type) {
	case string:
		return protoreflect.ValueOfString(v), k == protoreflect.StringKind
	case []byte:
		return protoreflect.ValueOfBytes(v), k == protoreflect.BytesKind
	case int64:
		return protoreflect.ValueOfInt64(v), k == protoreflect.Int64Kind
	case int:
		return protoreflect.ValueOfInt64(int64(v)), k == protoreflect.Int64Kind
	case float64:
		return protoreflect.ValueOfFloat64(v), k == protoreflect.DoubleKind
	case bool:
		return protoreflect.ValueOfBool(v), k == protoreflect.BoolKind
	case time.Time:
		return protoreflect.ValueOfInt64(v.UnixMicro()), k == protoreflect.Int64Kind
	case civil.Date:
		return protoreflect.ValueOfInt32(int32(v.DaysSince(civil.Date{Year: 1970, Month: 1, Day: 1}))), k == protoreflect.Int32Kind
	}
	return protoreflect.Value{}, false
}
