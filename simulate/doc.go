// Package simulate draws the TaskRouter events of an invented contact centre.
//
// # What it promises
//
// The same [Config] gives the same bytes, whatever GOMAXPROCS is. Each part has a random source of
// its own, all of them fed from Config.Seed: the centre, the imperfections of the delivery, the
// choice of envelopes. So a config that differs only in its [Form] tells the same events, and one
// that differs only in its imperfections the same history behind them.
//
// Events come from a small queueing model, not from independent draws: tasks arrive along a daily
// curve, wait until an agent of their queue is free, and occupy that agent; agents come to their
// shifts, take breaks, log off. An agent has at most one call and three written conversations at a
// time.
//
// # How it is built
//
// A centre (centre.go) owns a clock of timers. What happens to one task is written where it
// belongs: arrival.go, routing.go, talk.go, ending.go, transfer.go, sequel.go; what happens to an
// agent in shift.go. Each of them emits events; encoder.go writes an event as text while its task
// is as it was at that moment; delivery.go delays, repeats, loses and soils the texts and hands
// them on in order of arrival. Memory holds the open tasks and the texts under way, never the whole
// history.
//
// The shares that lifecycles, activities and forms are drawn with stand in tables, and [Describe]
// prints these tables.
package simulate
