package simulate

// Rates of what changes about agents.
const (
	newcomers   = 0.08  // of the agents are created within the history
	leavers     = 0.06  // of the agents are deleted within it, half of them invited again
	moves       = 0.06  // of the logins bring another team, department or manager
	renames     = 0.004 // of the logins bring another name
	recapacity  = 0.05  // of the logins change the capacity of written conversations
	reconnects  = 0.02  // of the logins repeat Offline first
	closesEarly = 0.03  // of the pauses switch a channel off and on again
)

// hire brings the agent into the history: on duty, off duty, or not yet there.
func (c *centre) hire(a *agent) {
	dayLength := 24 * hour
	a.created = c.now - c.dice.between(20, 900)*dayLength
	a.listed = true
	if c.dice.chance(newcomers) {
		a.listed = false
		c.after(c.dice.between(minute, max(c.span/2, 2*minute)), func() { c.create(a) })
	}
	start := shifts[a.shift].start + c.dice.between(-9*minute, 9*minute)
	today := c.now / dayLength * dayLength
	for _, day := range []int64{today - dayLength, today} { // a night shift may have begun yesterday
		begin, end := day+start, day+start+shiftLength
		if begin < c.now && end > c.now && a.listed && c.attends(begin) {
			a.onShift, a.activity, a.since = true, available, begin
			c.planPause(a, begin+shiftLength/2)
			c.at(end, func() { c.leave(a) })
		}
	}
	if !a.onShift {
		a.since = c.now - c.dice.between(6*hour, 60*hour)
	}
	first := today + start
	if first < c.now {
		first += dayLength
	}
	c.at(first, func() { c.workday(a) })
}

func (c *centre) attends(begin int64) bool {
	if isWeekend(begin) {
		return c.dice.chance(weekendAttend)
	}
	return c.dice.chance(attendance)
}

// create adds a worker; its attributes are partial until the first login.
func (c *centre) create(a *agent) {
	a.created, a.since, a.listed = c.now, c.now, true
	a.activity, a.version, a.capacity = offline, 0, maxTexts
	a.turn++
	c.emit(event{kind: workerCreated, agent: a, bare: true})
}

// workday begins the agent's day and plans the next one.
func (c *centre) workday(a *agent) {
	c.after(24*hour+c.dice.between(-2*minute, 2*minute), func() { c.workday(a) })
	if a.onShift || !c.attends(c.now) || !a.listed {
		return
	}
	c.after(shiftLength+c.dice.between(-6*minute, 10*minute), func() { c.leave(a) })
	a.onShift, a.wish = true, noWish
	if !c.dice.chance(reconnects) {
		c.start(a)
		return
	}
	c.change(a, offline)
	c.after(c.dice.between(second, 20*second), func() { c.start(a) })
}

// start logs the agent in and makes it available.
func (c *centre) start(a *agent) {
	c.login(a)
	c.change(a, available)
	c.planPause(a, c.now+shiftLength/2)
	c.seek(a)
}

// login overwrites the worker attributes, as single sign-on does.
func (c *centre) login(a *agent) {
	if c.dice.chance(moves) {
		a.team, a.department = pick(c.dice, teams), pick(c.dice, departments)
		a.manager = pick(c.dice, firstNames) + " " + pick(c.dice, lastNames)
	}
	if c.dice.chance(renames) {
		a.last = pick(c.dice, lastNames)
		a.email = ascii(a.first) + "." + ascii(a.last) + "." + a.sid[2:8] + "@example.com"
	}
	a.describe()
	c.emit(event{kind: workerAttributes, agent: a})
	if c.dice.chance(recapacity) {
		before := a.capacity
		a.capacity = 2 + c.dice.IntN(maxTexts-1)
		c.emit(event{kind: workerCapacity, agent: a, lag: 3, channel: chatChannel, before: int64(before)})
	}
}

// change moves the agent to another activity, or to the same one again.
func (c *centre) change(a *agent, to int) {
	before, since := a.activity, a.since
	a.activity, a.since = to, c.now
	a.turn++
	c.emit(event{kind: workerActivity, agent: a, before: int64(before), spent: c.now - since})
}

// settle fulfils the agent's wish for another activity once no work is left.
func (c *centre) settle(a *agent) {
	if a.wish == noWish || !a.idle() {
		return
	}
	to := a.wish
	a.wish = noWish
	switch {
	case to == offline:
		a.onShift = false
		if a.activity != offline {
			c.change(a, offline)
		}
		c.depart(a)
	case a.activity == available:
		c.change(a, to)
		if to == firstPause && c.dice.chance(closesEarly) {
			c.emit(event{kind: workerAvailability, agent: a, lag: 2, channel: voiceChannel})
		}
		turn := a.turn
		m := activities[to].median
		c.after(c.dice.skewed(m, 0.4, m/4, 3*m), func() { c.resume(a, turn) })
	}
}

// resume brings the agent back to work, unless something else happened since.
func (c *centre) resume(a *agent, turn int) {
	if a.turn != turn || !a.onShift {
		return
	}
	c.change(a, available)
	c.planPause(a, 0)
	c.seek(a)
}

// planPause sets the time of the next pause; near the time of lunch it is lunch.
func (c *centre) planPause(a *agent, lunchTime int64) {
	turn := a.turn
	c.after(c.dice.between(35*minute, 110*minute), func() {
		if a.turn != turn || !a.onShift || a.wish != noWish {
			return
		}
		a.wish = pauses.draw(c.dice)
		if lunchTime > 0 && c.now > lunchTime-hour && c.dice.chance(0.6) {
			a.wish = lunch
		}
		c.settle(a)
	})
}

func (c *centre) leave(a *agent) {
	a.wish = offline
	c.settle(a)
}

// depart deletes some agents after their shift; half of them return later as new workers.
func (c *centre) depart(a *agent) {
	if !c.dice.chance(leavers / max(float64(c.span)/float64(24*hour), 1)) {
		return
	}
	c.after(c.dice.between(5*minute, 40*minute), func() {
		if a.onShift || !a.idle() || a.stale > 0 {
			return
		}
		a.listed = false
		c.emit(event{kind: workerDeleted, agent: a})
		if c.dice.chance(0.5) {
			c.after(c.dice.between(2*hour, 30*hour), func() {
				a.sid = c.dice.sid("WK")
				c.create(a)
			})
		}
	})
}
