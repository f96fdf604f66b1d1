package simulate

// accept ties task and agent and plans the talk.
func (c *centre) accept(r *reservation) {
	if !r.open || r.accepted > 0 {
		return
	}
	t, s := r.task, &r.task.story
	r.accepted, r.status = c.now, "accepted"
	r.version++
	t.status = assigned
	t.leave()
	s.talked = r
	if t.channel.phone {
		if s.call == "" {
			s.call = c.dice.sid("CA")
		}
		if s.conference == "" {
			s.conference = c.dice.sid("CF")
		}
		s.workerCall = c.dice.sid("CA")
		if s.link || s.lateLink || s.media {
			s.recording = c.dice.sid("RE")
		}
		s.talking = true
	}
	c.describe(t)
	c.emit(event{kind: reservationAccept, task: t, reservation: r, agent: r.agent, trans: r.transfer})
	c.endOffers(t, reservationRescind, c.dice.between(1, 25))
	if t.trans != nil && r.transfer == t.trans {
		c.handOver(t)
	}
	c.talk(r)
}

// talk plans what happens until the agent has nothing more to say.
func (c *centre) talk(r *reservation) {
	t, p := r.task, &r.task.plan
	length := c.talkLength(t)
	if t.story.midway && !t.story.noted {
		c.after(length/3, func() { c.note(t) })
	}
	switch {
	case p.fate == forgotten:
		c.after(min(length, 20*minute), func() { c.forget(r) })
		return
	case p.fate == deletedAssigned:
		c.after(length/2, func() { c.strike(t) })
		return
	case p.taken:
		p.taken = false
		c.after(length/2, func() { c.takeAway(r) })
		return
	case p.handover != noHandover:
		c.after(length/2, func() { c.initiate(r, 0) })
		return
	}
	c.after(length, func() { c.hangUp(r) })
}

// talkLength draws the time between accepting and the end of the talk.
func (c *centre) talkLength(t *task) int64 {
	switch {
	case t.plan.medium == email:
		return c.dice.skewed(5*minute, 0.7, 30*second, 50*minute)
	case t.plan.medium == message:
		return c.dice.skewed(7*minute, 0.7, 20*second, 90*minute)
	case t.plan.direction != "":
		return c.dice.skewed(100*second, 0.9, 5*second, 40*minute)
	}
	return c.dice.skewed(170*second, 0.75, 6*second, 55*minute)
}

// takeAway ends a reservation that was accepted and lets the task be routed to somebody else.
func (c *centre) takeAway(r *reservation) {
	if !r.open || r.status != "accepted" {
		return
	}
	t := r.task
	t.remove(r)
	k := pick(c.dice, []*kind{reservationCancel, reservationReject, reservationReject, reservationRescind})
	r.status = k.name[len("reservation."):]
	r.version++
	t.status, t.avoid, t.reevaluated = pending, r.agent, "reservation_"+r.status
	t.story.talking = false
	c.emit(event{kind: k, task: t, reservation: r, agent: r.agent})
	r.agent.drop(t.channel)
	c.free(r.agent)
	if c.dice.chance(0.3) {
		t.entered = c.now + 2
		c.emit(event{kind: queueEntered, task: t, lag: 2})
	}
	c.after(c.dice.between(100, 900), func() { c.route(t) })
}

// note changes the attributes during the talk.
func (c *centre) note(t *task) {
	if t.over {
		return
	}
	t.story.noted = true
	c.describe(t)
	c.emit(event{kind: taskUpdated, task: t})
}

// hangUp ends the talk of one agent: wrap-up or completion follows.
func (c *centre) hangUp(r *reservation) {
	if !r.open || r.status != "accepted" {
		return
	}
	t, s := r.task, &r.task.story
	if s.hangUpBy == "" {
		s.hangUpBy = pick(c.dice, []string{"Customer", "Customer", "Agent"})
	}
	if t.plan.onward == external {
		s.hangUpBy, s.destination = "External Cold Transfer", "+18005550199"
	}
	if t.plan.noWrapup || t.plan.onward == newTask || t.plan.onward == parked {
		c.finish(r)
		return
	}
	c.wrapUp(r)
}

func (c *centre) wrapUp(r *reservation) {
	t := r.task
	r.status = "wrapping"
	r.version++
	if alone := len(t.open) == 1 && t.trans == nil; alone {
		t.status = wrapping
		c.emit(event{kind: taskWrapup, task: t, lag: c.dice.between(0, 12)})
	}
	c.emit(event{kind: reservationWrapup, task: t, reservation: r, agent: r.agent, trans: r.transfer, lag: c.dice.between(0, 12)})
	c.after(c.dice.skewed(22*second, 0.8, second, 6*minute), func() { c.finish(r) })
}

// finish completes a reservation, and the task with its last one.
func (c *centre) finish(r *reservation) {
	if !r.open {
		return
	}
	t := r.task
	last := len(t.open) == 1 && t.trans == nil
	if last {
		t.story.ended = true
		c.describe(t)
	}
	t.remove(r)
	r.status = "completed"
	r.version++
	if last {
		t.status = completed
		t.completedReason = c.completion(t)
		t.reason = t.completedReason
	}
	c.emit(event{kind: reservationDone, task: t, reservation: r, agent: r.agent, trans: r.transfer, lag: c.dice.between(0, 9)})
	if last {
		c.complete(t)
	}
	r.agent.drop(t.channel)
	c.free(r.agent)
}

// completion is the reason that the task is completed with.
func (c *centre) completion(t *task) string {
	switch {
	case t.plan.onward == newTask:
		return "task transferred"
	case t.plan.onward == parked:
		return "parked"
	case c.dice.chance(0.2):
		return "resolved"
	}
	return "All reservations were completed"
}

// complete ends the task; what is known later comes as an update.
func (c *centre) complete(t *task) {
	t.over = true
	c.emit(event{kind: taskCompleted, task: t, lag: c.dice.between(0, 9)})
	s := &t.story
	if s.outcome && c.dice.chance(0.25) {
		c.emit(event{kind: taskUpdated, task: t, lag: c.dice.between(5, 60)})
	}
	if s.lateLink && s.recording != "" {
		c.after(c.dice.between(4*second, 115*second), func() {
			s.late = true
			c.describe(t)
			c.emit(event{kind: taskUpdated, task: t})
		})
	}
	switch {
	case t.plan.onward == newTask:
		c.after(c.dice.between(200, 2*second), func() { c.goOn(t, true) })
	case t.plan.onward == parked:
		c.after(c.dice.between(5*minute, 90*minute), func() { c.goOn(t, false) })
	case t.channel == &channels[callbackChannel] && s.attempts < 3 && c.dice.chance(0.3):
		c.after(c.dice.between(10*minute, 60*minute), func() { c.tryAgain(t) })
	}
}

// forget leaves a conversation open; the agent is free for others.
func (c *centre) forget(r *reservation) {
	a, t := r.agent, r.task
	a.drop(t.channel)
	a.stale++
	c.free(a)
	c.after(24*hour-(c.now-r.accepted), func() {
		a.stale--
		t.over = true
		t.remove(r)
		c.emit(event{kind: taskSystemDeleted, task: t})
	})
}
