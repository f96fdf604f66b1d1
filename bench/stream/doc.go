// Command stream measures a live stream, from a Kinesis-compatible server to a DuckDB file on
// Prism.
//
//	go run ./bench/stream [-quick] [-minutes 15] [-events 400000] [-rates 1000,2000,4000,…] [-only PART] [-sink URI] [-dir .cache/bench-stream]
//
// The job is bin/flexbeam as a process of its own, with --state and a flush every second. The
// server and the sender are in this process, so that the job's processor time is told apart;
// records go into the server without HTTP, the job reads them over it. One shard takes and gives
// what it is asked for: the limits of Amazon's shards are off.
//
// What is sent is drawn before it is measured, into a file of up to some GB in the directory, since
// drawing takes the processors that the job needs. The contacts are those of a busy morning, told
// as of now, whatever the hour is. Every figure stands beside how much was really sent; where that
// is less than 97 % of what was wanted, there is no figure.
//
//   - State: places for the state on disk, side by side, without a job: see bench/state.
//   - Catch-up: events of four hours wait in eight shards, with the arrival times of those hours.
//     Measured from the start of the process until the first record is read, all are read, all are
//     folded, and the flush has ended that shows the last row. Beside it the same records by a
//     batch on Prism from a file, whose engagements must be as many. Times are right to the
//     twentieth of a second at which the metrics are read.
//   - Sustained: more events a second from step to step, of whole contacts of two hours. A step
//     holds when the job has, on the mean of the last quarter of the time, at most half a second's
//     worth of events more before it than on the mean of the second quarter: it takes 97 % of what
//     is sent, in steps of half a minute.
//   - Latency, at half of the sustained rate (of the first of -rates if that was not measured):
//     events are sent when they happen; the time from then to the end of the flush that showed
//     their row is read from flexbeam_latency_seconds. At the lower rate a reader copies the file
//     and its log about every second, opens the copy and looks for new rows, which overstates by up
//     to the time between two copies.
//   - Memory: resident memory and what it consists of, state and its log, at the lower rate. What
//     neither Go nor the program's files take is DuckDB's. The slopes are those of lines through
//     the last two thirds.
//   - Sender, only if it is asked for with -only sender: whether the sender keeps the rates without
//     a job, and what that costs.
//
// For latency and memory an event arrives in the stream at its own time, so that the time from
// event to row and that from arrival to row are the same: there is no disorder, which no pipeline
// can make up for, and copies come right behind their events, not when nothing else of their
// contact is new. Catch-up and sustained have both. Contacts have come for a minute before
// (latency) or thirty (memory): what happened to those that are still open, and to their agents, is
// sent at once in the beginning. Measuring starts when the job has taken that and, for ten seconds
// in a row, whatever was due five seconds before; memory five minutes later, when DuckDB's cache is
// full and as many contacts end as begin.
//
// What a DuckDB file takes depends on its cache and its tables. With -only memory -sink bigquery:…
// and a flexbeam local bigquery, the job is measured without it.
//
// Compare figures of one run only: machines are noisy. The load average is printed with them.
package main
