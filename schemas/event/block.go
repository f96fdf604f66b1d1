package event

import (
	"encoding/binary"
	"errors"
	"fmt"

	"flexbeam/internal/wire"
	"flexbeam/schemas/attribute"
)

// A Block is an encoded sequence of events. Blocks may be concatenated.
type Block []byte

// ErrCorrupt says that a block is not one that a Builder wrote.
var ErrCorrupt = errors.New("corrupt block of events")

// A Part says which fields of an event a block keeps: those that the fold of a task needs, or those
// that the fold of a worker needs.
type Part uint32

// The parts of an event.
const (
	TaskPart   Part = 1 << iota // what the fold of a task reads
	WorkerPart                  // what the fold of a worker reads
	Whole      = TaskPart | WorkerPart
)

var partFields = map[Part][]Field{
	TaskPart: {AccountSID, TaskSID, ReservationSID, WorkerSID, WorkerName, WorkspaceSID, WorkflowSID, WorkflowName, QueueSID, QueueName,
		Channel, Reason, CanceledReason, CompletedReason, TransferFailedReason, ReasonCode, TransferType, TransferTo},
	WorkerPart: {AccountSID, WorkerSID, WorkerName, ActivitySID, ActivityName, PreviousActivitySID, PreviousActivityName},
	Whole:      allFields(),
}

func allFields() []Field {
	var f []Field
	for i := range NumFields {
		f = append(f, i)
	}
	return f
}

// The flags of an encoded event.
const (
	hasStream = 1 << iota
	hasQueueEntered
	hasInPrevious
	hasTaskAttributes
	hasWorkerAttributes
	availableBits // and the next one: WorkerAvailable
	_
	ofTask
)

// What else may follow the fields, told in the set of them.
const (
	placed    = 1 << (NumFields + iota) // a Place
	versioned                           // a Schema
)

// A Builder encodes events. Texts that repeat within a block are stored once. It serves one
// goroutine.
//
// A block is: its length in bytes, then its events. An event is: flags, kind, time, sum, id, the
// set of fields, the fields' texts, then the optional numbers and snapshots. A text is n<<1 and n
// bytes, or p<<1|1 for the text at byte p. That is form 0, which has no mark, since blocks are older
// than forms. A block in another one begins with two zeros, which stand nowhere else, and its form.
type Builder struct {
	buf   []byte
	n     int
	seen  []seen
	epoch uint32
}

// seen is a text of the block, and where it stands. The table of texts is small, so a new text may
// take the slot of an older one. The older text is then stored again when it comes back.
type seen struct {
	text  string
	at    int
	epoch uint32 // the block that it belongs to
}

const (
	seenBits = 8
	seenSize = 1 << seenBits
)

// Len returns the number of events in the builder.
func (b *Builder) Len() int { return b.n }

// Size returns the number of bytes that Append would add.
func (b *Builder) Size() int { return len(b.buf) }

// Reset empties the builder and keeps its memory.
func (b *Builder) Reset() {
	b.buf = b.buf[:0]
	b.n = 0
	b.epoch++
	if b.epoch == 0 { // it went round: old entries could pass for new ones
		clear(b.seen)
	}
}

// Add encodes the parts of an event.
func (b *Builder) Add(e *Event, part Part) {
	b.n++
	flags := byte(e.WorkerAvailable) * availableBits
	if e.OfTask || e.Text[TaskSID] != "" {
		flags |= ofTask
	}
	if e.Stream {
		flags |= hasStream
	}
	if part&TaskPart != 0 && e.QueueEnteredAt != None {
		flags |= hasQueueEntered
	}
	if part&WorkerPart != 0 && e.InPreviousFor != None {
		flags |= hasInPrevious
	}
	if part&TaskPart != 0 && e.HasTaskAttributes {
		flags |= hasTaskAttributes
	}
	if e.HasWorkerAttrs && (part&WorkerPart != 0 || e.Kind.OfReservation()) {
		flags |= hasWorkerAttributes
	}
	b.buf = append(b.buf, flags, byte(e.Kind))
	b.buf = binary.AppendVarint(b.buf, int64(e.Time))
	b.buf = binary.LittleEndian.AppendUint64(b.buf, e.Sum)
	b.literal(e.ID)
	var set uint64
	if e.Place.File != "" {
		set = placed
	}
	if e.Schema != 0 {
		set |= versioned
	}
	fields := partFields[part]
	for _, f := range fields {
		if e.Text[f] != "" {
			set |= 1 << f
		}
	}
	b.buf = binary.AppendUvarint(b.buf, set)
	for _, f := range fields {
		if e.Text[f] != "" {
			b.text(e.Text[f])
		}
	}
	if set&placed != 0 {
		b.text(e.Place.File)
		b.buf = binary.AppendVarint(b.buf, e.Place.Offset)
		b.buf = binary.AppendVarint(b.buf, e.Place.Length)
	}
	if set&versioned != 0 {
		b.buf = binary.AppendUvarint(b.buf, uint64(e.Schema))
	}
	if flags&hasQueueEntered != 0 {
		b.buf = binary.AppendVarint(b.buf, int64(e.QueueEnteredAt))
	}
	if flags&hasInPrevious != 0 {
		b.buf = binary.AppendVarint(b.buf, int64(e.InPreviousFor))
	}
	if flags&hasTaskAttributes != 0 {
		b.text(string(e.TaskAttributes))
	}
	if flags&hasWorkerAttributes != 0 {
		b.text(string(e.WorkerAttributes))
	}
}

func (b *Builder) literal(s string) {
	b.buf = binary.AppendUvarint(b.buf, uint64(len(s))<<1)
	b.buf = append(b.buf, s...)
}

