package main

import (
	"log/slog"
	"time"

	"flexbeam/internal/console"
	"flexbeam/internal/repeat"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/model"
)

// streamWork tells how far a job is whose source has no end.
func streamWork(c *telemetry.Counters) console.Work {
	w := console.Work{Phase: "streaming", Share: -1, Events: c.Events.Load(), Endless: true}
	if d, ok := c.Behind(); ok {
		w.More = append(w.More, "lag "+console.Age(d))
	}
	if d, ok := c.WatermarkAge(); ok {
		w.More = append(w.More, "watermark "+console.Age(d))
	}
	w.More = append(w.More, console.Count(c.OpenTasks.Load())+" open tasks")
	if n := c.DeadLetters.Load(); n > 0 {
		w.More = append(w.More, console.Count(n)+" dead letters")
	}
	for _, t := range model.Tables {
		if n := c.Changes[t.ID].Load(); n > 0 && t.ID != model.DeadLettersID {
			w.More = append(w.More, t.Name+" "+console.Count(n))
		}
	}
	return w
}

// How often a log line tells of progress.
var (
	boundedEvery = 5 * time.Second
	endlessEvery = 30 * time.Second
)

// logProgress writes a log line "progress" now and then, until stop is called. docs/operations.md
// names its fields.
func logProgress(log *slog.Logger, c *telemetry.Counters) (stop func()) {
	every := boundedEvery
	if c.Unbounded.Load() {
		every = endlessEvery
	}
	last, lastEvents := c.Now(), c.Events.Load()
	return repeat.Always(every, func() {
		now, events := c.Now(), c.Events.Load()
		rate := 0.0
		if passed := now.Sub(last).Seconds(); passed > 0 {
			rate = float64(events-lastEvents) / passed
		}
		last, lastEvents = now, events
		log.Info("progress", progressFields(c, rate)...)
	})
}

// progressFields returns the fields of a progress line.
func progressFields(c *telemetry.Counters, rate float64) []any {
	w := jobWork(c)
	fields := []any{"phase", w.Phase}
	if w.Share >= 0 {
		fields = append(fields, "share", w.Share)
	}
	fields = append(fields, "records", c.Records.Load(), "events", c.Events.Load(), "events_per_second", int64(rate),
		"duplicates", c.Repeats.Load(), "dropped", c.Dropped.Load(), "dead_letters", c.DeadLetters.Load())
	if d, ok := c.Behind(); ok {
		fields = append(fields, "behind_seconds", d.Seconds())
	}
	if age, ok := c.WatermarkAge(); ok {
		fields = append(fields, "watermark", c.Watermark().UTC(), "watermark_age_seconds", age.Seconds())
	}
	if c.Unbounded.Load() {
		fields = append(fields, "open_tasks", c.OpenTasks.Load(), "state_bytes", c.Tasks.Bytes.Load()+c.Agents.Bytes.Load()+c.Contacts.Bytes.Load(),
			"flush_failures", c.FlushFailures())
	}
	upserts, deletes := map[string]int64{}, map[string]int64{}
	for _, t := range model.Tables {
		if n := c.Changes[t.ID].Load(); n > 0 {
			upserts[t.Name] = n
		}
		if n := c.Deleted[t.ID].Load(); n > 0 {
			deletes[t.Name] = n
		}
	}
	return append(fields, "upserts", upserts, "deletes", deletes)
}
