package bigquery

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// An encoder writes the rows of a table as protocol buffer messages, without building any: what
// each column needs is worked out once.
type encoder struct {
	table      *table
	descriptor *descriptorpb.DescriptorProto
	tags       [][]byte // by column
}

// wire says how a type travels.
var wire = [...]struct {
	proto descriptorpb.FieldDescriptorProto_Type
	wire  protowire.Type
}{
	model.String:    {descriptorpb.FieldDescriptorProto_TYPE_STRING, protowire.BytesType},
	model.Timestamp: {descriptorpb.FieldDescriptorProto_TYPE_INT64, protowire.VarintType},
	model.Float:     {descriptorpb.FieldDescriptorProto_TYPE_DOUBLE, protowire.Fixed64Type},
	model.Int:       {descriptorpb.FieldDescriptorProto_TYPE_INT64, protowire.VarintType},
	model.Bool:      {descriptorpb.FieldDescriptorProto_TYPE_BOOL, protowire.VarintType},
	model.Bytes:     {descriptorpb.FieldDescriptorProto_TYPE_BYTES, protowire.BytesType},
}

func newEncoder(t *table) *encoder {
	e := &encoder{table: t, descriptor: &descriptorpb.DescriptorProto{Name: proto.String("Row")}}
	number := int32(0)
	field := func(name string, kind model.Type) []byte {
		number++
		e.descriptor.Field = append(e.descriptor.Field, &descriptorpb.FieldDescriptorProto{
			Name: proto.String(name), Number: proto.Int32(number),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: wire[kind].proto.Enum(),
		})
		return protowire.AppendTag(nil, protowire.Number(number), wire[kind].wire)
	}
	for _, c := range t.columns {
		e.tags = append(e.tags, field(c.name, c.kind))
	}
	return e
}

// sequence returns the change sequence number of a change: of two changes the one with the greater
// version stays, of equal versions the one that arrived later. Signed numbers come with their sign
// bit turned, so that they have their order.
func sequence(version int64, arrival uint64) [2]uint64 {
	return [2]uint64{uint64(version) ^ 1<<63, arrival}
}

// append appends the message of a row. That of a delete has values in all columns that are never
// null: BigQuery refuses rows without. A time that it does not tell is about now: BigQuery refuses
// streamed rows whose partition is years away.
func (e *encoder) append(b []byte, row model.Row, gone bool, arrival uint64) ([]byte, error) {
	for i := range row {
		v := &row[i]
		c := &e.table.columns[i]
		if v.Type != c.kind {
			switch {
			case v.Type != model.Null:
				return b, fmt.Errorf("%w: %s.%s: a value of type %d", change.ErrCorrupt, e.table.name, c.name, v.Type)
			case !gone || !c.required:
				continue
			}
		}
		b = append(b, e.tags[i]...)
		switch c.kind {
		case model.String:
			b = protowire.AppendString(b, model.ValidText(v.Str))
		case model.Bytes:
			b = protowire.AppendString(b, v.Str)
		case model.Timestamp:
			micros := v.Num * 1000
			if v.Type == model.Null { // of a delete
				micros = int64(arrival / 1000)
			}
			b = protowire.AppendVarint(b, uint64(micros))
		case model.Float:
			b = binary.LittleEndian.AppendUint64(b, uint64(v.Num))
		default:
			b = protowire.AppendVarint(b, uint64(v.Num))
		}
	}
	return b, nil
}

var errMessage = errors.New("bigquery: a message that the encoder did not write")

// decode reads a message back: for rows that BigQuery refused.
func (e *encoder) decode(b []byte) (row model.Row, err error) {
	row = make(model.Row, len(e.table.columns))
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, errMessage
		}
		b = b[n:]
		v := model.Value{}
		switch kind {
		case protowire.BytesType:
			var s []byte
			if s, n = protowire.ConsumeBytes(b); n >= 0 {
				v.Str = string(s)
			}
		case protowire.Fixed64Type:
			var u uint64
			if u, n = protowire.ConsumeFixed64(b); n >= 0 {
				v.Num = int64(u)
			}
		case protowire.VarintType:
			var u uint64
			if u, n = protowire.ConsumeVarint(b); n >= 0 {
				v.Num = int64(u)
			}
		default:
			return nil, errMessage
		}
		if n < 0 {
			return nil, errMessage
		}
		b = b[n:]
		i := int(number) - 1
		if i >= len(row) {
			return nil, errMessage
		}
		v.Type = e.table.columns[i].kind
		if v.Type == model.Timestamp {
			v.Num /= 1000 // append multiplied it
		}
		row[i] = v
	}
	return row, nil
}
