package telemetry

import (
	"sync/atomic"
	"time"
)

// cluster is how far a job is whose positions a cluster keeps. There are no shards here then.
type cluster struct {
	on        atomic.Bool
	ran       atomic.Int64 // when the cluster last said that the job runs, ms; 0: never
	watermark atomic.Int64 // ms, 0 before it is known
	moved     atomic.Int64 // when the watermark last moved, ms
}

// OnCluster says that a cluster keeps the positions of the job: from then on the health check expects
// RunsOnCluster in the place of polls.
func (c *Counters) OnCluster() { c.cluster.on.Store(true) }

// RunsOnCluster notes that the cluster says now that the job runs, and up to which time of arrival it has
// read, in ms since the epoch; 0 and less: that is not known. A cluster may go back, to a checkpoint.
func (c *Counters) RunsOnCluster(watermark int64) {
	now := c.Now().UnixMilli()
	c.cluster.ran.Store(now)
	if watermark > 0 && c.cluster.watermark.Swap(watermark) != watermark {
		c.cluster.moved.Store(now)
	}
}

// faults returns why a job on a cluster makes no progress.
func (l *cluster) faults(now, started time.Time, limits Limits) (all []Fault) {
	since := timeOf(l.ran.Load())
	if since.IsZero() {
		since = started
	}
	if silent := now.Sub(since); silent > limits.Poll {
		all = append(all, Fault{"poll", sentence("the cluster has not said for %v that the job runs; the limit is %v", silent, limits.Poll)})
	}
	at := timeOf(l.watermark.Load())
	if stands := now.Sub(timeOf(l.moved.Load())); !at.IsZero() && now.Sub(at) > limits.Watermark && stands > limits.Watermark {
		all = append(all, Fault{"watermark", sentence("the watermark of the job on the cluster stands at "+at.UTC().Format(time.RFC3339)+" for %v; the limit is %v", stands, limits.Watermark)})
	}
	return all
}
