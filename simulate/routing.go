package simulate

// stepTimeouts are the lengths of a routing step and of the patience of callers in an overloaded
// centre.
const (
	callStep     = 150 * second
	messageStep  = 20 * minute
	patience     = 9 * minute // mean
	longestWait  = 60 * minute
	messageLimit = 4 * hour
)

// wait lets a new inbound task be routed, and sets the timers that end its waiting.
func (t *task) wait(c *centre) {
	p := &t.plan
	switch {
	case p.moves:
		c.after(c.dice.between(15*second, 70*second), func() { c.move(t) })
	case p.fate.queued() && !p.ringing:
		c.after(c.endOfWait(p.fate), func() { c.strike(t) })
		return
	default:
		c.after(c.dice.between(150, 900), func() { c.route(t) })
	}
	if t.channel.phone {
		c.after(callStep, func() { c.move(t) })
		c.after(min(20*second+c.dice.exp(patience), longestWait), func() { c.impatient(t) })
	} else {
		c.after(messageStep, func() { c.move(t) })
		c.after(messageLimit, func() { c.giveUp(t, timedOut) })
	}
}

// endOfWait is the time after which a fate strikes a task that nobody is offered.
func (c *centre) endOfWait(f fate) int64 {
	switch f {
	case abandoned:
		return c.dice.skewed(35*second, 0.9, 3*second, 20*minute)
	case calledBack, voicemail:
		return c.dice.skewed(50*second, 0.5, 15*second, 10*minute)
	case reported:
		return c.dice.between(5*second, 3*minute)
	case timedOut, expired:
		return c.dice.between(5*minute, 25*minute)
	}
	return c.dice.between(5*second, 5*minute)
}

// waiting tells that no agent has accepted the task yet.
func (t *task) waiting() bool { return !t.over && (t.status == pending || t.status == reserved) }

func (c *centre) impatient(t *task) {
	if t.channel == &channels[callbackChannel] {
		return
	}
	c.giveUp(t, abandoned)
}

func (c *centre) giveUp(t *task, f fate) {
	if t.waiting() && t.trans == nil {
		t.plan.fate = f
		c.strike(t)
	}
}

// move takes a waiting task from its first queue to the one that everybody serves.
func (c *centre) move(t *task) {
	if !t.waiting() || t.step > 0 || t.plan.ringing {
		return
	}
	c.endOffers(t, reservationCancel, 0)
	t.leave()
	before := t.queue
	c.emit(event{kind: queueTimeout, task: t, lag: 1})
	t.step++
	t.status, t.avoid = pending, nil
	t.queue = t.account.everyone
	c.emit(event{kind: queueMoved, task: t, previous: before, lag: 1 + c.dice.between(0, 2)})
	c.emit(event{kind: workflowMatched, task: t, lag: 2 + c.dice.between(0, 20)})
	t.entered = c.now + 3
	c.emit(event{kind: queueEntered, task: t, lag: 3})
	c.after(c.dice.between(100, 600), func() { c.route(t) })
}

// route offers a pending task to a free agent, or lets it wait for one.
func (c *centre) route(t *task) {
	if t.over || t.waits || len(t.open) > t.engaged() || t.status != pending && t.status != transferring {
		return
	}
	a := t.queue.find(t.channel, t.avoid)
	if a == nil {
		t.queue.line(t.channel).push(t)
		return
	}
	c.ring(t, a)
}

// seek gives a free agent the tasks that wait in its queues.
func (c *centre) seek(a *agent) {
	for _, q := range a.queues {
		for i := range q.waiting {
			for a.can(&channels[[2]int{voiceChannel, chatChannel}[i]]) {
				t := q.waiting[i].pop(a)
				if t == nil {
					break
				}
				c.ring(t, a)
			}
		}
	}
}

// ring offers the task to the agent and draws what comes of the offer.
func (c *centre) ring(t *task, a *agent) {
	a.take(t.channel)
	r := c.offer(t, a)
	p := &t.plan
	answer := c.dice.skewed(5*second, 0.5, 1500, 18*second)
	switch {
	case t.trans != nil:
		c.ringTransfer(t, r, answer)
	case p.ringing:
		delay := answer
		if p.fate == timedOut {
			delay = r.timeout * second
		}
		c.after(delay, func() {
			if r.open {
				p.ringing = false
				c.strike(t)
			}
		})
	case p.refusals > 0:
		p.refusals--
		c.after(answer, func() { c.refuse(r, reservationReject) })
	case p.failures > 0:
		p.failures--
		c.after(c.dice.between(400, 3000), func() { c.refuse(r, reservationFailed) })
	case p.lapses > 0:
		p.lapses--
		c.after(r.timeout*second, func() { c.lapse(r) })
	default:
		if p.crowd > 0 {
			c.crowd(t)
		}
		c.after(answer, func() { c.accept(r) })
	}
}
