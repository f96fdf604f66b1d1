package console

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// A buffer may be written and read by several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

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

func TestPlainPrintsLinesNowAndThen(t *testing.T) {
	defer func(d time.Duration) { plainEvery = d }(plainEvery)
	plainEvery = 10 * time.Millisecond
	var out buffer
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
		var out buffer
		Start(NewScreen(&out), kind, func() Work { return Work{} }).Stop()
		if out.String() != "" {
			t.Errorf("%s: %q", kind, out.String())
		}
	}
}

func TestBarIsTakenAwayAndLinesStay(t *testing.T) {
	defer func(d time.Duration) { barEvery = d }(barEvery)
	barEvery = 10 * time.Millisecond
	var out buffer
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
