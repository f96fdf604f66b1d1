package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"flexbeam/internal/testkit/kinesisfake"
)

// A tally is what a sender has done.
type tally struct {
	sent atomic.Int64
	late atomic.Int64 // how late a record was at most since this was last read, in ns; those that are due at once have no time
}

// latest returns how late a record was at most since the last call.
func (t *tally) latest() time.Duration { return time.Duration(t.late.Swap(0)) }

const (
	tick    = 10 * time.Millisecond // how often is looked what is due
	atATime = 500                   // records that go into the stream together
)

// send sends the records of a plan when they are due, until all are sent or the context ends, which
// is no error.
func (p *plan) send(ctx context.Context, server *kinesisfake.Server, begin time.Time, t *tally) error {
	var all []kinesisfake.Record
	var texts []byte
	for i := 0; i < len(p.items); {
		now := time.Since(begin)
		if due := p.items[i].due; due > now {
			select {
			case <-time.After(max(due-now, tick)):
			case <-ctx.Done():
				return nil
			}
			continue
		}
		all, texts = all[:0], texts[:0]
		var late time.Duration
		for first := i; i < len(p.items) && i < first+atATime && p.items[i].due <= now; i++ {
			it := p.items[i]
			n := len(texts)
			texts = append(texts, make([]byte, it.length)...)
			if _, err := p.file.ReadAt(texts[n:], it.at); err != nil {
				return fmt.Errorf("read what was drawn: %w", err)
			}
			all = append(all, kinesisfake.Record{PartitionKey: partition(it.key), Data: texts[n:len(texts):len(texts)]})
			if it.due > 0 {
				late = max(late, now-it.due)
			}
		}
		server.Put(stream, all...)
		t.late.Store(max(t.late.Load(), int64(late)))
		t.sent.Add(int64(len(all)))
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

// partition returns a partition key.
func partition(hash uint32) string { return fmt.Sprintf("%08x", hash) }

// ownCPU returns the processor time of this process: of the sender and of the server, in seconds.
func ownCPU() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
