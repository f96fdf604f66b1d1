package simulate

// timer is something that will happen at a time; timers of one time happen in the order they were
// set.
type timer struct {
	at, seq int64
	do      func()
}

// clock is a priority queue of timers.
type clock struct {
	now   int64
	set   int64
	queue []timer
}

func (c *clock) after(delay int64, do func()) { c.at(c.now+max(delay, 0), do) }

func (c *clock) at(when int64, do func()) {
	c.set++
	c.queue = append(c.queue, timer{max(when, c.now), c.set, do})
	q, i := c.queue, len(c.queue)-1
	for i > 0 {
		up := (i - 1) / 2
		if !q[i].before(q[up]) {
			break
		}
		q[i], q[up] = q[up], q[i]
		i = up
	}
}

// next takes the earliest timer out and moves the clock to it; false when none is left.
func (c *clock) next() (timer, bool) {
	if len(c.queue) == 0 {
		return timer{}, false
	}
	q := c.queue
	first, last := q[0], len(q)-1
	q[0], q[last] = q[last], timer{}
	q = q[:last]
	for i := 0; ; {
		low := 2*i + 1
		if low >= last {
			break
		}
		if low+1 < last && q[low+1].before(q[low]) {
			low++
		}
		if !q[low].before(q[i]) {
			break
		}
		q[i], q[low] = q[low], q[i]
		i = low
	}
	c.queue = q
	c.now = first.at
	return first, true
}

func (t timer) before(o timer) bool { return t.at < o.at || t.at == o.at && t.seq < o.seq }
