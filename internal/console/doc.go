// Package console shows on standard error how far a long job is: as a bar on a terminal, as lines
// now and then elsewhere.
//
// A Screen owns the writer. Everything else that goes to standard error, such as logs, must be
// written through the Screen, so that no line lands in the middle of the bar. The caller prints the
// summary of a job after Progress.Stop, which takes the bar away.
package console
