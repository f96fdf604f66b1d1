package console

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"flexbeam/internal/repeat"
)

// Kind says how progress is shown.
type Kind string

// The kinds.
const (
	Auto  Kind = "auto"  // Bar on a terminal, else Plain
	Bar   Kind = "bar"   // one line that redraws itself
	Plain Kind = "plain" // a line every few seconds, none for a short job
	None  Kind = "none"
)

// Kinds lists the kinds.
var Kinds = []Kind{Auto, Bar, Plain, None}

// Work is how far a job is.
type Work struct {
	Phase      string  // what it does: reading, folding
	Share      float64 // of the whole job, 0 to 1; negative when unknown
	Bytes      int64   // read or written so far
	BytesTotal int64   // 0: unknown
	Events     int64

	// Endless says that the job has no end. The line then counts events instead of bytes, and plain
	// lines come half as often.
	Endless bool
	More    []string // further figures, the most telling first: a narrow terminal shows only those that fit
}

// How often progress is shown.
var (
	barEvery   = 150 * time.Millisecond
	plainEvery = 5 * time.Second
)

// Progress shows how far a job is until it is stopped.
type Progress struct {
	stop func()
	once sync.Once
}

// Start shows progress on a screen until Stop. look says how far the job is; it is called from
// another goroutine, several times a second.
func Start(s *Screen, kind Kind, look func() Work) *Progress {
	if kind == Auto {
		kind = Plain
		if s.IsTerminal() {
			kind = Bar
		}
	}
	switch kind {
	case Bar:
		return &Progress{stop: startBar(s, look)}
	case Plain:
		return &Progress{stop: startPlain(s, look)}
	}
	return &Progress{stop: func() {}}
}

// Stop ends showing progress and takes a bar away. It may be called more than once.
func (p *Progress) Stop() { p.once.Do(p.stop) }

func startPlain(s *Screen, look func() Work) (stop func()) {
	m := newMeter()
	skip := false
	return repeat.Always(plainEvery, func() {
		w := look()
		if skip = w.Endless && !skip; skip {
			return
		}
		fmt.Fprintln(s, m.line(w, " · "))
	})
}

// A meter turns Work into text: rates over the last seconds, and the time that is left.
type meter struct {
	start  time.Time
	now    func() time.Time
	recent []mark // the last marks, oldest first
}

type mark struct {
	at   time.Time
	work Work
}

const recentMarks = 40

// endlessRate is the time over which the rate of endless work is taken: a stream comes in gusts.
const endlessRate = 20 * time.Second

func newMeter() *meter {
	m := &meter{now: time.Now}
	m.start = m.now()
	m.recent = append(m.recent, mark{at: m.start})
	return m
}

// line returns the state as text: phase, share, bytes, rates, time left.
func (m *meter) line(w Work, between string) string {
	parts := []string{w.Phase}
	if w.Share >= 0 {
		parts[0] += fmt.Sprintf(" %.0f %%", 100*w.Share)
	}
	return strings.Join(append(parts, m.figures(w)...), between)
}

// figures returns bytes, rates and the time left, or of endless work events and rate, and what more
// there is.
func (m *meter) figures(w Work) []string {
	at := m.now()
	last := m.recent[len(m.recent)-1]
	if w.Phase != last.work.Phase && last.work.Phase != "" {
		m.recent = m.recent[:0]
	}
	m.recent = append(m.recent, mark{at, w})
	for len(m.recent) > recentMarks || w.Endless && len(m.recent) > 2 && at.Sub(m.recent[1].at) >= endlessRate {
		m.recent = m.recent[1:]
	}
	first := m.recent[0]
	seconds := at.Sub(first.at).Seconds()
	var parts []string
	if w.Endless {
		parts = append(parts, Count(w.Events)+" events")
		if seconds >= 1 {
			parts = append(parts, Count(int64(math.Round(float64(w.Events-first.work.Events)/seconds)))+"/s")
		}
		return append(parts, w.More...)
	}
	if w.BytesTotal > 0 && w.Bytes < w.BytesTotal {
		parts = append(parts, Bytes(w.Bytes)+" of "+Bytes(w.BytesTotal))
	} else if w.Bytes > 0 {
		parts = append(parts, Bytes(w.Bytes))
	}
	if seconds > 0 {
		if n := w.Bytes - first.work.Bytes; n > 0 {
			parts = append(parts, Bytes(int64(float64(n)/seconds))+"/s")
		}
		if n := w.Events - first.work.Events; n > 0 {
			parts = append(parts, Count(int64(float64(n)/seconds))+" events/s")
		}
	}
	if left, ok := m.left(w, at); ok {
		parts = append(parts, clock(left)+" left")
	}
	return append(parts, w.More...)
}

// left returns the time left if the rest goes as quickly as all before.
func (m *meter) left(w Work, at time.Time) (time.Duration, bool) {
	passed := at.Sub(m.start)
	if w.Share < 0.02 || w.Share > 1 || passed < time.Second {
		return 0, false
	}
	return time.Duration(float64(passed) * (1 - w.Share) / w.Share), true
}
