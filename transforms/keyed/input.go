package keyed

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"

	"flexbeam/internal/wire"
	"flexbeam/schemas/event"
)

// An Input is what one batch of records, or a key of another kind, has for one key: a block of
// events, or a value of the kind's own.
type Input struct {
	Kind byte   // Kind.ID
	Key  string // event.Key; empty for a block that holds events of many keys

	// Bucket is that of a block with the events of many keys, from 0 (keyed/grouped).
	Bucket int

	// Time is when the key is to be processed, by the watermark of Beam: the arrival of the newest
	// event, or where nobody knows that, its own time.
	Time Millis

	Block  event.Block
	Events []EventInfo // of each event in Block

	// Records has the record of each event, so that one that comes too late can be told of with its
	// bytes, and Source and Name say where they are from, as in record.Batch. They are empty where
	// nothing comes too late: in files. Records of events that are not owned are empty.
	Records      []Record
	Source, Name string

	Value   []byte // nil without one
	Arrival Millis // of the value
}

// EventInfo is what Add needs to know of an event without decoding its block.
type EventInfo struct {
	Kind    event.Kind
	Time    Millis
	Arrival Millis // when its record arrived; None where nobody knows
	Owned   bool   // the event counts with this key; else with one of another kind
}

// A Record is the record that an event came in.
type Record struct {
	Position string // behind Name
	Index    int    // in an array; -1 outside of one
	Text     []byte // valid as long as the batch
}

// First returns when the first event of an input arrived; None if nobody knows.
func (in *Input) First() Millis {
	first, _ := in.span()
	return first
}

// span returns when the first and the last event of an input arrived; None if nobody knows.
func (in *Input) span() (first, last Millis) {
	if in.Value != nil {
		return in.Arrival, in.Arrival
	}
	first, last = None, None
	for i := range in.Events {
		at := in.Events[i].Arrival
		if at == None {
			return None, None
		}
		if first == None || at < first {
			first = at
		}
		last = max(last, at)
	}
	return first, last
}

// retain keeps the events of an input for which keep says so.
func (in *Input) retain(part event.Part, keep func(i int) bool) error {
	events, err := event.Decode(in.Block, nil)
	if err != nil {
		return err
	}
	var b event.Builder
	var infos []EventInfo
	var records []Record
	for i := range events {
		if !keep(i) {
			continue
		}
		b.Add(&events[i], part)
		infos = append(infos, in.Events[i])
		if in.Records != nil {
			records = append(records, in.Records[i])
		}
	}
	in.Block, in.Events, in.Records = b.Append(nil), infos, records
	return nil
}

// Without takes the events with the given places out of an input: those that come too late.
func (in *Input) Without(part event.Part, late []int) error {
	if len(late) == 0 {
		return nil
	}
	return in.retain(part, func(i int) bool { return !slices.Contains(late, i) })
}

// The flags of an encoded input. The four bits above them tell its form, 0 so far: an input stands
// among others, and in logs that are older than forms.
const (
	flagArrivals   = 1 << iota // arrivals follow
	flagOneArrival             // one for all
	flagRecords
	flagValue
	formBits = 4
)

// batchForm is the form of an encoded batch.
const batchForm = 1

// Append appends the encoding of an input: what travels between workers, and what a log holds.
// withRecords tells whether the records of its events are part of it.
func (in *Input) Append(b []byte, withRecords bool) []byte {
	flags := byte(0)
	first, last := in.span()
	if first != None {
		flags |= flagArrivals
		if first == last {
			flags |= flagOneArrival
		}
	}
	withRecords = withRecords && in.Records != nil
	if withRecords {
		flags |= flagRecords
	}
	if in.Value != nil {
		flags |= flagValue
	}
	b = slices.Grow(b, len(in.Key)+len(in.Block)+len(in.Value)+64)
	b = append(b, in.Kind, flags)
	b = AppendText(b, in.Key)
	b = binary.AppendVarint(b, int64(in.Time))
	if flags&flagValue != 0 {
		if flags&flagArrivals != 0 {
			b = binary.AppendVarint(b, int64(first))
		}
		return AppendText(b, in.Value)
	}
	b = AppendText(b, in.Block)
	switch {
	case flags&flagOneArrival != 0:
		b = binary.AppendVarint(b, int64(first))
	case flags&flagArrivals != 0:
		for i := range in.Events {
			b = binary.AppendVarint(b, int64(in.Events[i].Arrival))
		}
	}
	if withRecords {
		b = AppendText(AppendText(b, in.Source), in.Name)
		for i := range in.Records {
			r := &in.Records[i]
			b = AppendText(b, r.Position)
			b = binary.AppendVarint(b, int64(r.Index))
			b = AppendText(b, r.Text)
		}
	}
	return b
}

// decoded are buffers of ReadInput, which looks at events but keeps none.
var decoded = sync.Pool{New: func() any { return new([]event.Event) }}

// mostBuffered is how many events a buffer keeps from one block to the next: more than nearly all
// keys have, and less than a megabyte.
const mostBuffered = 1000

