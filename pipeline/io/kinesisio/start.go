package kinesisio

import (
	"fmt"
	"strings"
	"time"
)

// A Start says where the reading of a stream begins if no position of it is saved. The zero Start
// is the oldest record that the stream still keeps.
type Start struct {
	Latest bool  // with the records that arrive from about a second before the job began
	AtMS   int64 // with the records that arrived at this time or later, in ms since 1970; 0: not given
}

// Forms of a Start as text.
const (
	trimHorizon = "trim-horizon"
	latest      = "latest"
	atPrefix    = "at:"
)

// ParseStart reads a Start: trim-horizon, latest, or at: and a time of RFC 3339.
func ParseStart(text string) (Start, error) {
	switch {
	case text == trimHorizon:
		return Start{}, nil
	case text == latest:
		return Start{Latest: true}, nil
	case strings.HasPrefix(text, atPrefix):
		t, err := time.Parse(time.RFC3339, text[len(atPrefix):])
		if err != nil || t.UnixMilli() <= 0 {
			return Start{}, fmt.Errorf("time %q: want one like at:2026-01-31T08:00:00Z", text[len(atPrefix):])
		}
		return Start{AtMS: t.UnixMilli()}, nil
	}
	return Start{}, fmt.Errorf("%q: want trim-horizon, latest or at:TIME", text)
}

// String returns the text that ParseStart reads.
func (s Start) String() string {
	switch {
	case s.Latest:
		return latest
	case s.AtMS > 0:
		return atPrefix + time.UnixMilli(s.AtMS).UTC().Format("2006-01-02T15:04:05.999Z07:00")
	}
	return trimHorizon
}
