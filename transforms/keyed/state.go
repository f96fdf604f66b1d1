package keyed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"flexbeam/internal/span"
	"flexbeam/internal/wire"
	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
)

// ErrCorrupt says that bytes are not what this package wrote.
var ErrCorrupt = errors.New("the state of a key is corrupt")

// A State is what is known of a key. It is one value with one encoding, since every access to a
// Beam state cell is a round trip (docs/adr/0001-blocks.md).
type State struct {
	Block event.Block // the events
	// Own are the attribute paths of the job's own that the events keep (model.Attributes.Own), where a
	// driver keeps states beyond a job; else empty.
	Own   string
	Value []byte // a kind's own, for keys without events

	// Arrival is that of the newest input; None where arrivals are not known.
	Arrival Millis
	// Since is the Time of the first input that waits to be processed; None: nothing waits.
	Since Millis
	// Next is for drivers: for when the key is to be processed; None: for no time.
	Next Millis

	Closed    bool // the end of the key has come: little more is to be expected
	Anonymous bool // the key stands for what belongs to none: it leaves no tombstone
	Tombstone bool // the state was dropped, and only this is left of it
	Dirty     bool // for Logic: what Merge changed is not in the rows yet
	Resumed   bool // an earlier process of the job emitted rows, and which is not known

	Bound   Millis // of a worker: worker.* events up to this time come too late; None: none does
	AsOf    Millis // of a worker: up to when a running activity was counted; None: not at all
	Buckets []Bucket

	Distinct int64 // distinct events that were counted
	Copies   int64 // copies of them that were counted
	Alone    int64 // units that are counted as left alone

	Evidence evidence.Counts // what of the key was counted as missing

	emitted []emitted
	looked  *Span    // of what the sink was asked for the rows of other jobs; nil: nothing
	days    span.Set // and of which days
	fresh   bool     // that was for this fold

	groups    []event.Group // the events decoded, where the driver has them so already
	rewritten bool          // Block was replaced since TakeRewritten
}

// A Bucket is the newest time of a worker.* event among those that arrived within an hour.
type Bucket struct {
	Hour   Millis // number of the hour since 1970
	Newest Millis
}

// NewState returns the state of a new key.
func NewState() *State {
	return &State{Arrival: None, Since: None, Next: None, Bound: None, AsOf: None}
}

// StateOf returns the state of a new key whose events are decoded already.
func StateOf(g event.Group) *State {
	s := NewState()
	s.groups = []event.Group{g}
	return s
}

// Waits tells whether an input waits to be processed.
func (s *State) Waits() bool { return s.Since != None }

// Groups returns the events of a state by account and by the SID in a field: one group, unless the
// key stands for what belongs to none. They are valid until the next call with the same buffer,
// which saves memory where one goroutine processes many keys.
func (s *State) Groups(by event.Field, buffer *[]event.Event) ([]event.Group, error) {
	if s.groups != nil {
		return s.groups, nil
	}
	events, err := decodeInto(buffer, s.Block)
	if err != nil {
		return nil, err
	}
	return event.Groups(events, by), nil
}

// Replace puts another block in the place of a state's, which says the same of what is still to come.
func (s *State) Replace(b event.Block) { s.Block, s.rewritten = b, true }

// TakeRewritten tells whether the block was replaced since the last call: then a log of inputs no
// longer adds up to the state.
func (s *State) TakeRewritten() bool {
	was := s.rewritten
	s.rewritten = false
	return was
}

// Count notes how many distinct events and copies a fold met, and adds to out how many more these are.
func (s *State) Count(distinct, copies int64, out *Output) {
	out.Distinct += distinct - s.Distinct
	out.Copies += copies - s.Copies
	s.Distinct, s.Copies = distinct, copies
}

// arrived notes events that come in time.
func (s *State) arrived(k *Kind, events []EventInfo) {
	for i := range events {
		s.Arrival = max(s.Arrival, events[i].Arrival)
		s.Closed = s.Closed || k.Closes != nil && k.Closes(events[i].Kind)
	}
}

// bury leaves a tombstone.
func (s *State) bury() {
	t := NewState()
	t.Arrival, t.Closed, t.Anonymous, t.Tombstone = s.Arrival, s.Closed, s.Anonymous, true
	t.Evidence = s.Evidence // it stays counted
	*s = *t
}

