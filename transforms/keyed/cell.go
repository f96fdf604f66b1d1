package keyed

import (
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"

	"flexbeam/schemas/event"
)

// Read returns the state in a cell, nil for a key without one.
func Read(cell state.Value[[]byte], p state.Provider) (*State, error) {
	b, ok, err := cell.Read(p)
	if err != nil || !ok {
		return nil, err
	}
	return Decode(b)
}

// SetTimer sets a timer for when the watermark passes a time in ms, and holds the output's watermark there. A key has one timer for each tag.
func SetTimer(timer timers.EventTime, tp timers.Provider, ms int64, tag string) {
	at := time.UnixMilli(ms)
	timer.Set(tp, at, timers.WithOutputTimestamp(at), timers.WithTag(tag))
}

// Add adds a block of events to the state in a cell and sets the timer for when the watermark passes ts, unless it is set
// for an earlier time.
func Add(cell state.Value[[]byte], timer timers.EventTime, sp state.Provider, tp timers.Provider, ts int64, block []byte) error {
	b, _, err := cell.Read(sp)
	if err != nil {
		return err
	}
	s, err := Decode(b)
	if err != nil {
		return err
	}
	s.Blocks = append(s.Blocks[:len(s.Blocks):len(s.Blocks)], block...)
	if s.Pending == event.None || ts < s.Pending {
		s.Pending = ts
		SetTimer(timer, tp, ts, "")
	}
	return cell.Write(sp, s.Encode())
}
