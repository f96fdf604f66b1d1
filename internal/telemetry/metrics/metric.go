// Package metrics shows a job's counters to Prometheus.
//
// Table is the one place where a metric is defined: name, kind, labels, help, and how it is read
// from the counters. The Collector and docs/operations.md are made from it, the dashboard and the
// alerts under deploy are checked against it. Nothing is counted twice: values are read from the
// counters when Prometheus asks.
package metrics

import "flexbeam/internal/telemetry"

// Kind is the kind of a metric.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// A Metric is a metric of the program.
type Metric struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string

	values func(job, emitter)                               // of counters and gauges
	spread func(*telemetry.Counters) telemetry.Distribution // of histograms
}

// An emitter takes a value with those of the labels, in their order.
type emitter func(v float64, labels ...string)

// job is what metrics are read from.
type job struct {
	*telemetry.Counters
	build Build
}

// Build says what the running program is.
type Build struct {
	Version string // of flexbeam
	Go      string // of the Go tool chain
	Beam    string // of Beam's Go SDK
}
