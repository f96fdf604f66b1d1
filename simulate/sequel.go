package simulate

// goOn begins the second task of a conversation: in another queue after a transfer, in the same one
// after a rest.
func (c *centre) goOn(t *task, elsewhere bool) {
	con := c.sequel(t)
	con.queue = t.queue
	if elsewhere {
		con.queue = pick(c.dice, t.account.queues)
	}
	if con.queue == nil {
		con.queue = t.account.everyone
	}
	if t.plan.medium == message {
		con.story.invite = c.dice.sid("KG")
	}
	c.enter(con)
}

// sequel copies a task into the contact that follows it, with what the first agent left in the
// attributes.
func (c *centre) sequel(t *task) contact {
	con := contact{account: t.account, customer: t.customer, story: t.story, virtual: t.created}
	con.plan = plan{medium: t.plan.medium, noWrapup: c.dice.chance(0.2)}
	s := &con.story
	if s.conversation == "" {
		s.conversation = t.sid
	}
	s.previous = t.sid
	if s.media && s.recording != "" && t.story.talked != nil {
		var x text
		t.writeReservationMedia(&x)
		s.copied = x.b
	}
	s.virtual = false
	s.talking, s.noted, s.ended, s.late = false, false, false, false
	s.hangUpBy, s.destination, s.recording = "", "", ""
	s.talked, s.conference, s.workerCall = nil, "", ""
	return con
}

// callBack puts the wish of a caller into the queue.
func (c *centre) callBack(t *task) {
	con := c.sequel(t)
	con.plan = plan{medium: callback}
	con.queue = t.queue
	s := &con.story
	s.kind, s.attempts, s.abandoned, s.phase, s.call = "callback", 1, "", "", ""
	s.hidden = false
	if t.plan.fate == voicemail {
		s.kind = "voicemail"
	}
	c.enter(con)
}

// tryAgain queues a callback that reached nobody once more.
func (c *centre) tryAgain(t *task) {
	con := c.sequel(t)
	con.plan, con.queue = plan{medium: callback}, t.queue
	con.virtual = t.virtual
	con.story.attempts++
	con.story.call = ""
	c.enter(con)
}