// decodeInto decodes a block into a buffer. The events are valid until the next call.
func decodeInto(buffer *[]event.Event, b event.Block) ([]event.Event, error) {
	clear(*buffer)
	events, err := event.Decode(b, (*buffer)[:0])
	if *buffer = events; len(events) > mostBuffered {
		*buffer = nil
	}
	return events, err
}

// ReadInput reads an input that Append wrote from the begin of b, and returns what is behind it.
// Its block and value are slices of b.
func ReadInput(b []byte) (in Input, rest []byte, err error) {
	r := Reader{b: b}
	in.Kind = r.Byte()
	flags := r.Byte()
	if form := flags >> formBits; form != 0 {
		return in, nil, fmt.Errorf("%w: %w", ErrCorrupt, wire.FormError("an input of a key", form, 0))
	}
	in.Key, in.Time, in.Arrival = r.Text(), r.Millis(), None
	if flags&flagValue != 0 {
		if flags&flagArrivals != 0 {
			in.Arrival = r.Millis()
		}
		if in.Value = r.Bytes(); in.Value == nil {
			in.Value = []byte{}
		}
		return in, r.b, r.Err()
	}
	in.Block = r.Bytes()
	if in.Key == "" || r.bad {
		return in, r.b, r.Err()
	}
	kind := ByID(in.Kind)
	if kind == nil {
		return in, nil, fmt.Errorf("%w: an input of kind %d", ErrCorrupt, in.Kind)
	}
	buffer := decoded.Get().(*[]event.Event)
	defer decoded.Put(buffer)
	events, err := decodeInto(buffer, in.Block)
	if err != nil {
		return in, nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	in.Events = make([]EventInfo, len(events))
	one := None
	if flags&flagOneArrival != 0 {
		one = r.Millis()
	}
	for i := range events {
		arrival := one
		if flags&flagArrivals != 0 && flags&flagOneArrival == 0 {
			arrival = r.Millis()
		}
		in.Events[i] = kind.Info(&events[i], arrival)
	}
	if flags&flagRecords != 0 {
		in.Source, in.Name = r.Text(), r.Text()
		in.Records = make([]Record, len(events))
		for i := range in.Records {
			in.Records[i] = Record{Position: r.Text(), Index: int(r.varint()), Text: r.Bytes()}
		}
	}
	return in, r.b, r.Err()
}

// A Batch is what one batch of records holds for all keys.
type Batch struct {
	Source   string  // names what Position is of
	Position []byte  // what the source needs to go on behind the batch; nil where it cannot
	Inputs   []Input // by kind
}

// Append appends the encoding of a batch, for where the transforms behind the decoder are in
// another process.
func (p *Batch) Append(b []byte) []byte {
	b = AppendText(append(b, batchForm), p.Source)
	b = AppendText(b, p.Position)
	for i := range p.Inputs {
		b = p.Inputs[i].Append(b, true)
	}
	return b
}

// ReadBatch reads what Batch.Append wrote. The inputs are slices of b.
func ReadBatch(b []byte) (p Batch, err error) {
	r := Reader{b: b}
	if form := r.Byte(); form != batchForm && !r.bad {
		return p, fmt.Errorf("%w: %w", ErrCorrupt, wire.FormError("a batch of inputs", form, batchForm))
	}
	p.Source, p.Position = r.Text(), r.Bytes()
	if err := r.Err(); err != nil {
		return p, err
	}
	for rest := r.b; len(rest) > 0; {
		var in Input
		if in, rest, err = ReadInput(rest); err != nil {
			return p, err
		}
		p.Inputs = append(p.Inputs, in)
	}
	return p, nil
}

// AppendText appends a text with its length in front.
func AppendText[T string | []byte | event.Block](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// A Reader reads the parts of an encoding. Behind a part that is not there it is bad, and gives zeros.
type Reader struct {
	b   []byte
	bad bool
}

// NewReader returns a reader of b.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Err returns ErrCorrupt if a part was not there.
func (r *Reader) Err() error {
	if r.bad {
		return fmt.Errorf("%w: %w", ErrCorrupt, io.ErrUnexpectedEOF)
	}
	return nil
}

// Rest returns what was not read yet.
func (r *Reader) Rest() []byte { return r.b }

func (r *Reader) fail() { r.bad, r.b = true, nil }

// Byte reads a byte.
func (r *Reader) Byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *Reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Millis reads a time.
func (r *Reader) Millis() Millis { return Millis(r.varint()) }

// Count reads a number of things that are yet to come, each of a byte at least.
func (r *Reader) Count() int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

// Bytes reads a text, as a slice of what is read.
func (r *Reader) Bytes() []byte {
	n := r.Count()
	if r.bad || n > len(r.b) {
		r.fail()
		return nil
	}
	return r.Take(n)
}

// Take reads n bytes.
func (r *Reader) Take(n int) []byte {
	if n > len(r.b) {
		r.fail()
		return make([]byte, n)
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// Text reads a text.
func (r *Reader) Text() string { return string(r.Bytes()) }

// BucketOf returns the bucket of a key among n, from 0: the same on every machine.
func BucketOf(key string, n int) int {
	h := uint64(14695981039346656037) // FNV-1a
	for i := 0; i < len(key); i++ {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return int((h ^ h>>32) % uint64(n))
}
