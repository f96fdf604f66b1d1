package simulate

// timer is something that will happen at a time; timers of one time happen in the order they were
// set.
type timer struct {
	at, seq int64
	do      func()
}

// clock is the time, and the timers that are set.
type clock struct {
	now   int64
	set   int64
	queue heap[timer]
}

func (c *clock) after(delay int64, do func()) { c.at(c.now+max(delay, 0), do) }

func (c *clock) at(when int64, do func()) {
	c.set++
	c.queue.push(timer{max(when, c.now), c.set, do})
}

// next takes the earliest timer out and moves the clock to it; false when none is left.
func (c *clock) next() (timer, bool) {
	if len(c.queue) == 0 {
		return timer{}, false
	}
	first := c.queue.pop()
	c.now = first.at
	return first, true
}

func (t timer) before(o timer) bool { return t.at < o.at || t.at == o.at && t.seq < o.seq }
