package decode

import (
	"bytes"
	"fmt"

	"flexbeam/internal/parallel"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/event"
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

// collect decodes a batch with the collectors, each on a goroutine of its own with its own piece, and returns the dead letters
// and the number of lines.
func collect(b record.Batch, collectors []collector, count *telemetry.Counters) (letters []deadletter.Letter, lines int64, err error) {
	pieces := split(b.Data, len(collectors))
	if b.Plain {
		for i := range collectors {
			collectors[i].decoder.Place = func(text []byte) event.Place {
				// Slices of one array end at the same place: their capacities tell where they begin.
				return event.Place{File: b.Name, Offset: b.Offset + int64(cap(b.Data)-cap(text)), Length: int64(len(text))}
			}
		}
	}
	err = parallel.Do(len(pieces), func(_, i int) error {
		collectors[i].lines(pieces[i])
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("decode: %w", err) // decoding refuses records; only their memory can fail
	}
	for i := range pieces {
		c := &collectors[i]
		c.decoder.Place = nil
		for _, l := range c.letters {
			l.Line += lines
			letters = append(letters, l)
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
	count.DeadLetters.Add(int64(len(letters)))
	return letters, lines, nil
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
