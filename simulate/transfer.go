package simulate

// initiate begins the transfer of a plan. An agent as target must be free; if nobody is for a
// while, the talk just ends.
func (c *centre) initiate(r *reservation, tries int) {
	t, p := r.task, &r.task.plan
	if !r.open || r.status != "accepted" || t.trans != nil {
		return
	}
	var target *agent
	if p.handover == toWorker {
		if target = t.account.peer(t.channel, r.agent); target == nil {
			if tries < 12 {
				c.after(10*second, func() { c.initiate(r, tries+1) })
			} else {
				p.handover = noHandover
				c.hangUp(r)
			}
			return
		}
	}
	x := &transfer{sid: c.dice.sid("TT"), mode: "COLD", kind: "QUEUE", started: c.now, status: "INITIATED", from: r}
	if p.warm {
		x.mode = "WARM"
	}
	t.trans, t.status, t.avoid = x, transferring, r.agent
	next := t.queue
	if target != nil {
		x.kind, x.to = "WORKER", target.sid
	} else {
		for next == t.queue {
			next = pick(c.dice, t.account.queues)
		}
		x.to = next.sid
	}
	c.emit(event{kind: transferInitiated, task: t, trans: x})
	if target != nil {
		target.take(t.channel)
		c.after(c.dice.between(100, 500), func() {
			c.ringTransfer(t, c.offer(t, target), c.dice.skewed(6*second, 0.5, 1500, 20*second))
		})
	} else {
		t.queue, t.entered = next, c.now+1
		if c.dice.chance(0.85) {
			c.emit(event{kind: queueEntered, task: t, lag: 1})
		}
		if p.verdict == lost {
			c.after(c.dice.between(5*second, 40*second), func() { c.lose(t, x) })
		} else {
			c.after(c.dice.between(100, 900), func() { c.route(t) })
			c.after(30*second+c.dice.exp(patience), func() { c.lose(t, x) })
		}
	}
	if !p.warm {
		t.story.hangUpBy = "Cold Transfer"
		c.after(c.dice.between(300, 2500), func() {
			if r.open && r.status == "accepted" {
				c.wrapUp(r)
			}
		})
	}
}

// ringTransfer draws what the second agent does.
func (c *centre) ringTransfer(t *task, r *reservation, answer int64) {
	p, x := &t.plan, t.trans
	switch {
	case x.kind == "WORKER" && p.verdict == refused:
		c.after(answer, func() {
			if r.open {
				c.endOffer(r, reservationReject, 0)
				c.fail(t, x, transferFailed, "FAILED", "reservation rejected")
			}
		})
	case x.kind == "WORKER" && p.verdict == recalled:
		c.after(answer, func() {
			if r.open {
				c.endOffer(r, reservationCancel, 0)
				c.fail(t, x, transferCanceled, "CANCELED", "")
			}
		})
	case p.verdict == reoffered:
		p.verdict = handedOver
		c.after(answer, func() {
			if !r.open {
				return
			}
			c.endOffer(r, reservationReject, 0)
			t.status = pending
			c.emit(event{kind: transferAttempt, task: t, trans: x, lag: 1})
			c.after(c.dice.between(100, 900), func() { c.route(t) })
		})
	default:
		c.after(answer, func() { c.accept(r) })
	}
}

// handOver completes the transfer; the first agent leaves now or after a consultation.
func (c *centre) handOver(t *task) {
	x := t.trans
	x.status = "COMPLETED"
	c.emit(event{kind: transferCompleted, task: t, trans: x, lag: c.dice.between(0, 15)})
	t.trans, t.plan.handover, t.avoid = nil, noHandover, nil
	if first := x.from; first.open && first.status == "accepted" {
		c.after(c.dice.between(3*second, 70*second), func() {
			if first.open && first.status == "accepted" {
				c.wrapUp(first)
			}
		})
	}
}

// fail ends the transfer without a second agent; the first one goes on.
func (c *centre) fail(t *task, x *transfer, k *kind, status, reason string) {
	x.status, x.failure = status, reason
	t.trans, t.plan.handover, t.avoid = nil, noHandover, nil
	t.status = assigned
	t.leave()
	c.emit(event{kind: k, task: t, trans: x, lag: 1 + c.dice.between(0, 10)})
	if first := x.from; first.open && first.status == "accepted" {
		c.after(c.dice.skewed(40*second, 0.8, 2*second, 10*minute), func() { c.hangUp(first) })
	}
}

// lose is the customer hanging up while the transfer waits.
func (c *centre) lose(t *task, x *transfer) {
	if t.over || t.trans != x {
		return
	}
	c.endOffers(t, reservationCancel, 0)
	t.story.hangUpBy = "Customer"
	first := x.from
	c.fail(t, x, transferFailed, "FAILED", "hangup")
	if len(t.open) == 0 {
		t.story.ended = true
		c.describe(t)
		t.status, t.completedReason = completed, "All reservations were completed"
		t.reason = t.completedReason
		c.emit(event{kind: taskCompleted, task: t, lag: 15})
		t.over = true
		return
	}
	if first.open && first.status == "accepted" {
		c.hangUp(first)
	}
}
