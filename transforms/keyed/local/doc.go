// Package local is the driver of keyed states for a stream on the embedded runner: one store in
// this process (Store), with a log behind it that lets a new process go on where the last one
// ended.
//
// Two transforms work on it. AddFn, which runs fused with the decoder, adds the inputs of a batch
// and the position behind it in one step, and wakes the keys: what travels through Beam is a time
// for which a timer is to be set, no data. ProcessFn has the timers, all of one key, and processes
// what is due.
package local
