package console

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"flexbeam/internal/testkit/tape"
)

func TestLineTellsSharesRatesAndTimeLeft(t *testing.T) {
	now := time.Unix(1000, 0)
	m := &meter{start: now, now: func() time.Time { return now }, recent: []mark{{at: now}}}
	steps := []struct {
		after time.Duration
		work  Work
		want  string
	}{
		{500 * time.Millisecond, Work{Phase: "reading", Share: 0.01, Bytes: 1e6, BytesTotal: 100e6, Events: 500}, "reading 1 % · 1.0 MB of 100 MB · 2.0 MB/s · 1.0k events/s"},
		{9500 * time.Millisecond, Work{Phase: "reading", Share: 0.25, Bytes: 50e6, BytesTotal: 100e6, Events: 25000}, "reading 25 % · 50 MB of 100 MB · 5.0 MB/s · 2.5k events/s · 0:30 left"},
		{10 * time.Second, Work{Phase: "folding", Share: 0.5}, "folding 50 % · 0:20 left"},
		{10 * time.Second, Work{Phase: "folding", Share: 0.75, Events: 20000}, "folding 75 % · 2.0k events/s · 0:10 left"},
		{time.Second, Work{Phase: "drawing", Share: -1, Bytes: 5e6}, "drawing · 5.0 MB"},
	}
	for _, s := range steps {
		now = now.Add(s.after)
		if got := m.line(s.work, " · "); got != s.want {
			t.Errorf("got %q, want %q", got, s.want)
		}
	}
}

func TestLineOfAStreamTellsEventsAndRateOfTheLastSeconds(t *testing.T) {
	now := time.Unix(1000, 0)
	m := &meter{start: now, now: func() time.Time { return now }, recent: []mark{{at: now}}}
	work := func(events int64, more ...string) Work {
		return Work{Phase: "streaming", Share: -1, Bytes: 1e9, Events: events, Endless: true, More: more}
	}
	steps := []struct {
		after time.Duration
		work  Work
		want  string
	}{
		{0, work(0), "streaming · 0 events"},
		{10 * time.Second, work(5000, "lag 3 s"), "streaming · 5.0k events · 500/s · lag 3 s"},
		{10 * time.Second, work(25000, "lag 3 s"), "streaming · 25k events · 1.2k/s · lag 3 s"},
		{10 * time.Second, work(25000, "lag 3 s", "2 dead letters"), "streaming · 25k events · 1.0k/s · lag 3 s · 2 dead letters"},
		{20 * time.Second, work(25000), "streaming · 25k events · 0/s"},
	}
	for _, s := range steps {
		now = now.Add(s.after)
		if got := m.line(s.work, " · "); got != s.want {
			t.Errorf("got %q, want %q", got, s.want)
		}
	}
}

func TestPlainLinesOfAStreamComeAtHalfThePace(t *testing.T) {
	defer func(d time.Duration) { plainEvery = d }(plainEvery)
	plainEvery = 5 * time.Millisecond
	var out tape.Tape
	var looks atomic.Int64
	p := Start(NewScreen(&out), Plain, func() Work {
		looks.Add(1)
		return Work{Phase: "streaming", Share: -1, Endless: true}
	})
	for deadline := time.Now().Add(30 * time.Second); strings.Count(out.String(), "\n") < 3 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	p.Stop()
	if lines := int64(strings.Count(out.String(), "\n")); lines < 3 || lines != looks.Load()/2 {
		t.Errorf("%d lines after %d looks", lines, looks.Load())
	}
}

func TestNarrowLineKeepsTheMostTellingFigures(t *testing.T) {
	figures := []string{"1.2M events", "512/s", "lag 3 s"}
	for width, want := range map[int]string{100: "1.2M events  512/s  lag 3 s", 27: "1.2M events  512/s  lag 3 s", 26: "1.2M events  512/s", 5: "1.2M events", -1: "1.2M events"} {
		if got := fit(figures, width); got != want {
			t.Errorf("%d wide: %q, want %q", width, got, want)
		}
	}
	if got := fit(nil, 10); got != "" {
		t.Errorf("no figures: %q", got)
	}
}

func TestBarOfAStreamIsALineWithoutShare(t *testing.T) {
	defer func(d time.Duration) { barEvery = d }(barEvery)
	barEvery = 10 * time.Millisecond
	var out tape.Tape
	p := Start(NewScreen(&out), Bar, func() Work {
		return Work{Phase: "streaming", Share: -1, Events: 1200, Endless: true, More: []string{"lag 3 s"}}
	})
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(out.String(), "lag 3 s") && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	p.Stop()
	if got := out.String(); !strings.Contains(got, "streaming  1.2k events  lag 3 s\n") || strings.ContainsAny(got, "%=>") {
		t.Errorf("got %q", got)
	}
}

func TestPlainPrintsLinesNowAndThen(t *testing.T) {
	defer func(d time.Duration) { plainEvery = d }(plainEvery)
	plainEvery = 10 * time.Millisecond
	var out tape.Tape
	p := Start(NewScreen(&out), Auto, func() Work { return Work{Phase: "reading", Share: 0.5} })
	for range 200 {
		if strings.Count(out.String(), "\n") >= 2 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.Stop()
	p.Stop() // may come again
	got := out.String()
	if !strings.HasPrefix(got, "reading 50 %\nreading 50 %\n") {
		t.Errorf("got %q", got)
	}
	time.Sleep(30 * time.Millisecond)
	if out.String() != got {
		t.Errorf("a line after Stop")
	}
}

func TestShortJobPrintsNoProgress(t *testing.T) {
	for _, kind := range []Kind{Auto, Plain, None} {
		var out tape.Tape
		Start(NewScreen(&out), kind, func() Work { return Work{} }).Stop()
		if out.String() != "" {
			t.Errorf("%s: %q", kind, out.String())
		}
	}
}

func TestBarIsTakenAwayAndLinesStay(t *testing.T) {
	defer func(d time.Duration) { barEvery = d }(barEvery)
	barEvery = 10 * time.Millisecond
	var out tape.Tape
	s := NewScreen(&out)
	p := Start(s, Bar, func() Work { return Work{Phase: "reading", Share: 0.5, Bytes: 5e6, BytesTotal: 10e6} })
	for i := range 20 {
		time.Sleep(5 * time.Millisecond)
		fmt.Fprintf(s, "log line %d\n", i)
	}
	p.Stop()
	fmt.Fprintln(s, "done")
	got := out.String()
	for i := range 20 {
		if !strings.Contains(got, fmt.Sprintf("log line %d\n", i)) {
			t.Errorf("log line %d is lost", i)
		}
	}
	if !strings.Contains(got, "reading") || !strings.Contains(got, "5.0 MB of 10 MB") || !strings.HasSuffix(got, "done\n") {
		t.Errorf("got %q", got)
	}
}
