package simulate

// push and pop keep the parcels as a binary heap, earliest arrival first, in order of sending where
// equal.

func (d *delivery) push(p parcel) {
	d.queue = append(d.queue, p)
	q, i := d.queue, len(d.queue)-1
	for i > 0 {
		up := (i - 1) / 2
		if !p.before(&q[up]) {
			break
		}
		q[i] = q[up]
		i = up
	}
	q[i] = p
}

func (d *delivery) pop() parcel {
	q := d.queue
	first, last := q[0], len(q)-1
	p := q[last]
	q[last] = parcel{}
	q = q[:last]
	d.queue = q
	if last == 0 {
		return first
	}
	i := 0
	for {
		low := 2*i + 1
		if low >= last {
			break
		}
		if low+1 < last && q[low+1].before(&q[low]) {
			low++
		}
		if !q[low].before(&p) {
			break
		}
		q[i] = q[low]
		i = low
	}
	q[i] = p
	return first
}

func (p *parcel) before(o *parcel) bool {
	return p.arrival < o.arrival || p.arrival == o.arrival && p.seq < o.seq
}
