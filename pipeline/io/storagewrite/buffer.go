package storagewrite

import (
	"sync"
	"time"
)

// The bounds of a batch, of which each becomes one request.
const (
	batchBytes       = 1 << 20
	batchAge         = 200 * time.Millisecond
	inflightRequests = 64
	largestRow       = 9 << 20 // a request may have 10 MB
)

// A batch is mutations of one table on their way, as messages with the pseudocolumns of change data
// capture.
type batch struct {
	number uint64 // in flight
	size   int    // bytes in flight
	data   []byte
	rows   []int // where the row of each message ends, and its pseudocolumns begin
	ends   []int
	since  time.Time
}

// A message is one mutation as it is sent.
type message struct {
	data []byte
	row  int // length of the row in it
}

// messages returns those of a batch.
func (b *batch) messages() []message {
	all := make([]message, len(b.ends))
	start := 0
	for i, end := range b.ends {
		all[i] = message{b.data[start:end:end], b.rows[i] - start}
		start = end
	}
	return all
}

// A buffer gathers the mutations of a table into batches. A batch that leaves it counts as in flight.
type buffer struct {
	inFlight *inFlight
	spare    sync.Pool

	mu   sync.Mutex
	open *batch
}

// add appends a message: the row that encode appends, and behind it the pseudocolumns. It returns
// the batches that are full now, in the memory of out.
func (t *buffer) add(out []*batch, now time.Time, encode func([]byte) ([]byte, error), pseudo func([]byte) []byte) ([]*batch, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = t.empty(now)
	}
	b := t.open
	size := len(b.data)
	data, err := encode(b.data)
	if err != nil {
		return out, err
	}
	row := len(data)
	data = pseudo(data)
	if size > 0 && len(data)-size > batchBytes { // a large row goes alone
		b.data = data[:size]
		out = append(out, t.flush())
		b = t.empty(now)
		t.open = b
		row -= size
		data = append(b.data, data[size:]...)
	}
	b.data, b.rows, b.ends = data, append(b.rows, row), append(b.ends, len(data))
	if len(data) >= batchBytes {
		out = append(out, t.flush())
	}
	return out, nil
}

// older returns the open batch when it is at least as old as age, else nil.
func (t *buffer) older(now time.Time, age time.Duration) *batch {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil || now.Sub(t.open.since) < age {
		return nil
	}
	return t.flush()
}

func (t *buffer) empty(now time.Time) *batch {
	b, _ := t.spare.Get().(*batch)
	if b == nil {
		b = &batch{data: make([]byte, 0, batchBytes+batchBytes/8)}
	}
	b.since = now
	return b
}

func (t *buffer) flush() *batch {
	b := t.open
	t.open = nil
	b.size = len(b.data)
	b.number = t.inFlight.start(b.size)
	return b
}

// reuse keeps the memory of a batch that is stored.
func (t *buffer) reuse(b *batch) {
	if cap(b.data) > 2*batchBytes {
		return
	}
	b.data, b.rows, b.ends = b.data[:0], b.rows[:0], b.ends[:0]
	t.spare.Put(b)
}
