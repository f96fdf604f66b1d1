package flink

import (
	"context"
	"maps"
	"time"

	"flexbeam/runners"
	"flexbeam/runners/flink/flinkrest"
)

// counts are what the workers of a job have counted, over its restarts, each of which counts from 0.
type counts struct {
	restarts int64            // of the submission that values are of
	values   map[string]int64 // since the last restart
	before   map[string]int64 // up to then
}

const anew = -1 // the number of restarts of a submission of which nothing is known yet

// see takes in the values since so many restarts, negative if these are as many as before, and returns
// the sums over all of them. What Flink tells right after a restart may still be from before it.
func (c *counts) see(restarts int64, now map[string]int64) map[string]int64 {
	if restarts >= 0 && restarts != c.restarts {
		if maps.Equal(now, c.values) {
			return c.sum()
		}
		c.next(restarts)
	}
	if c.values == nil {
		c.values = map[string]int64{}
	}
	maps.Copy(c.values, now)
	return c.sum()
}

// next begins with the values since a restart, or since another submission.
func (c *counts) next(restarts int64) {
	c.before, c.restarts, c.values = c.sum(), restarts, map[string]int64{}
}

func (c *counts) sum() map[string]int64 {
	all := maps.Clone(c.before)
	if all == nil {
		all = map[string]int64{}
	}
	for name, n := range c.values {
		all[name] += n
	}
	return all
}

// report tells how far the job is, from time to time, or now. That is for people and for what looks after
// the process: it ends no job that Flink does not answer. s is the job, if it runs.
func (w *watch) report(ctx context.Context, s *flinkrest.Status) {
	if w.Progress == nil || w.flink == "" || s != nil && time.Since(w.reported) < reportEvery {
		return
	}
	w.reported = time.Now()
	var p runners.Progress
	if s != nil && !w.Bounded {
		if ms, ok, err := w.cluster.Settled(ctx, *s); ok && err == nil && ms > 0 {
			p.Watermark = time.UnixMilli(ms)
		}
	}
	if w.options.Remote() {
		restarts, values, err := w.cluster.Counters(ctx, w.flink, w.Namespace)
		if err != nil {
			w.log.Debug("flink: the counters of the workers cannot be read", "error", err)
		} else if len(values) > 0 {
			p.Counters = w.counts.see(restarts, values)
		}
	}
	w.Progress(p)
	w.renews(ctx)
}

// staleAfter is how long a cluster may not renew its metrics before that is told. It takes some
// seconds at most, and web.timeout after a TaskManager has ended while it was asked (docs/flink.md).
const staleAfter = time.Minute

// clock is what the cluster's metrics told last of the time.
type clock struct {
	at    int64
	since time.Time // when that was told first
	told  bool      // that it stands
}

// renews warns when the cluster does not renew its metrics: then what it tells of the job is old.
func (w *watch) renews(ctx context.Context) {
	at, err := w.cluster.Clock(ctx)
	c := &w.clock
	switch {
	case err != nil:
		w.log.Debug("flink: whether the cluster renews its metrics is not known", "error", err)
	case at != c.at || c.since.IsZero():
		*c = clock{at: at, since: time.Now()}
	case !c.told && time.Since(c.since) > staleAfter:
		c.told = true
		w.log.Warn("flink: the cluster has not renewed its metrics, so what is told of watermark and counters is old, and the job may well be further; web.timeout in Flink's configuration ends that sooner", "for", time.Since(c.since).Round(time.Second))
	}
}
