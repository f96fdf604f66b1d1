package storagewrite

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The pseudocolumns of change data capture
// (https://cloud.google.com/bigquery/docs/change-data-capture).
const (
	changeType     = "_CHANGE_TYPE"
	changeSequence = "_CHANGE_SEQUENCE_NUMBER"
)

// A Table is a table that a Writer writes to.
type Table struct {
	writer     *Writer
	path       string
	descriptor *descriptorpb.DescriptorProto // with the pseudocolumns
	refused    func([]Refused) error
	buffer     buffer

	upsert, remove []byte // the change type
	sequence       []byte // tag of the sequence number
}

// path is how the Storage Write service names tables; short is how people do.
var (
	path  = regexp.MustCompile(`^projects/[^/]+/datasets/[^/]+/tables/[^/]+$`)
	short = regexp.MustCompile(`^([^/\s]+)\.([^./\s]+)\.([^./\s]+)$`)
)

// tablePath returns the path of a table, and its project.
func tablePath(name string) (table, project string, err error) {
	if m := short.FindStringSubmatch(name); m != nil {
		name = "projects/" + m[1] + "/datasets/" + m[2] + "/tables/" + m[3]
	}
	if !path.MatchString(name) {
		return "", "", &Error{Kind: ErrTable, Err: fmt.Errorf("the table %q is not named PROJECT.DATASET.TABLE", name)}
	}
	return name, strings.Split(name, "/")[1], nil
}

// Table prepares writing to a table, named PROJECT.DATASET.TABLE or by its path. The descriptor is
// that of its rows, as adapt.NormalizeDescriptor or an Encoder makes it. refused is called with the
// mutations that BigQuery refuses, from several goroutines, and may write to other tables with
// Store; the writer fails with the error that it returns.
//
// An error is of the kind ErrTable or ErrSchema.
func (w *Writer) Table(name string, d *descriptorpb.DescriptorProto, refused func([]Refused) error) (*Table, error) {
	p, _, err := tablePath(name)
	if err != nil {
		return nil, err
	}
	t := &Table{writer: w, path: p, refused: refused, buffer: buffer{inFlight: w.inFlight}}
	if t.descriptor, err = withChanges(p, d); err != nil {
		return nil, err
	}
	n := len(t.descriptor.Field)
	kind := protowire.AppendTag(nil, protowire.Number(t.descriptor.Field[n-2].GetNumber()), protowire.BytesType)
	t.upsert = protowire.AppendString(bytes.Clone(kind), "UPSERT")
	t.remove = protowire.AppendString(bytes.Clone(kind), "DELETE")
	t.sequence = protowire.AppendTag(nil, protowire.Number(t.descriptor.Field[n-1].GetNumber()), protowire.BytesType)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tables = append(w.tables[:len(w.tables):len(w.tables)], t)
	return t, nil
}

// withChanges returns a descriptor with the pseudocolumns as its last fields.
func withChanges(table string, d *descriptorpb.DescriptorProto) (*descriptorpb.DescriptorProto, error) {
	if len(d.GetField()) == 0 {
		return nil, schemaError(table, "the descriptor of the rows has no fields")
	}
	d = proto.CloneOf(d)
	last := int32(0)
	for _, f := range d.Field {
		if name := strings.ToUpper(f.GetName()); name == changeType || name == changeSequence {
			return nil, schemaError(table, "the descriptor of the rows has the field %s, which the writer adds", f.GetName())
		}
		last = max(last, f.GetNumber())
	}
	for i, name := range []string{changeType, changeSequence} {
		d.Field = append(d.Field, &descriptorpb.FieldDescriptorProto{Name: proto.String(name), Number: proto.Int32(last + 1 + int32(i)),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum()})
	}
	return d, nil
}

// Write writes a mutation. It may return before that is sent, and waits while too much is in
// flight. The mutation is not kept after return.
func (t *Table) Write(ctx context.Context, m Mutation) error {
	return t.Append(ctx, m.Sequence, m.Delete, func(b []byte) ([]byte, error) { return append(b, m.Row...), nil })
}

// Append is Write for a row that encode appends to a request. encode must not change what is there.
// An error of encode is returned, and nothing is written.
func (t *Table) Append(ctx context.Context, sequence []uint64, gone bool, encode func([]byte) ([]byte, error)) error {
	if err := t.writer.failure(); err != nil {
		return err
	}
	if len(sequence) > maxSections {
		return schemaError(t.path, "a sequence number has %d sections: at most %d are allowed", len(sequence), maxSections)
	}
	var room [2]*batch
	full, err := t.buffer.add(room[:0], time.Now(), encode, func(b []byte) []byte { return t.appendPseudo(b, sequence, gone) })
	for _, b := range full {
		t.send(b)
	}
	if err == nil && len(full) > 0 {
		err = t.writer.Wait(ctx)
	}
	return err
}

// appendPseudo appends the pseudocolumns of a mutation.
func (t *Table) appendPseudo(b []byte, sequence []uint64, gone bool) []byte {
	if gone {
		b = append(b, t.remove...)
	} else {
		b = append(b, t.upsert...)
	}
	if len(sequence) == 0 {
		return b
	}
	b = append(b, t.sequence...)
	b = protowire.AppendVarint(b, uint64(sequenceSize(len(sequence))))
	return appendSequence(b, sequence)
}

// mutation reads a message back.
func (t *Table) mutation(m message) Mutation {
	rest := m.data[m.row:]
	back := Mutation{Row: bytes.Clone(m.data[:m.row]), Delete: bytes.HasPrefix(rest, t.remove)}
	if rest = rest[len(t.upsert):]; len(rest) > 0 { // both change types have one length
		if s, n := protowire.ConsumeBytes(rest[len(t.sequence):]); n >= 0 {
			back.Sequence = parseSequence(s)
		}
	}
	return back
}

// Store writes mutations at once and returns when they are stored or refused. It is not bound by
// what is in flight, so that what a table refuses can be stored in another one. When ctx ends, it
// returns, and they may still be stored.
func (t *Table) Store(ctx context.Context, mutations []Mutation) error {
	if err := t.writer.failure(); err != nil {
		return err
	}
	done := make(chan error, 1)
	t.writer.work.Add(1)
	go func() {
		defer t.writer.work.Done()
		done <- t.store(mutations)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *Table) store(mutations []Mutation) error {
	var messages []message
	size := 0
	for i, m := range mutations {
		data := t.appendPseudo(bytes.Clone(m.Row), m.Sequence, m.Delete)
		messages = append(messages, message{data, len(m.Row)})
		size += len(data)
		if i+1 == len(mutations) || size+len(mutations[i+1].Row) > 4*batchBytes {
			if err := t.deliver(messages); err != nil {
				return err
			}
			messages, size = nil, 0
		}
	}
	return nil
}

// send stores a batch in the background.
func (t *Table) send(b *batch) {
	w := t.writer
	w.work.Add(1)
	go func() {
		defer w.work.Done()
		err := t.deliver(b.messages())
		if err != nil {
			w.fail(err)
		}
		w.inFlight.done(b.number, b.size)
		if err == nil {
			t.buffer.reuse(b)
		}
	}()
}
