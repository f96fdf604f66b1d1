package simulate

// ordered is what a heap holds.
type ordered[T any] interface{ before(T) bool }

var (
	_ ordered[timer]  = timer{}
	_ ordered[parcel] = parcel{}
)

// heap is a priority queue: what comes before all others is first.
type heap[T ordered[T]] []T

func (h *heap[T]) push(v T) {
	*h = append(*h, v)
	q, i := *h, len(*h)-1
	for i > 0 {
		up := (i - 1) / 2
		if !v.before(q[up]) {
			break
		}
		q[i], i = q[up], up
	}
	q[i] = v
}

// pop takes the first one out.
func (h *heap[T]) pop() T {
	q := *h
	first, last := q[0], len(q)-1
	v := q[last]
	q[last] = *new(T)
	*h = q[:last]
	for i := 0; last > 0; {
		low := 2*i + 1
		if low+1 < last && q[low+1].before(q[low]) {
			low++
		}
		if low >= last || !q[low].before(v) {
			q[i] = v
			break
		}
		q[i], i = q[low], low
	}
	return first
}
