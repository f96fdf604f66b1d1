package decode

import (
	"bytes"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"flexbeam/internal/jsonscan"
	"flexbeam/internal/parallel"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/schemas/record"
	"flexbeam/transforms/deadletter"
)

// pieceSize is the least worth a goroutine.
const pieceSize = 256 << 10

// A collector decodes a piece of a batch and sorts its events.
type collector struct {
	decoder *Decoder
	packed  unpacker
	take    func(e *event.Event)
	line    int64
	first   int          // of the batch's records, where they are no lines
	since   event.Millis // events before are left out
	letters []deadletter.Letter

	events, dropped, early int64
}

func (c *collector) Event(e *event.Event) {
	if e.Time < c.since {
		c.early++
		return
	}
	c.events++
	c.take(e)
}

func (c *collector) Dropped() { c.dropped++ }

func (c *collector) Refused(err *Error, text []byte, at Spot) {
	c.letters = append(c.letters, deadletter.Letter{
		Line: c.line, Value: at.Value, Index: at.Index, Class: string(err.Class), Error: err.Message, Payload: bytes.Clone(text),
	})
}

// begin makes a collector ready for a piece.
func (c *collector) begin() {
	c.line, c.letters, c.events, c.dropped, c.early, c.decoder.BadAttr = 0, nil, 0, 0, 0, 0
}

// lines decodes lines; the texts of the events live as long as data.
func (c *collector) lines(data []byte) {
	c.begin()
	for len(data) > 0 {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		c.decoder.Line(line, c)
		c.line++
	}
}

// values decodes JSON values that may be spread over lines. Each stands on the line where it begins.
func (c *collector) values(data []byte) {
	c.begin()
	b := bytes.TrimRightFunc(data, unicode.IsSpace)
	valid := utf8.Valid(b)
	for n := 0; ; n++ {
		start := jsonscan.Between(b, 0)
		if c.pass(b[:start]) {
			n = 0
		}
		if b = b[start:]; len(b) == 0 {
			break
		}
		length := c.decoder.value(b, valid, n, c)
		if c.pass(b[:length]) {
			n = -1 // the next one is the first that begins on its line
		}
		b = b[length:]
	}
	c.line = int64(bytes.Count(data, []byte{'\n'}))
	if !bytes.HasSuffix(data, []byte{'\n'}) && len(data) > 0 {
		c.line++
	}
}

// pass counts the lines that end in text, and tells whether one does.
func (c *collector) pass(text []byte) bool {
	n := bytes.Count(text, []byte{'\n'})
	c.line += int64(n)
	return n > 0
}

// records decodes the records from one number up to another of a batch that says where each record
// ends.
func (c *collector) records(b record.Batch, from, to int) {
	c.begin()
	at := int64(0)
	if from > 0 {
		at = b.Ends[from-1]
	}
	for _, end := range b.Ends[from:to] {
		c.record(b.Data[at:end])
		at = end
		c.line++
	}
}

// record decodes a record of a stream.
func (c *collector) record(packed []byte) {
	data, err := c.packed.unpack(packed)
	if err != nil {
		c.Refused(refuse(Class(deadletter.Archive), "the record is compressed and cannot be unpacked: %v: send it anew, at most 64 MiB when unpacked, or read what it held from TaskRouter's Events resource", err), packed, Spot{Index: -1})
		return
	}
	c.decoder.Line(data, c)
}

// offsetIn returns where in data the text begins that is a slice of it.
func offsetIn(data, text []byte) int64 {
	return int64(uintptr(unsafe.Pointer(unsafe.SliceData(text))) - uintptr(unsafe.Pointer(unsafe.SliceData(data))))
}

// collect decodes a batch with the collectors, each on a goroutine of its own with its own piece,
// and returns the dead letters and the number of lines.
func collect(b record.Batch, collectors []collector, count *telemetry.Counters) (letters []deadletter.Letter, lines int64, err error) {
	decode, n := pieces(b, collectors)
	if b.Plain {
		for i := range collectors {
			collectors[i].decoder.Place = func(text []byte) event.Place {
				return event.Place{File: b.Name, Offset: b.Offset + offsetIn(b.Data, text), Length: int64(len(text))}
			}
		}
	}
	err = parallel.Do(n, n, func(_, i int) error {
		decode(i)
		return nil
	})
	if err != nil {
		// Decoding refuses records and never fails; only their memory can.
		return nil, 0, err
	}
	for i := range n {
		c := &collectors[i]
		c.decoder.Place = nil
		for _, l := range c.letters {
			l.Line += lines
			letters = append(letters, named(l, b))
		}
		lines += c.line
		count.Events.Add(c.events)
		count.Dropped.Add(c.dropped + c.early)
		count.Early.Add(c.early)
		count.BadAttrs.Add(c.decoder.BadAttr)
		count.Records.Add(c.events + c.dropped + c.early + int64(len(c.letters)))
	}
	if b.Broken != "" {
		letters = append(letters, deadletter.Letter{Line: lines, Index: -1, Class: deadletter.Archive, Error: b.Broken})
	}
	if b.LostTo > 0 {
		letters = append(letters, gap(b))
	}
	for _, l := range letters {
		count.DeadLetter(l.Class, 1)
	}
	return letters, lines, nil
}

// pieces returns what decodes the pieces of a batch, by their number, and how many there are.
func pieces(b record.Batch, collectors []collector) (decode func(i int), n int) {
	if b.Values {
		return func(i int) { collectors[i].values(b.Data) }, 1
	}
	if b.Ends == nil {
		p := split(b.Data, len(collectors))
		return func(i int) { collectors[i].lines(p[i]) }, len(p)
	}
	records := len(b.Ends)
	n = max(1, min(len(collectors), len(b.Data)/pieceSize, records))
	return func(i int) {
		c := &collectors[i]
		c.first = records * i / n
		c.records(b, c.first, records*(i+1)/n)
	}, n
}

// named gives a letter the name of its record, where records have one.
func named(l deadletter.Letter, b record.Batch) deadletter.Letter {
	if b.Positions != nil {
		l.Position = b.Positions[l.Line]
	}
	if b.Arrivals != nil {
		l.Received = b.Arrivals[l.Line]
	}
	return l
}

// gap tells of records that were gone before they could be read.
func gap(b record.Batch) deadletter.Letter {
	from, to := time.UnixMilli(b.LostFrom).UTC(), time.UnixMilli(b.LostTo).UTC()
	return deadletter.Letter{
		Position: "gap:" + from.Format(model.TimeLayout), Index: -1, Class: deadletter.Gap, Received: b.LostTo,
		Error: fmt.Sprintf("records of %s that arrived from %s to %s fell out of the stream's retention before they were read: fetch that time from TaskRouter's REST log, or from an archive, with a batch job over the same sink",
			b.Name, from.Format(model.TimeLayout), to.Format(model.TimeLayout)),
	}
}

// split cuts lines into at most n pieces.
func split(data []byte, n int) [][]byte {
	n = max(1, min(n, len(data)/pieceSize))
	var pieces [][]byte
	for ; n > 1; n-- {
		at := len(data) / n
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			break
		}
		pieces = append(pieces, data[:at+i+1])
		data = data[at+i+1:]
	}
	return append(pieces, data)
}
