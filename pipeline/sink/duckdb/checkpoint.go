package duckdb

import (
	"os"
	"sync"
	"time"
)

// checkpoints says when the last checkpoint was. The shards' barriers guard it.
type checkpoints struct {
	ended time.Time
	took  time.Duration
	made  int
}

// due tells whether it is time for a checkpoint.
func (c *checkpoints) due(l *limits, log int64, now time.Time) bool {
	return log >= l.checkpointBytes && now.Sub(c.ended) >= time.Duration(l.checkpointShare)*c.took
}

// checkpoint brings what is only in the log into the file, if that is due, and gives its memory back. No shard writes meanwhile: DuckDB would refuse it.
func (s *shard) checkpoint() error {
	st := s.store
	fi, err := os.Stat(st.config.file + ".wal")
	if err != nil { // there is none
		return nil
	}
	begin := time.Now()
	if !st.checkpoints.due(&st.config.limits, fi.Size(), begin) {
		return nil
	}
	st.reading.Lock() // a reader may hold what a checkpoint needs
	_, err = s.conn.exec("CHECKPOINT")
	st.reading.Unlock()
	if err != nil {
		return st.explain(err)
	}
	c := &st.checkpoints
	c.ended = time.Now()
	c.took = c.ended.Sub(begin)
	c.made++
	return nil
}

// A barrier lets one of several shards work while the others wait.
type barrier struct {
	mu      sync.Mutex
	missing int
	over    chan struct{}
}

func newBarrier(n int) *barrier { return &barrier{missing: n, over: make(chan struct{})} }

// last returns true to the shard that comes last, at once: it must call end. The others it keeps until then, or until stop is closed.
func (m *barrier) last(stop <-chan struct{}) bool {
	m.mu.Lock()
	m.missing--
	last := m.missing == 0
	m.mu.Unlock()
	if last {
		return true
	}
	select {
	case <-m.over:
	case <-stop:
	}
	return false
}

func (m *barrier) end() { close(m.over) }

// callOff ends a barrier to which not all may come. If all have come it goes on.
func (m *barrier) callOff() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missing > 0 {
		m.missing = -1 // nobody is the last one any more
		m.end()
	}
}