func (b *Builder) text(s string) {
	if len(s) <= 2 {
		b.literal(s)
		return
	}
	if b.seen == nil {
		b.seen = make([]seen, seenSize)
		b.epoch = max(b.epoch, 1)
	}
	e := &b.seen[slot(s)]
	if e.epoch == b.epoch && e.text == s {
		b.buf = binary.AppendUvarint(b.buf, uint64(e.at)<<1|1)
		return
	}
	*e = seen{s, len(b.buf), b.epoch}
	b.literal(s)
}

// slot returns the index of a text in the table of texts. It is computed from the text's length and
// from bytes at its middle and end.
func slot(s string) int {
	n := len(s)
	h := uint64(n)
	if n >= 8 {
		h += load(s[n-8:])*0x9e3779b97f4a7c15 + load(s[n/2-4:])*0xc2b2ae3d27d4eb4f
	} else {
		for i := range n {
			h = h*31 + uint64(s[i])
		}
	}
	h *= 0x9e3779b97f4a7c15
	return int(h >> (64 - seenBits))
}

// load returns the first eight bytes of s.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Append appends the added events to dst as one block, or nothing if there are none. Until then the
// texts of these events must not change.
func (b *Builder) Append(dst []byte) Block {
	if len(b.buf) == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.buf)))
	return append(dst, b.buf...)
}

// Decode appends the events of a block, or of several concatenated ones, to events. The texts of all
// events are slices of one copy of the block. It returns ErrCorrupt for what is no block.
func Decode(b Block, events []Event) ([]Event, error) { return decode(b, events, true) }

func decode(b Block, events []Event, compressed bool) ([]Event, error) {
	s := string(b)
	for at := 0; at < len(s); {
		d := decoder{s: s, at: at}
		n := d.uvarint()
		if d.err != nil || n > uint64(len(s)-d.at) {
			return events, fmt.Errorf("%w: length at byte %d", ErrCorrupt, at)
		}
		body := d.at
		at = body + int(n)
		if n == 0 && compressed {
			if n = d.uvarint(); d.err != nil || n > uint64(len(s)-d.at) {
				return events, fmt.Errorf("%w: compressed length at byte %d", ErrCorrupt, body)
			}
			if n == 0 {
				if form := d.byte(); d.err == nil {
					return events, fmt.Errorf("%w: %w", ErrCorrupt, wire.FormError("a block of events", form, 0))
				}
				return events, d.err
			}
			at = d.at + int(n)
			inner, err := decompress(s[d.at:at])
			if err != nil {
				return events, err
			}
			if events, err = decode(inner, events, false); err != nil {
				return events, err
			}
			continue
		}
		d = decoder{s: s[body:at]}
		for d.at < len(d.s) {
			events = append(events, Event{})
			d.event(&events[len(events)-1])
			if d.err != nil {
				return events, d.err
			}
		}
	}
	return events, nil
}

type decoder struct {
	s   string
	at  int
	err error
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = fmt.Errorf("%w: at byte %d", ErrCorrupt, d.at)
	}
	d.at = len(d.s)
}

func (d *decoder) byte() byte {
	if d.at >= len(d.s) {
		d.fail()
		return 0
	}
	c := d.s[d.at]
	d.at++
	return c
}

func (d *decoder) uvarint() uint64 {
	var x uint64
	for shift := 0; shift < 64; shift += 7 {
		c := d.byte()
		x |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return x
		}
	}
	d.fail()
	return 0
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) text() string {
	n := d.uvarint()
	at, s := d.at, d.s
	if n&1 == 1 {
		back := decoder{s: s, at: int(min(n>>1, uint64(len(s))))}
		n = back.uvarint()
		if back.err != nil || n&1 == 1 || n>>1 > uint64(len(s)-back.at) {
			d.fail()
			return ""
		}
		return s[back.at : back.at+int(n>>1)]
	}
	if n>>1 > uint64(len(s)-at) {
		d.fail()
		return ""
	}
	d.at += int(n >> 1)
	return s[at:d.at]
}

func (d *decoder) event(e *Event) {
	flags := d.byte()
	e.Kind = Kind(d.byte())
	if e.Kind >= kinds {
		d.fail()
		e.Kind = Other
	}
	e.Stream = flags&hasStream != 0
	e.WorkerAvailable = Tristate(flags / availableBits & 3)
	e.OfTask = flags&ofTask != 0
	e.Time = Millis(d.varint())
	if len(d.s)-d.at < 8 {
		d.fail()
		return
	}
	for k := 7; k >= 0; k-- {
		e.Sum = e.Sum<<8 | uint64(d.s[d.at+k])
	}
	d.at += 8
	e.ID = d.text()
	set := d.uvarint()
	for f := range NumFields {
		if set&(1<<f) != 0 {
			e.Text[f] = d.text()
		}
	}
	if set&placed != 0 {
		e.Place = Place{d.text(), d.varint(), d.varint()}
	}
	if set&versioned != 0 {
		e.Schema = uint32(d.uvarint())
	}
	e.QueueEnteredAt, e.InPreviousFor = None, None
	if flags&hasQueueEntered != 0 {
		e.QueueEnteredAt = Millis(d.varint())
	}
	if flags&hasInPrevious != 0 {
		e.InPreviousFor = Millis(d.varint())
	}
	if flags&hasTaskAttributes != 0 {
		e.HasTaskAttributes = true
		e.TaskAttributes = attribute.Snapshot(d.text())
	}
	if flags&hasWorkerAttributes != 0 {
		e.HasWorkerAttrs = true
		e.WorkerAttributes = attribute.Snapshot(d.text())
	}
}