// Disown makes the rows that an earlier process emitted those that the sink holds: that process may
// have written others behind what is known of it.
func (s *State) Disown() { s.emitted, s.looked, s.days, s.Resumed = nil, nil, nil, true }

// Recount counts the distinct events that an earlier process had counted.
func (s *State) Recount(k *Kind) error {
	if len(s.Block) == 0 {
		return nil
	}
	events, err := event.Decode(s.Block, nil)
	if err != nil {
		return err
	}
	seen, all := make(map[string]bool, len(events)), 0
	for i := range events {
		if k.Owns == nil || k.Owns(&events[i]) {
			seen[events[i].ID] = true
			all++
		}
	}
	s.Distinct, s.Copies = int64(len(seen)), int64(all-len(seen))
	return nil
}

// Pack makes one compressed block of those that a key came in, which repeat each other's texts.
func (s *State) Pack(k *Kind, b *event.Builder) error {
	if len(s.Block) == 0 {
		return nil
	}
	events, err := event.Decode(s.Block, nil)
	if err != nil {
		return err
	}
	b.Reset()
	for i := range events {
		b.Add(&events[i], k.Part)
	}
	s.Block = event.Compress(b.Append(nil))
	return nil
}

// encoding is the version of Append, and encodingOwn that of a state with paths of its own.
// ReadState reads them and the ones before that it names.
const (
	encoding    = 5
	encodingOwn = 6
)

// The flags of an encoded state.
const (
	isClosed = 1 << iota
	isAnonymous
	isTombstone
	isDirty
	hasBuckets
	isResumed
	hasLooked
	hasEvidence
)

// Foreign returns the greatest unit of which the state knows a row that it did not emit; ok is
// false if there is none.
func (s *State) Foreign(unitOf UnitOf) (at int64, ok bool, err error) {
	err = s.eachLeft(unitOf, func(_ emitted, u Unit) {
		if !ok || u.At > at {
			at, ok = u.At, true
		}
	})
	return at, ok, err
}

// Append appends the encoding of a state.
func (s *State) Append(b []byte) []byte {
	flags := byte(0)
	for i, is := range []bool{
		s.Closed, s.Anonymous, s.Tombstone, s.Dirty, len(s.Buckets) > 0, s.Resumed, s.looked != nil, s.Evidence != evidence.Counts{},
	} {
		if is {
			flags |= 1 << i
		}
	}
	b = slices.Grow(b, len(s.Block)+len(s.Value)+64*len(s.emitted)+128)
	if s.Own != "" {
		b = append(AppendText(append(b, encodingOwn), s.Own), flags)
	} else {
		b = append(b, encoding, flags)
	}
	for _, t := range []Millis{s.Arrival, s.Since, s.Next, s.Bound, s.AsOf} {
		b = AppendMillis(b, t)
	}
	if flags&hasBuckets != 0 {
		b = binary.AppendUvarint(b, uint64(len(s.Buckets)))
		for _, m := range s.Buckets {
			b = binary.AppendVarint(b, int64(m.Hour))
			b = binary.AppendVarint(b, int64(m.Newest))
		}
	}
	if flags&hasEvidence != 0 {
		b = s.Evidence.Append(b)
	}
	b = binary.AppendVarint(b, s.Distinct)
	b = binary.AppendVarint(b, s.Copies)
	b = binary.AppendVarint(b, s.Alone)
	if s.looked != nil {
		b = appendSpan(b, *s.looked)
		b = binary.AppendUvarint(b, uint64(len(s.days)))
		for _, d := range s.days {
			b = appendSpan(b, d)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(s.emitted)))
	for _, e := range s.emitted {
		head := byte(e.table)
		if e.left {
			head |= leftBit
		}
		b = AppendText(append(b, head), e.key)
		b = binary.AppendVarint(binary.LittleEndian.AppendUint64(b, e.hash), e.version)
		if _, ok := model.Tables[e.table].PartitionColumn(); ok {
			b = appendDay(b, e.day)
		}
	}
	return append(AppendText(b, s.Value), s.Block...)
}

func appendSpan(b []byte, s Span) []byte {
	return binary.AppendVarint(binary.AppendVarint(b, s.From), s.To)
}

func (r *Reader) span() Span { return Span{From: r.varint(), To: r.varint()} }

// appendDay appends a time at which a day begins as the number of that day.
func appendDay(b []byte, at Millis) []byte {
	if at != None {
		at /= Day
	}
	return AppendMillis(b, at)
}

