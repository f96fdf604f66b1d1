package bigquerylocal

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// A plan reads rows of one message descriptor into the columns of one schema, without building
// messages.
type plan struct {
	schema           *schema
	fields           []planField // by field number
	changes          bool        // the descriptor has _CHANGE_TYPE
	hasSequence      bool
	changeType       protowire.Number
	changeSequence   protowire.Number
	requiredByColumn []int // columns that every row must set
}

// A planField says where a field of the message goes.
type planField struct {
	column int // -1: no field of this number, or a pseudocolumn
	kind   protoreflect.Kind
	wire   protowire.Type
}

// A cell is a value of a row: text and bytes in text, else num: an integer, the bits of a float, 0
// or 1, microseconds or days.
type cell struct {
	text []byte
	num  int64
	set  bool
}

// maxFieldNumber bounds the field numbers of a plan. Normalized descriptors count fields from 1,
// and a table has at most 10,000 columns.
const maxFieldNumber = 20000

// newPlan compiles a writer schema against the schema of a table.
func newPlan(d *descriptorpb.DescriptorProto, s *schema, table string) (*plan, error) {
	if d == nil {
		return nil, status.Error(codes.InvalidArgument, "Invalid proto schema: the first request of a stream must have a writer schema")
	}
	file := &descriptorpb.FileDescriptorProto{Name: ptr("row.proto"), Syntax: ptr("proto2"), MessageType: []*descriptorpb.DescriptorProto{d}}
	fd, err := protodesc.NewFile(file, nil)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "Invalid proto schema: %v", err)
	}
	p := &plan{schema: s}
	seen := make([]bool, len(s.columns))
	var extra []string
	fields := fd.Messages().Get(0).Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Number() > maxFieldNumber {
			return nil, status.Errorf(codes.InvalidArgument, "Invalid proto schema: field %s has the number %d, the local BigQuery service knows numbers up to %d", f.Name(), f.Number(), maxFieldNumber)
		}
		for int(f.Number()) >= len(p.fields) {
			p.fields = append(p.fields, planField{column: -1, kind: 0})
		}
		name := strings.ToUpper(string(f.Name()))
		if name == changeTypeField || name == changeSequenceField {
			if f.Kind() != protoreflect.StringKind || f.IsList() {
				return nil, status.Errorf(codes.InvalidArgument, "Invalid proto schema: the pseudocolumn %s must be a string", name)
			}
			if name == changeTypeField {
				p.changes, p.changeType = true, f.Number()
			} else {
				p.hasSequence, p.changeSequence = true, f.Number()
			}
			continue
		}
		c, ok := s.index[strings.ToLower(string(f.Name()))]
		if !ok {
			extra = append(extra, "'"+string(f.Name())+"'")
			continue
		}
		k := &kinds[s.columns[c].kind]
		if f.IsList() || !slices.Contains(k.protos, f.Kind()) {
			return nil, status.Errorf(codes.InvalidArgument, "Invalid proto schema: the proto field mismatched with BigQuery field at %s.%s, the proto field type %s, BigQuery field type %s", table, f.Name(), describe(f), k.rest)
		}
		p.fields[f.Number()] = planField{column: c, kind: f.Kind(), wire: wireType(f.Kind())}
		seen[c] = true
	}
	if len(extra) > 0 {
		return nil, storageError(codes.InvalidArgument, storagepb.StorageError_SCHEMA_MISMATCH_EXTRA_FIELDS, table,
			"Input schema has more fields than BigQuery schema, extra fields: %s", strings.Join(extra, ", "))
	}
	for i, c := range s.columns {
		if !c.required {
			continue
		}
		if !seen[i] {
			return nil, status.Errorf(codes.InvalidArgument, "Invalid proto schema: the required field %s of table %s is missing in the proto message", c.name, table)
		}
		p.requiredByColumn = append(p.requiredByColumn, i)
	}
	return p, nil
}

func describe(f protoreflect.FieldDescriptor) string {
	if f.IsList() {
		return "repeated " + f.Kind().String()
	}
	return f.Kind().String()
}

func ptr[T any](v T) *T { return &v }

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind:
		return protowire.BytesType
	case protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.FloatKind:
		return protowire.Fixed32Type
	}
	return protowire.VarintType
}

