package kinesisio

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

// Each type that a runner stores has a coder of its own, so that an update of a job can read what
// the one before it stored, whatever becomes of Go's reflection. A byte in front of records and
// batches says in which form they are.
func init() {
	beam.RegisterCoder(reflect.TypeFor[Record](), encodeRecord, decodeRecord)
	beam.RegisterCoder(reflect.TypeFor[Batch](), encodeBatch, decodeBatch)
	beam.RegisterCoder(reflect.TypeFor[Stream](), encodeStream, decodeStream)
	beam.RegisterCoder(reflect.TypeFor[shard](), encodeShard, decodeShard)
	beam.RegisterCoder(reflect.TypeFor[known](), encodeKnown, decodeKnown)
	beam.RegisterCoder(reflect.TypeFor[progress](), encodeProgress, decodeProgress)
}

func encodeStream(s Stream) ([]byte, error)     { return toJSON(s) }
func decodeStream(b []byte) (Stream, error)     { return fromJSON[Stream](b) }
func encodeShard(s shard) ([]byte, error)       { return toJSON(s) }
func decodeShard(b []byte) (shard, error)       { return fromJSON[shard](b) }
func encodeKnown(k known) ([]byte, error)       { return toJSON(k) }
func decodeKnown(b []byte) (known, error)       { return fromJSON[known](b) }
func encodeProgress(p progress) ([]byte, error) { return toJSON(p) }
func decodeProgress(b []byte) (progress, error) { return fromJSON[progress](b) }

func toJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append([]byte{form}, b...), err
}

func fromJSON[T any](b []byte) (v T, err error) {
	d := newDecoder(b)
	if err = d.err; err == nil {
		err = json.Unmarshal(d.rest, &v)
	}
	if err != nil {
		err = fmt.Errorf("decode %T: %w", v, err)
	}
	return v, err
}

// form is the form of all that is encoded here. A value whose fields mean something else needs
// another one.
const form = 1

var (
	errEncoding = errors.New("kinesis: an element is cut, or is none")
	errForm     = errors.New("kinesis: an element was stored by another version")
)

func encodeRecord(r Record) []byte {
	e := encoder{form}
	e.text(r.Stream, r.Shard, r.SequenceNumber, r.PartitionKey)
	e.number(r.SubSequence, r.ApproximateArrival.UnixMilli())
	return append(e, r.Data...)
}

func decodeRecord(b []byte) (r Record, err error) {
	d := newDecoder(b)
	d.text(&r.Stream, &r.Shard, &r.SequenceNumber, &r.PartitionKey)
	var at int64
	d.number(&r.SubSequence, &at)
	r.ApproximateArrival = time.UnixMilli(at).UTC()
	r.Data = d.rest
	return r, d.err
}

func encodeBatch(b Batch) []byte {
	e := make(encoder, 0, len(b.Data)+len(b.Ends)*80+256)
	e = append(e, form)
	e.text(b.Stream, b.Shard, b.Position.Sequence)
	done := int64(0)
	if b.Position.Done {
		done = 1
	}
	e.number(b.Position.Sub, b.Position.UpTo, done, b.BehindMS, b.GapFrom, b.GapTo, b.Watermark, int64(len(b.Ends)))
	e.number(b.Ends...)
	e.number(b.Arrivals...)
	e.text(b.Sequences...)
	e.text(b.PartitionKeys...)
	return append(e, b.Data...)
}

func decodeBatch(data []byte) (b Batch, err error) {
	d := newDecoder(data)
	d.text(&b.Stream, &b.Shard, &b.Position.Sequence)
	var done, n int64
	d.number(&b.Position.Sub, &b.Position.UpTo, &done, &b.BehindMS, &b.GapFrom, &b.GapTo, &b.Watermark, &n)
	b.Position.Done = done != 0
	if n < 0 || n > int64(len(d.rest)) {
		d.fail()
	}
	if n == 0 || d.err != nil {
		return b, d.err
	}
	b.Ends, b.Arrivals = make([]int64, n), make([]int64, n)
	b.Sequences, b.PartitionKeys = make([]string, n), make([]string, n)
	for _, numbers := range [][]int64{b.Ends, b.Arrivals} {
		for i := range numbers {
			d.number(&numbers[i])
		}
	}
	for _, texts := range [][]string{b.Sequences, b.PartitionKeys} {
		for i := range texts {
			d.text(&texts[i])
		}
	}
	b.Data = d.rest
	if d.err == nil && b.Ends[n-1] != int64(len(b.Data)) {
		return b, errEncoding
	}
	return b, d.err
}

// encoder appends texts with their lengths, and numbers.
type encoder []byte

func (e *encoder) text(texts ...string) {
	for _, t := range texts {
		*e = append(binary.AppendUvarint(*e, uint64(len(t))), t...)
	}
}

func (e *encoder) number(numbers ...int64) {
	for _, n := range numbers {
		*e = binary.AppendVarint(*e, n)
	}
}

// decoder reads what an encoder wrote.
type decoder struct {
	rest []byte
	err  error
}

func newDecoder(b []byte) *decoder {
	switch {
	case len(b) == 0:
		return &decoder{err: errEncoding}
	case b[0] != form:
		return &decoder{err: fmt.Errorf("%w: it has form %d, and this one reads form %d", errForm, b[0], form)}
	}
	return &decoder{rest: b[1:]}
}

// fail keeps the first error.
func (d *decoder) fail() {
	if d.err == nil {
		d.err = errEncoding
	}
}

func (d *decoder) text(to ...*string) {
	for _, t := range to {
		size, n := binary.Uvarint(d.rest)
		if d.err != nil || n <= 0 || size > uint64(len(d.rest)-n) {
			d.fail()
			return
		}
		*t, d.rest = string(d.rest[n:n+int(size)]), d.rest[n+int(size):]
	}
}

func (d *decoder) number(to ...*int64) {
	for _, v := range to {
		number, n := binary.Varint(d.rest)
		if d.err != nil || n <= 0 {
			d.fail()
			return
		}
		*v, d.rest = number, d.rest[n:]
	}
}
