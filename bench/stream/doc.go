// Command stream measures a live stream, from a Kinesis-compatible server to a DuckDB file on Prism.
//
//	go run ./bench/stream [-quick] [-minutes 15] [-events 112000] [-rates 1000,2000,4000,…] [-dir .cache/bench-stream]
//
// The job is bin/flexbeam as a process of its own, with --state and a flush every second. The server and the sender are in this
// process, so that the job's processor time is told apart; records go into the server without HTTP, the job reads them over it.
// One shard takes and gives what it is asked for: the limits of Amazon's shards are off.
//
//   - Catch-up: events of four hours wait in eight shards, with the arrival times of those hours. Measured from the start of the
//     process until all of it is visible. Beside it the same records by a batch on Prism from a file, whose engagements must be as many.
//   - Sustained: more events a second from step to step. A step holds when the job takes at least 97 % of what is sent, and in
//     its second half does not fall behind by more than half a second's worth.
//   - Latency: events are sent when they happen; the time from then to the end of the flush that showed their row is read from
//     flexbeam_latency_seconds. At the lower rate a reader copies the file and its log about every second, opens the copy and
//     looks for new rows, which overstates by up to the time between two copies.
//   - Memory: resident memory, Go's heap, state and its log at the lower rate. The slope is that of a line through the last two
//     thirds.
//
// Compare figures of one run only: machines are noisy. The load average is printed with them.
package main
