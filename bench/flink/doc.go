// Command flink measures jobs on a real Flink cluster on this machine, from a Kinesis-compatible server
// to a local BigQuery, with Prism beside it on the same records.
//
//	go run ./bench/flink [-events 100000] [-rate 200] [-minutes 0] [-only PART] [-dir .cache/bench-flink]
//
// The cluster is one TaskManager of 1 GB with two slots; checkpoints are on. The transforms run in a
// pool of workers (the environment external), so that Go's processor time and Java's are told apart.
// The server of the stream is in this process, the local BigQuery in a process of its own: neither is
// counted.
//
//   - Catch-up: events of four hours wait in eight shards. Measured at parallelism 1 and 2 from the first
//     record that is read until all are folded, and the same by a job on Prism with --state. Told are
//     events/s, CPU seconds of Go and of Java for 1,000 events, and size and time of checkpoints, of
//     which the size is also told for each task that the state holds. Flink tells how far the job is
//     every half second; times are right to that. The tables must have equally many rows.
//   - Recovery: while events come at a rate, the TaskManager is killed. Measured until records are read
//     again, and until the watermark has passed the moment of the kill.
//   - Soak, for -minutes: events come at a rate. Told are resident memory of each process and the size of
//     checkpoints over time, and their slopes over the last two thirds.
//
// Compare figures of one run only: machines are noisy. The load average is printed with them.
package main