func (r *Reader) day() Millis {
	at := r.Optional()
	if at == None {
		return None
	}
	return at * Day
}

// AppendMillis appends a time in a byte if there is none.
func AppendMillis(b []byte, t Millis) []byte {
	if t == None {
		return append(b, 1) // the varint of -1
	}
	if t < 0 {
		t-- // so that -1 is free
	}
	return binary.AppendVarint(b, int64(t))
}

// Optional reads a time that AppendMillis wrote.
func (r *Reader) Optional() Millis {
	switch t := r.Millis(); {
	case t == -1:
		return None
	case t < 0:
		return t + 1
	default:
		return t
	}
}

// ReadState returns the state that Append wrote; no bytes are the state of a new key. Its block and
// value are slices of b.
func ReadState(b []byte) (*State, error) {
	s := NewState()
	if len(b) == 0 {
		return s, nil
	}
	r := Reader{b: b[1:]}
	switch b[0] {
	case encoding, 4: // 4 does not know of which days the sink was asked
		s.read(&r, r.Byte(), b[0])
	case encodingOwn:
		s.Own = r.Text()
		s.read(&r, r.Byte(), encoding)
	case 3: // knows no versions and days of rows
		s.read(&r, r.Byte()&^(isResumed|hasLooked|hasEvidence), b[0])
	case 2: // knows nothing but these
		s.Since = r.Millis()
		s.Distinct, s.Copies = r.varint(), r.varint()
		s.readFolds(&r)
		s.emitted = r.emitted(false)
	default:
		return nil, fmt.Errorf("%w: %w: it has encoding %d, and this version reads 2 to %d", ErrCorrupt, wire.ErrForm, b[0], encodingOwn)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	s.Block = r.b
	return s, nil
}

// read reads what is in front of the block. Before encoding 4 there was no more of other jobs' rows
// than whether the key had been processed: then all of them were known.
func (s *State) read(r *Reader, flags, version byte) {
	s.Closed, s.Anonymous, s.Tombstone = flags&isClosed != 0, flags&isAnonymous != 0, flags&isTombstone != 0
	s.Dirty, s.Resumed = flags&isDirty != 0, flags&isResumed != 0
	s.Arrival, s.Since, s.Next, s.Bound, s.AsOf = r.Optional(), r.Optional(), r.Optional(), r.Optional(), r.Optional()
	if flags&hasBuckets != 0 {
		for n := r.Count(); n > 0 && !r.bad; n-- {
			s.Buckets = append(s.Buckets, Bucket{r.Millis(), r.Millis()})
		}
	}
	if flags&hasEvidence != 0 {
		s.Evidence = r.evidence()
	}
	s.Distinct, s.Copies = r.varint(), r.varint()
	if version >= 4 {
		s.Alone = r.varint()
		if flags&hasLooked != 0 {
			looked := r.span()
			s.looked = &looked
		}
		if flags&hasLooked != 0 && version > 4 {
			for n := r.Count(); n > 0 && !r.bad; n-- {
				s.days = append(s.days, r.span())
			}
		}
	} else {
		s.readFolds(r)
	}
	s.emitted = r.emitted(version >= 4)
	if s.Value = r.Bytes(); len(s.Value) == 0 {
		s.Value = nil
	}
}

// readFolds reads how often a key was processed, as versions before 4 have it.
func (s *State) readFolds(r *Reader) {
	if r.varint() != 0 {
		s.looked = &Span{From: math.MinInt64, To: math.MaxInt64}
	}
}

// leftBit marks a row that another job wrote in the byte of its table.
const leftBit = 0x80

func (r *Reader) emitted(versions bool) (rows []emitted) {
	for n := r.Count(); n > 0 && !r.bad; n-- {
		head := r.Byte()
		e := emitted{table: model.TableID(head &^ leftBit), left: head&leftBit != 0, key: r.Text(), day: None}
		if hash := r.Take(8); !r.bad {
			e.hash = binary.LittleEndian.Uint64(hash)
		}
		if int(e.table) >= len(model.Tables) {
			r.fail()
			return rows
		}
		if versions {
			e.version = r.varint()
			if _, ok := model.Tables[e.table].PartitionColumn(); ok {
				e.day = r.day()
			}
		}
		rows = append(rows, e)
	}
	return rows
}
