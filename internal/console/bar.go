package console

import (
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

const barTotal = 1_000_000

// startBar draws a bar: share, phase, then the figures.
func startBar(s *Screen, look func() Work) (stop func()) {
	var mu sync.Mutex
	var phase, figures string
	text := func(p *string) decor.DecorFunc {
		return func(decor.Statistics) string {
			mu.Lock()
			defer mu.Unlock()
			return *p
		}
	}
	group := mpb.New(mpb.WithOutput(s.out), mpb.WithAutoRefresh(), mpb.WithRefreshRate(barEvery))
	bar := group.New(barTotal, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(text(&phase), decor.WC{C: decor.DextraSpace}), decor.Percentage(decor.WC{W: 5})),
		mpb.AppendDecorators(decor.Any(text(&figures))),
	)
	m := newMeter()
	update := func() {
		w := look()
		f := strings.Join(m.figures(w), "  ")
		mu.Lock()
		phase, figures = w.Phase, f
		mu.Unlock()
		bar.SetCurrent(int64(min(max(w.Share, 0), 0.999) * barTotal))
	}
	update()
	s.setBar(group)
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(barEvery)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				update()
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
		s.setBar(nil)
		bar.Abort(true)
		group.Wait()
	}
}
