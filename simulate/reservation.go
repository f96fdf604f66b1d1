package simulate

// crowd offers the task to more agents at the same time.
func (c *centre) crowd(t *task) {
	n := 1 + c.dice.IntN(t.plan.crowd)
	t.plan.crowd = 0
	for range n {
		if a := t.queue.find(t.channel, t.avoid); a != nil {
			a.take(t.channel)
			c.offer(t, a)
		}
	}
}

// offer creates a reservation; the agent's place is taken already.
func (c *centre) offer(t *task, a *agent) *reservation {
	r := &reservation{
		sid: c.dice.sid("WR"), task: t, agent: a, created: c.now, status: "pending", open: true,
		timeout: t.workflow.reservationTimeout, transfer: t.trans,
	}
	t.open = append(t.open, r)
	t.status = reserved
	t.reason = ""
	c.emit(event{kind: reservationCreated, task: t, reservation: r, agent: a, trans: r.transfer, lag: 4})
	t.reevaluated = ""
	return r
}

// refuse ends an offer and lets the task be routed again.
func (c *centre) refuse(r *reservation, k *kind) {
	if !r.open {
		return
	}
	t := r.task
	c.endOffer(r, k, 0)
	if len(t.open) > t.engaged() {
		return
	}
	t.status, t.avoid, t.reevaluated = pending, r.agent, "reservation_rejected"
	c.after(c.dice.between(100, 900), func() { c.route(t) })
}

// lapse ends an offer that the agent did not notice; the workspace puts the agent offline.
func (c *centre) lapse(r *reservation) {
	if !r.open {
		return
	}
	t, a := r.task, r.agent
	away := a.activity == available && a.wish == noWish
	c.endOffer(r, reservationTimeout, 0)
	t.status, t.avoid, t.reevaluated = pending, a, "reservation_timeout"
	c.after(c.dice.between(100, 900), func() { c.route(t) })
	if !away || a.activity != available {
		return
	}
	c.change(a, offline)
	turn := a.turn
	c.after(c.dice.between(30*second, 8*minute), func() { c.resume(a, turn) })
}

// endOffer closes a reservation that was not accepted.
func (c *centre) endOffer(r *reservation, k *kind, lag int64) {
	t := r.task
	t.remove(r)
	if t.status == reserved && len(t.open) == t.engaged() {
		t.status = pending
		if t.trans != nil && t.trans.kind == "WORKER" {
			t.status = assigned
		}
	}
	r.version++
	r.status = k.name[len("reservation."):]
	if k == reservationReject {
		r.code = 4000 + int64(c.dice.IntN(5))
	}
	c.emit(event{kind: k, task: t, reservation: r, agent: r.agent, trans: r.transfer, lag: lag})
	r.agent.drop(t.channel)
	c.free(r.agent)
}

// endOffers closes every reservation of the task that is still an offer.
func (c *centre) endOffers(t *task, k *kind, lag int64) {
	for i := 0; i < len(t.open); {
		if r := t.open[i]; r.accepted == 0 {
			c.endOffer(r, k, lag)
			continue
		}
		i++
	}
}

// free lets an agent who has just ended something go for a pause or take the next task.
func (c *centre) free(a *agent) {
	c.settle(a)
	c.after(c.dice.between(200, 1500), func() { c.seek(a) })
}
