package simulate

import "math"

// Rules of thumb that fit a centre to its load; TestScaledCentresBearTheirLoad holds the model to
// them.
const (
	tasksPerAgentDay = 70.0 // contacts on a working day that one agent of the roster can bear
	eventsPerTask    = 10.6 // with the worker events that go with it
	callsPerHour     = 14.0 // contacts of an agent on duty in an hour at the peak, breaks included
	bigCentre        = 500  // agents at most when only the number of events is given
	smallCentre      = 8    // agents at least for each account, so that someone is there at night
)

// scale is a config with its open figures filled in.
type scale struct {
	Config
	begin, end int64 // end 0: until enough events
	arrivals   arrivals
	span       int64 // expected length
	contacts   int   // expected contacts
}

func newScale(c Config) scale {
	c.Accounts = max(c.Accounts, 1)
	if c.Form == "" {
		c.Form = Object
	}
	s := scale{Config: c, begin: c.Start.UnixMilli()}
	s.arrivals = arrivals{dice: newDice(c.Seed, centreDice<<8), now: s.begin}
	if c.Events > 0 {
		s.fitEvents()
	} else {
		s.fitWindow()
	}
	return s
}

func (s *scale) fitEvents() {
	s.contacts = int(float64(s.Events)/eventsPerTask) + 1
	if s.Agents == 0 {
		s.Agents = max(min(int(float64(s.contacts)/tasksPerAgentDay), bigCentre), smallCentre*s.Accounts)
	}
	perDay := float64(s.Agents) * tasksPerAgentDay
	s.arrivals.left = -1
	s.arrivals.mean = dayWeight / perDay
	s.span = int64(float64(s.contacts)/perDay*24) * hour
}

func (s *scale) fitWindow() {
	s.contacts = s.Tasks
	s.span = int64(s.Hours * float64(hour))
	s.end = s.begin + s.span
	s.arrivals.left = s.Tasks
	s.arrivals.weight = weightBetween(s.begin, s.end)
	if s.Agents > 0 {
		return
	}
	peak := 0.0
	last := min(s.end, s.begin+7*24*hour)
	for t := s.begin; t < last; t += hour / 2 {
		peak = max(peak, weight(t)/onDuty(t))
	}
	perWeight := float64(s.Tasks) / s.arrivals.weight
	s.Agents = max(int(math.Ceil(perWeight*peak/callsPerHour)), smallCentre*s.Accounts)
	s.Agents = min(s.Agents, max(maxAgents, s.Accounts))
}
