package simulate

// strike ends a task in the way of its fate.
func (c *centre) strike(t *task) {
	if t.over {
		return
	}
	t.leave()
	switch t.plan.fate {
	case abandoned:
		t.story.abandoned, t.story.phase, t.story.hangUpBy = "Yes", "Queue", "Customer"
		if len(t.open) > 0 {
			t.story.phase = "Ringing"
		}
		c.describe(t)
		c.cancel(t, "hangup", reservationCancel)
	case calledBack:
		t.story.abandoned, t.story.phase = "Follow-Up", "Callback Request"
		c.describe(t)
		c.cancel(t, "Callback requested", reservationCancel)
		c.after(c.dice.between(500, 5*second), func() { c.callBack(t) })
	case voicemail:
		t.story.abandoned, t.story.phase = "Follow-Up", "Voicemail"
		c.describe(t)
		t.over, t.status = true, completed
		t.completedReason = "Voicemail"
		t.reason = t.completedReason
		c.emit(event{kind: taskCompleted, task: t})
		c.after(c.dice.between(20*second, 90*second), func() { c.callBack(t) })
	case timedOut:
		c.endOffers(t, reservationTimeout, 0)
		c.emit(event{kind: workflowTimeout, task: t, lag: 1})
		c.cancel(t, "Task canceled on Workflow timeout", reservationTimeout)
	case skipped:
		c.emit(event{kind: workflowSkipped, task: t})
		c.cancel(t, "Task skipped by Workflow", reservationCancel)
	case reported:
		c.describe(t)
		c.cancel(t, "IVR task", reservationCancel)
		if t.story.abandoned == "" {
			c.after(c.dice.between(100, 2*second), func() { c.goOn(t, false) })
		}
	case chatEnded:
		t.story.abandoned, t.story.phase = "Yes", "Queue"
		c.describe(t)
		c.cancel(t, "Customer ended chat.", reservationCancel)
	case expired:
		c.cancel(t, "Task TTL Exceeded", reservationCancel)
	case withdrawn:
		c.cancel(t, pick(c.dice, apiReasons), reservationCancel)
	case deleted, deletedAssigned:
		c.remove(t)
	}
}

// cancel ends a waiting task with a reason; its offers end with it, a moment before or after.
func (c *centre) cancel(t *task, reason string, offers *kind) {
	t.over, t.status = true, canceled
	t.canceledReason, t.reason = reason, reason
	lag := c.dice.between(0, 4)
	c.endOffers(t, offers, c.dice.between(0, 6))
	c.emit(event{kind: taskCanceled, task: t, lag: 2 + lag})
}

// remove deletes the task at once; an agent who talks is free again without a completion.
func (c *centre) remove(t *task) {
	t.over = true
	c.endOffers(t, reservationCancel, 0)
	c.emit(event{kind: taskDeleted, task: t, lag: 1})
	for len(t.open) > 0 {
		r := t.open[0]
		t.remove(r)
		r.agent.drop(t.channel)
		c.free(r.agent)
	}
}
