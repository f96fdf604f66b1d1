package simulate

// contact is what arrives: a new one, or the sequel of an earlier task.
type contact struct {
	account  *account
	customer customer
	plan     plan
	story    story
	queue    *queue
	virtual  int64
}

// arrive draws a contact and lets the next one follow.
func (c *centre) arrive() {
	p := lifecycles[courses.draw(c.dice)].plan
	con := contact{account: pick(c.dice, c.accounts), customer: c.returning(), plan: p}
	con.story = c.newStory(&con.plan)
	topics := con.account.topics()
	con.queue = topics[con.story.digit(topicDigit, len(topics))]
	if p.direction != "" {
		c.reach(con)
	} else {
		c.enter(con)
	}
}

func (c *centre) newStory(p *plan) story {
	s := story{seed: c.dice.Uint64()}
	for _, t := range traits {
		if c.dice.chance(t.share / 100) {
			t.set(&s)
		}
	}
	s.media = s.media && !s.link && !s.lateLink
	s.lateLink = s.lateLink && !s.link
	s.hidden = s.hidden && p.medium == voice && p.direction == ""
	switch p.medium {
	case message:
		s.channelType = messageTypes[messageShares.draw(c.dice)].name
		if s.channelType == "telegram" {
			s.custom = s.channelType
		}
	case email:
		s.channelType = "email"
	}
	if p.fate == reported {
		s.virtual = true
		if c.dice.chance(0.5) {
			s.abandoned, s.phase = "Yes", "IVR"
		}
	}
	if p.medium == message || p.medium == email {
		s.interaction, s.interactionChannel = c.dice.sid("KD"), c.dice.sid("UO")
		s.invite, s.chat = c.dice.sid("KG"), c.dice.sid("CH")
		s.conversation = s.interaction
	} else {
		s.call = c.dice.sid("CA")
	}
	return s
}

// messageType is a channelType of Flex Conversations.
type messageType struct {
	name    string
	share   float64 // percent of the messaging contacts
	channel int
}

var messageTypes = []messageType{
	{"web", 40, chatChannel},
	{"whatsapp", 30, chatChannel},
	{"sms", 20, smsChannel},
	{"messenger", 5, chatChannel},
	{"instagram", 1, chatChannel},
	{"telegram", 2, chatChannel},
	{"rcs", 2, smsChannel},
}

var messageShares = newLottery(messageTypes, func(m messageType) float64 { return m.share })

func (con *contact) channel() int {
	switch con.plan.medium {
	case email:
		return emailChannel
	case callback:
		return callbackChannel
	case message:
		for _, m := range messageTypes {
			if m.name == con.story.channelType {
				return m.channel
			}
		}
	}
	return voiceChannel
}

func (c *centre) newTask(con contact) *task {
	c.tasks++
	t := &task{
		sid: c.dice.sid("WT"), plan: con.plan, account: con.account, customer: con.customer, story: con.story,
		channel: &channels[con.channel()], created: c.now, entered: c.now, workflow: con.account.inbound, status: pending,
	}
	t.text = make([]byte, 0, 2048)
	if con.story.digit(stampDigit, 10) == 0 {
		t.priority = 10
	}
	t.virtual = con.virtual
	return t
}

// enter puts an inbound task into its first queue.
func (c *centre) enter(con contact) {
	t := c.newTask(con)
	t.queue = con.queue
	c.describe(t)
	c.announce(t, true)
	t.wait(c)
}

// announce emits the events of a new task; their order within the second is arbitrary.
func (c *centre) announce(t *task, queued bool) {
	c.emit(event{kind: workflowEntered, task: t})
	kinds := [...]*kind{queueEntered, taskCreated, workflowMatched}
	for _, k := range kinds {
		if k != queueEntered || queued {
			c.emit(event{kind: k, task: t, lag: c.dice.between(0, 40)})
		}
	}
}

// reach lets an agent call or write to somebody. When nobody is free, the contact comes in from
// outside instead.
func (c *centre) reach(con contact) {
	ch := &channels[con.channel()]
	agent := con.queue.find(ch, nil)
	if agent != nil && con.plan.direction == "internal" {
		if con.story.caller = con.account.peer(ch, agent); con.story.caller == nil {
			agent = nil
		}
	}
	if agent == nil {
		con.plan.direction = ""
		c.enter(con)
		return
	}
	t := c.dial(con, agent)
	if caller := con.story.caller; caller != nil && c.dice.chance(0.5) && caller != agent {
		con.story = c.newStory(&con.plan)
		con.story.caller, con.story.partner = agent, t.sid
		c.dial(con, caller)
	}
}

// dial makes the task of an agent who calls or writes to somebody.
func (c *centre) dial(con contact, agent *agent) *task {
	t := c.newTask(con)
	t.target, t.workflow = agent, t.account.direct
	queued := c.dice.chance(0.6)
	if queued {
		t.queue = t.account.everyone
	}
	c.describe(t)
	agent.take(t.channel)
	c.announce(t, queued)
	c.after(c.dice.between(80, 300), func() {
		r := c.offer(t, agent)
		if t.plan.fate == abandoned { // nobody answers
			c.after(c.dice.between(15*second, 40*second), func() { c.unanswered(r) })
			return
		}
		c.after(c.dice.between(150, 900), func() { c.accept(r) })
	})
	return t
}

// unanswered ends an outbound call whose callee does not answer.
func (c *centre) unanswered(r *reservation) {
	if r.open && !r.task.over {
		r.code = 45305
		c.cancel(r.task, pick(c.dice, []string{"Task canceled by the caller", "no answer"}), reservationCancel)
	}
}

// peer is another agent of the account who could take such a task.
func (a *account) peer(ch *channel, except *agent) *agent { return a.everyone.find(ch, except) }
