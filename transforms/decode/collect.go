package decode

import (
	"bytes"
	"fmt"
	"time"

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
	take    func(e *event.Event)
	line    int64
	first   int // of the batch's records, where they are no lines
	letters []deadletter.Letter

	events, dropped int64
}

func (c *collector) Event(e *event.Event) {
	c.events++
	c.take(e)
}

func (c *collector) Dropped() { c.dropped++ }

func (c *collector) Refused(err *Error, text []byte, index int) {
	c.letters = append(c.letters, deadletter.Letter{
		Line: c.line, Index: index, Class: string(err.Class), Error: err.Message, Payload: bytes.Clone(text),
	})
}

// lines decodes lines; the texts of the events live as long as data.
func (c *collector) lines(data []byte) {
	c.line, c.letters, c.events, c.dropped, c.decoder.BadAttr = 0, nil, 0, 0, 0
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

// records decodes the records from one number up to another of a batch that says where each record
// ends.
func (c *collector) records(b record.Batch, from, to int) {
	c.line, c.letters, c.events, c.dropped, c.decoder.BadAttr = 0, nil, 0, 0, 0
	at := int64(0)
	if from > 0 {
		at = b.Ends[from-1]
	}
	for _, end := range b.Ends[from:to] {
		c.decoder.Line(b.Data[at:end], c)
		at = end
		c.line++
	}
}

// collect decodes a batch with the collectors, each on a goroutine of its own with its own piece,
// and returns the dead letters and the number of lines.
func collect(b record.Batch, collectors []collector, count *telemetry.Counters) (letters []deadletter.Letter, lines int64, err error) {
	decode, n := pieces(b, collectors)
	if b.Plain {
		for i := range collectors {
			collectors[i].decoder.Place = func(text []byte) event.Place {
				// Slices of one array end at the same place: their capacities tell where they
				// begin.
				return event.Place{File: b.Name, Offset: b.Offset + int64(cap(b.Data)-cap(text)), Length: int64(len(text))}
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
		count.Dropped.Add(c.dropped)
		count.BadAttrs.Add(c.decoder.BadAttr)
		count.Records.Add(c.events + c.dropped + int64(len(c.letters)))
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
		l.Position, l.Received = b.Positions[l.Line], b.Arrivals[l.Line]
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
