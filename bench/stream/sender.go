package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"flexbeam/internal/kinesisfake"
	"flexbeam/simulate"
)

// history returns the config of so many contacts in a time, with the imperfections of a real stream.
func history(seed uint64, start time.Time, d time.Duration, tasks int) simulate.Config {
	c := simulate.DefaultConfig()
	c.Seed, c.Start, c.Hours, c.Tasks, c.Form = seed, start.UTC().Truncate(time.Millisecond), d.Hours(), tasks, simulate.String
	c.Disorder, c.Duplicates = time.Second, 0.01
	return c
}

// eventsPerTask is about how many events a contact gives.
const eventsPerTask = 11

// errEnough ends drawing.
var errEnough = errors.New("enough")

// gather collects what is sent together.
type gather struct {
	server *kinesisfake.Server
	sent   *atomic.Int64
	all    []kinesisfake.Record
}

func (g *gather) add(r simulate.Record, arrival time.Time) {
	// The text is another one soon. Records spread over the shards by the event, not by the task.
	data := append([]byte(nil), r.Text...)
	g.all = append(g.all, kinesisfake.Record{PartitionKey: key(data), Data: data, Arrival: arrival})
}

// key returns a partition key that spreads evenly.
func key(data []byte) string {
	h := uint64(14695981039346656037)
	for _, b := range data {
		h = (h ^ uint64(b)) * 1099511628211
	}
	const digits = "0123456789abcdef"
	var k [16]byte
	for i := range k {
		k[i] = digits[h>>(4*i)&15]
	}
	return string(k[:])
}

func (g *gather) flush() {
	if len(g.all) > 0 {
		g.server.Put(stream, g.all...)
		g.sent.Add(int64(len(g.all)))
		g.all = g.all[:0]
	}
}

// atRate sends the records of a config evenly, so many a second, for a time: however fast that is by the times of the events.
func atRate(ctx context.Context, server *kinesisfake.Server, c simulate.Config, rate int, d time.Duration, sent *atomic.Int64) error {
	const together = 10 * time.Millisecond
	begin := time.Now()
	n, g := 0, gather{server: server, sent: sent}
	_, err := simulate.Each(ctx, c, func(r simulate.Record) error {
		for due := begin.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second))); time.Now().Before(due); {
			g.flush()
			time.Sleep(together)
		}
		if time.Since(begin) >= d {
			return errEnough
		}
		n++
		g.add(r, time.Time{})
		if len(g.all) >= 500 {
			g.flush()
		}
		return ctx.Err()
	})
	g.flush()
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// atTime sends the records of a config when their time comes, what lies in the past at once.
func atTime(ctx context.Context, server *kinesisfake.Server, c simulate.Config, until time.Time, sent *atomic.Int64) error {
	g := gather{server: server, sent: sent}
	_, err := simulate.Each(ctx, c, func(r simulate.Record) error {
		if r.Arrival.After(until) {
			return errEnough
		}
		for r.Arrival.After(time.Now()) {
			g.flush()
			time.Sleep(min(10*time.Millisecond, max(time.Until(r.Arrival), time.Millisecond)))
		}
		g.add(r, time.Time{})
		if len(g.all) >= 500 {
			g.flush()
		}
		return ctx.Err()
	})
	g.flush()
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// density returns how many contacts a time must have so that events come at a rate between from and its end. Contacts last a while,
// so the beginning has fewer; hence it draws, counts, and corrects itself once.
func density(ctx context.Context, start time.Time, d, from time.Duration, rate int) (int, error) {
	tasks := 2000
	for range 2 {
		n := 0
		_, err := simulate.Each(ctx, history(1, start, d, tasks), func(r simulate.Record) error {
			if at := r.Arrival.Sub(start); at >= from && at < d {
				n++
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		tasks = int(float64(tasks) * float64(rate) * (d - from).Seconds() / float64(max(n, 1)))
	}
	return tasks, nil
}
