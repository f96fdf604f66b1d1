package console

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"flexbeam/internal/repeat"
)

const barTotal = 1_000_000

// between stands between the figures of a bar.
const between = "  "

// startBar draws a bar: phase, share, then the figures. Work of unknown share has no bar, only the
// line.
func startBar(s *Screen, look func() Work) (stop func()) {
	var mu sync.Mutex
	var work Work
	var figures []string
	current := func() (Work, []string) {
		mu.Lock()
		defer mu.Unlock()
		return work, figures
	}
	head := func(decor.Statistics) string {
		w, _ := current()
		if w.Share < 0 {
			return w.Phase
		}
		return fmt.Sprintf("%s %3d %%", w.Phase, int(100*min(w.Share, 0.999)))
	}
	tail := func(at decor.Statistics) string {
		_, f := current()
		return fit(f, at.AvailableWidth-2) // the blanks around the bar come later
	}
	bar := mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]").Build()
	group := mpb.New(mpb.WithOutput(s.out), mpb.WithAutoRefresh(), mpb.WithRefreshRate(barEvery))
	line := group.MustAdd(barTotal, mpb.BarFillerFunc(func(out io.Writer, at decor.Statistics) error {
		if w, _ := current(); w.Share < 0 {
			return nil
		}
		return bar.Fill(out, at)
	}), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Any(head)), mpb.AppendDecorators(decor.Any(tail)))
	m := newMeter()
	update := func() {
		w := look()
		f := m.figures(w)
		mu.Lock()
		work, figures = w, f
		mu.Unlock()
		line.SetCurrent(int64(min(max(w.Share, 0), 0.999) * barTotal))
	}
	update()
	s.setBar(group)
	end := repeat.Always(barEvery, update)
	return func() {
		end()
		s.setBar(nil)
		line.Abort(true)
		group.Wait()
	}
}

// fit joins the figures from the first one on that are at most width wide together; the first comes
// in any case.
func fit(figures []string, width int) string {
	var b strings.Builder
	n := 0
	for i, f := range figures {
		n += utf8.RuneCountInString(f)
		if i > 0 {
			if n += len(between); n > width {
				break
			}
			b.WriteString(between)
		}
		b.WriteString(f)
	}
	return b.String()
}
