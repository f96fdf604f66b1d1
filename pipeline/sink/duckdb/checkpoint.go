package duckdb

import (
	"os"
	"sync"
	"time"
)

// checkpoints remembers the last checkpoint. Only the shard that is last at a barrier uses it.
type checkpoints struct {
	ended time.Time
	took  time.Duration
	made  int
}

// due tells whether it is time for a checkpoint.
func (c *checkpoints) due(l *limits, log int64, now time.Time) bool {
	return log >= l.checkpointBytes && now.Sub(c.ended) >= time.Duration(l.checkpointShare)*c.took
}

// checkpoint moves what is only in the log into the file when that is due, and frees the memory that
// the log's rows took. No shard may write meanwhile: DuckDB would refuse the checkpoint.
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

// last returns true to the shard that arrives last, which must then call end. All others wait in it
// until end is called or stop is closed, and get false.
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

// callOff releases the shards that wait for others which may never arrive. It does nothing once all
// have arrived.
func (m *barrier) callOff() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missing > 0 {
		m.missing = -1 // nobody is the last one any more
		m.end()
	}
}