// errRow answers rows that are no message of their descriptor.
var errRow = errors.New("the row cannot be parsed as a message of the writer schema")

// A change of a row: what the pseudocolumns say.
type changeMark struct {
	kind, sequence       string
	hasKind, hasSequence bool
}

// read fills cells, one for each column, from a row that check accepted or will check. Fields that
// the descriptor does not have are skipped, of fields that come twice the last one counts, as in
// every reader of protocol buffers.
func (p *plan) read(row []byte, cells []cell) (mark changeMark, err error) {
	clear(cells)
	for len(row) > 0 {
		tag, n := binary.Uvarint(row)
		if n <= 0 {
			return mark, errRow
		}
		row = row[n:]
		number, wire := protowire.Number(tag>>3), protowire.Type(tag&7)
		if tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
			return mark, errRow
		}
		f := planField{column: -1}
		if int(number) < len(p.fields) {
			f = p.fields[number]
		}
		var c cell
		switch wire {
		case protowire.BytesType:
			size, n := binary.Uvarint(row)
			if n <= 0 || size > uint64(len(row)-n) {
				return mark, errRow
			}
			c.text, row = row[n:n+int(size)], row[n+int(size):]
			switch {
			case p.changes && number == p.changeType:
				mark.kind, mark.hasKind = string(c.text), true
				continue
			case p.hasSequence && number == p.changeSequence:
				mark.sequence, mark.hasSequence = string(c.text), true
				continue
			}
		case protowire.VarintType:
			v, n := binary.Uvarint(row)
			if n <= 0 {
				return mark, errRow
			}
			c.num, row = int64(v), row[n:]
		case protowire.Fixed64Type:
			if len(row) < 8 {
				return mark, errRow
			}
			c.num, row = int64(binary.LittleEndian.Uint64(row)), row[8:]
		case protowire.Fixed32Type:
			if len(row) < 4 {
				return mark, errRow
			}
			c.num, row = int64(math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(row))))), row[4:]
		default:
			n := protowire.ConsumeFieldValue(number, wire, row)
			if n < 0 {
				return mark, errRow
			}
			row = row[n:]
			continue
		}
		if f.column < 0 {
			continue
		}
		if wire != f.wire {
			return mark, errRow
		}
		switch f.kind {
		case protoreflect.Int32Kind:
			c.num = int64(int32(c.num))
		case protoreflect.Uint32Kind:
			c.num = int64(uint32(c.num))
		}
		c.set = true
		cells[f.column] = c
	}
	return mark, nil
}

// check tells whether the cells of a row are values that the columns take.
func (p *plan) check(cells []cell) error {
	for i := range cells {
		c := &cells[i]
		if !c.set {
			continue
		}
		column := &p.schema.columns[i]
		switch column.kind {
		case kindString:
			if !utf8.Valid(c.text) {
				return complain("Field %s: the value is not valid UTF-8", column.name)
			}
		case kindBool:
			if c.num != 0 {
				c.num = 1
			}
		case kindTimestamp:
			if c.num < minMicros || c.num > maxMicros {
				return complain("Field %s: timestamp %d is out of range: microseconds from %d to %d are allowed", column.name, c.num, int64(minMicros), int64(maxMicros))
			}
		case kindDate:
			if c.num < minDays || c.num > maxDays {
				return complain("Field %s: date %d is out of range: days from %d to %d are allowed", column.name, c.num, minDays, maxDays)
			}
		}
	}
	for _, i := range p.requiredByColumn {
		if !cells[i].set {
			return complain("Field %s is REQUIRED and has no value in the row", p.schema.columns[i].name)
		}
	}
	return nil
}

// appendKey appends an encoding of the row's primary key: equal for equal keys, different otherwise.
func (p *plan) appendKey(b []byte, cells []cell) []byte {
	for _, i := range p.schema.keys {
		c := &cells[i]
		if !c.set {
			b = append(b, 0)
			continue
		}
		switch p.schema.columns[i].kind {
		case kindString, kindBytes:
			b = append(b, 1)
			b = binary.AppendUvarint(b, uint64(len(c.text)))
			b = append(b, c.text...)
		default:
			b = append(b, 2)
			b = binary.LittleEndian.AppendUint64(b, uint64(c.num))
		}
	}
	return b
}
