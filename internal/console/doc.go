// Package console shows on standard error how far a long job is: as a bar on a terminal, as lines
// now and then elsewhere.
//
// A Screen owns the writer. Whatever else goes to standard error, logs above all, is written
// through it, so that a line never lands in the middle of the bar. What ends a job is said by its
// caller once Progress.Stop has taken the bar away.
package console
