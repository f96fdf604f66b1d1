package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"flexbeam/internal/telemetry"
)

// collector reads the Table from a job's counters.
type collector struct {
	job   job
	descs []*prometheus.Desc // by index of Table
}

// NewCollector returns a collector of a job's metrics.
func NewCollector(c *telemetry.Counters, b Build) prometheus.Collector {
	all := &collector{job: job{c, b}}
	for _, m := range Table {
		all.descs = append(all.descs, prometheus.NewDesc(m.Name, m.Help, m.Labels, nil))
	}
	return all
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	for i, m := range Table {
		desc := c.descs[i]
		if m.Kind == Histogram {
			d := m.spread(c.job.Counters)
			out <- prometheus.MustNewConstHistogram(desc, d.Count, d.Sum, d.Buckets)
			continue
		}
		kind := prometheus.CounterValue
		if m.Kind == Gauge {
			kind = prometheus.GaugeValue
		}
		m.values(c.job, func(v float64, labels ...string) {
			for i, l := range labels {
				labels[i] = strings.ToValidUTF8(l, "\uFFFD") // Prometheus takes no other, and names of streams are typed by people
			}
			out <- prometheus.MustNewConstMetric(desc, kind, v, labels...)
		})
	}
}
