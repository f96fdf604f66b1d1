package bigquery

import (
	"sync"
	"time"

	"flexbeam/schemas/model"
)

// The bounds of a batch, of which each becomes one request, and of what is under way.
const (
	batchBytes       = 1 << 20
	batchAge         = 200 * time.Millisecond
	inFlightBytes    = 64 << 20
	inflightRequests = 64
	largestRow       = 9 << 20 // a request may have 10 MB
)

// A batch is rows of one table on their way.
type batch struct {
	number uint64 // in flight
	size   int    // bytes in flight
	data   []byte
	ends   []int
	since  time.Time
}

// rows returns the messages of a batch.
func (b *batch) rows() [][]byte {
	all := make([][]byte, len(b.ends))
	start := 0
	for i, end := range b.ends {
		all[i] = b.data[start:end:end]
		start = end
	}
	return all
}

// A tableBuffer gathers the rows of a table into batches. A batch that leaves it counts as in flight.
type tableBuffer struct {
	encoder  *encoder
	inFlight *inFlight
	spare    sync.Pool

	mu   sync.Mutex
	open *batch
}

// add appends a change, and returns the batches that are full now. The memory of out is used for them.
func (t *tableBuffer) add(out []*batch, row model.Row, gone bool, version int64, arrival uint64, now time.Time) ([]*batch, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = t.empty(now)
	}
	b := t.open
	size := len(b.data)
	data, err := t.encoder.append(b.data, row, gone, version, arrival)
	if err != nil {
		return out, err
	}
	if size > 0 && len(data)-size > batchBytes { // a large row goes alone
		b.data = data[:size]
		out = append(out, t.flush())
		b = t.empty(now)
		t.open = b
		data = append(b.data, data[size:]...)
	}
	b.data, b.ends = data, append(b.ends, len(data))
	if len(data) >= batchBytes {
		out = append(out, t.flush())
	}
	return out, nil
}

// older returns the open batch when it is at least as old as age, else nil.
func (t *tableBuffer) older(now time.Time, age time.Duration) *batch {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil || now.Sub(t.open.since) < age {
		return nil
	}
	return t.flush()
}

func (t *tableBuffer) empty(now time.Time) *batch {
	b, _ := t.spare.Get().(*batch)
	if b == nil {
		b = &batch{data: make([]byte, 0, batchBytes+batchBytes/8)}
	}
	b.since = now
	return b
}

func (t *tableBuffer) flush() *batch {
	b := t.open
	t.open = nil
	b.size = len(b.data)
	b.number = t.inFlight.start(b.size)
	return b
}

// reuse keeps the memory of a batch that is stored.
func (t *tableBuffer) reuse(b *batch) {
	if cap(b.data) > 2*batchBytes {
		return
	}
	b.data, b.ends = b.data[:0], b.ends[:0]
	t.spare.Put(b)
}
