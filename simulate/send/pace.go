package send

import "time"

// tick is the shortest sleep: records that fall due within one are taken together.
const tick = 10 * time.Millisecond

// pace maps the time of the simulation to that of the clock.
type pace struct {
	begin  time.Time // on the clock
	start  time.Time // in the simulation
	speed  float64   // 0: everything is due
	behind time.Duration
}

// due is when a record that arrives at a simulated time is to be sent.
func (p *pace) due(arrival time.Time) time.Time {
	if p.speed <= 0 {
		return time.Time{}
	}
	return p.begin.Add(time.Duration(float64(arrival.Sub(p.start)) / p.speed))
}

// reached tells that a moment has come, and notes how long ago.
func (p *pace) reached(due, now time.Time) bool {
	if due.After(now) {
		return false
	}
	if p.speed > 0 {
		p.behind = max(p.behind, now.Sub(due))
	}
	return true
}

// wake is when to look again.
func (p *pace) wake(due, now time.Time) time.Time {
	if soon := now.Add(tick); due.Before(soon) {
		return soon
	}
	return due
}
