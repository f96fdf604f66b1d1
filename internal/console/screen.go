package console

import (
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
)

// A Screen is a writer that keeps lines and a progress bar apart. It may be used by several goroutines.
type Screen struct {
	mu  sync.Mutex
	out io.Writer
	bar *mpb.Progress
}

// NewScreen returns a screen on w.
func NewScreen(w io.Writer) *Screen { return &Screen{out: w} }

// Write writes lines, above the bar if there is one.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil {
		if n, err := s.bar.Write(p); err == nil {
			return n, nil
		}
	}
	return s.out.Write(p)
}

// IsTerminal tells whether the screen is a terminal that can redraw a line.
func (s *Screen) IsTerminal() bool {
	f, ok := s.out.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && cwriter.IsTerminal(int(f.Fd()))
}

func (s *Screen) setBar(p *mpb.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bar = p
}
