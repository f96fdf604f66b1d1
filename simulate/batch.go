package simulate

// An array of the webhook form holds up to batchSize envelopes that arrive within batchTime.
const (
	batchSize = 10
	batchTime = 5 * second
)

// batch is the array that is being filled.
type batch struct {
	text        []byte
	key         string
	count, want int
	first       int64 // arrival of the first element
	newest      int64 // and of the last one
}

// due tells that the array must go before something that arrives at a time.
func (b *batch) due(arrival int64) bool { return b.count > 0 && arrival > b.first+batchTime }

// add puts an element into the array and tells whether it is full.
func (b *batch) add(p parcel, d dice) bool {
	if b.count == 0 {
		b.text = append(b.text[:0], '[')
		b.key, b.first = p.key, p.arrival
		b.want = 1 + d.IntN(batchSize)
	} else {
		b.text = append(b.text, ',')
	}
	b.text = append(b.text, p.text...)
	b.count++
	b.newest = p.arrival
	return b.count >= b.want
}
