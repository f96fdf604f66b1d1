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
	underWayBytes    = 64 << 20
	inflightRequests = 64
	largestRow       = 9 << 20 // a request may have 10 MB
)

// A batch is rows of one table on their way.
type batch struct {
	number uint64 // in the room
	size   int    // bytes in the room
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

// A lane gathers the rows of a table into batches. A batch that leaves it has entered the room.
type lane struct {
	encoder *encoder
	room    *room
	spare   sync.Pool

	mu   sync.Mutex
	open *batch
}

// add appends a change, and returns the batches that are full now. The memory of out is used for them.
func (l *lane) add(out []*batch, row model.Row, gone bool, version int64, arrival uint64, now time.Time) ([]*batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = l.empty(now)
	}
	b := l.open
	size := len(b.data)
	data, err := l.encoder.append(b.data, row, gone, version, arrival)
	if err != nil {
		return out, err
	}
	if size > 0 && len(data)-size > batchBytes { // a large row goes alone
		b.data = data[:size]
		out = append(out, l.leave())
		b = l.empty(now)
		l.open = b
		data = append(b.data, data[size:]...)
	}
	b.data, b.ends = data, append(b.ends, len(data))
	if len(data) >= batchBytes {
		out = append(out, l.leave())
	}
	return out, nil
}

// take returns the open batch when it is at least as old as age, else nil.
func (l *lane) take(now time.Time, age time.Duration) *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil || now.Sub(l.open.since) < age {
		return nil
	}
	return l.leave()
}

func (l *lane) empty(now time.Time) *batch {
	b, _ := l.spare.Get().(*batch)
	if b == nil {
		b = &batch{data: make([]byte, 0, batchBytes+batchBytes/8)}
	}
	b.since = now
	return b
}

func (l *lane) leave() *batch {
	b := l.open
	l.open = nil
	b.size = len(b.data)
	b.number = l.room.enter(b.size)
	return b
}

// reuse keeps the memory of a batch that is stored.
func (l *lane) reuse(b *batch) {
	if cap(b.data) > 2*batchBytes {
		return
	}
	b.data, b.ends = b.data[:0], b.ends[:0]
	l.spare.Put(b)
}
