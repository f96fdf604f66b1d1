package main

import (
	"time"

	"flexbeam/simulate"
)

// busy is when drawn histories begin before they are shifted to now: at ten on a working day, two
// hours in which contacts arrive evenly. So what is measured does not depend on the hour at which
// it is.
var busy = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// eventsPerTask is about how many events a contact gives.
const eventsPerTask = 11

// copies is the share of events that come twice.
const copies = 0.01

// history returns the config of so many contacts in a time, with the copies of a real stream and
// its disorder.
func history(seed uint64, start time.Time, d time.Duration, tasks int) simulate.Config {
	c := simulate.DefaultConfig()
	c.Seed, c.Start, c.Hours, c.Tasks, c.Form = seed, busy, d.Hours(), tasks, simulate.String
	c.Shift = start.Truncate(time.Millisecond).Sub(busy)
	c.Disorder, c.Duplicates = time.Second, copies
	return c
}
