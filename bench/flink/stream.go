package main

import (
	"bytes"
	"context"
	"hash/fnv"
	"time"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/simulate"
)

// The stream that jobs read, and how many events a contact gives in it.
const (
	stream        = "bench"
	shards        = 8
	eventsPerTask = 11
)

// busy is when drawn histories begin before they are shifted: at ten on a working day, when contacts
// arrive evenly.
var busy = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// newStream starts a server with an empty stream.
func newStream() (*kinesisfake.Server, error) {
	s := kinesisfake.New(kinesisfake.Options{})
	if err := s.Start(); err != nil {
		return nil, err
	}
	s.CreateStream(stream, shards)
	return s, nil
}

// put puts a record into the stream.
func put(s *kinesisfake.Server, r simulate.Record) {
	h := fnv.New32a()
	_, _ = h.Write(r.Text) // it never fails
	s.Put(stream, kinesisfake.Record{PartitionKey: string(h.Sum(nil)), Data: bytes.Clone(r.Text), Arrival: r.Arrival})
}

// draw draws the contacts that begin in a time, up to its end, in order of their records' arrival.
func draw(ctx context.Context, begin time.Time, d time.Duration, tasks int, f func(simulate.Record) error) error {
	c := simulate.DefaultConfig()
	c.Start, c.Hours, c.Tasks, c.Form = busy, d.Hours(), tasks, simulate.String
	c.Shift = begin.Truncate(time.Millisecond).Sub(busy)
	c.Disorder, c.Duplicates = time.Second, 0.01
	_, err := simulate.Each(ctx, c, func(r simulate.Record) error {
		if r.Arrival.After(begin.Add(d)) {
			return nil
		}
		return f(r)
	})
	return err
}

// send sends events at a rate, as they happen, until ctx ends or the time is over.
func send(ctx context.Context, s *kinesisfake.Server, rate int, d time.Duration) error {
	var all []simulate.Record
	begin := time.Now()
	err := draw(ctx, begin, d, int(float64(rate)*d.Seconds()/eventsPerTask)+1, func(r simulate.Record) error {
		r.Text = bytes.Clone(r.Text)
		all = append(all, r)
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		select {
		case <-time.After(time.Until(r.Arrival)):
			put(s, r)
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
