package simulate

import "context"

// centre is the whole simulation: clock, accounts, agents, and where the events go.
type centre struct {
	clock
	scale
	dice     dice
	accounts []*account
	out      *delivery
	scratch  text

	events, tasks int64
	err           error
}

func newCentre(s scale, out *delivery) *centre {
	c := &centre{scale: s, dice: newDice(s.Seed, centreDice), out: out}
	c.now = s.begin
	c.scratch.shift = s.Shift.Milliseconds()
	for i := range s.Accounts {
		a := newAccount(c.dice, i)
		if i > 0 { // the first is the parent of the others
			a.parentSid, a.parentName = c.accounts[0].sid, c.accounts[0].name
		}
		c.accounts = append(c.accounts, a)
	}
	for i := range s.Agents {
		acc := c.accounts[i%s.Accounts]
		a := newAgent(c.dice, acc, i, len(acc.agents))
		acc.agents = append(acc.agents, a)
	}
	for _, acc := range c.accounts {
		for _, a := range acc.agents {
			c.hire(a)
		}
	}
	c.expect()
	return c
}

// expect sets the timer of the next arrival.
func (c *centre) expect() {
	if when, ok := c.arrivals.next(); ok {
		c.at(when, func() {
			c.arrive()
			c.expect()
		})
	}
}

// full tells that no further event is wanted.
func (c *centre) full() bool { return c.Events > 0 && c.events >= int64(c.Events) }

// run lets time pass until the end of the window, or until there are enough events.
func (c *centre) run(ctx context.Context) error {
	for n := 0; !c.full(); n++ {
		if n&0xff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		t, ok := c.next()
		if !ok || c.end > 0 && t.at >= c.end {
			break
		}
		t.do()
		if c.err != nil {
			return c.err
		}
		if err := c.out.release(c.now); err != nil {
			return err
		}
	}
	return c.out.flush()
}

// emit completes an event and hands it to the delivery.
func (c *centre) emit(e event) {
	if c.err != nil || c.full() {
		return
	}
	c.events++
	e.at = c.now + e.lag
	e.id = c.dice.id()
	c.err = c.out.take(&e)
}
