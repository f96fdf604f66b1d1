// Package flinklocal runs a real Flink on this machine: a JobManager, TaskManagers and Beam's job
// server, each a Java process that listens on the loopback interface only. Tests run jobs on it, and
// `flexbeam local flink` serves it to people.
//
// What it needs is downloaded once, by Maven and pip as they are set up on the machine, and checked
// against sums that this package holds. Everything is in the user's cache directory.
//
// The processes end with Stop. On Linux they also end when the process that started them does,
// however that comes about.
package flinklocal

// Versions of what is run.
const (
	FlinkVersion = "1.19.3"
	BeamVersion  = "2.70.0"
)
