// Command state compares places for the state of a stream on disk, side by side: the log that the
// product uses, and two embedded stores, each behind statedisk.Disk.
//
//		bin/bench-state [-events 1000000] [-day 16m40s] [-rounds 3]
//		    [-disks none,log,pebble,bbolt] [-dir .cache/bench-state]
//
//	  - log: an append-only log, and files of spilled values that stay where they are.
//	  - pebble, bbolt: github.com/cockroachdb/pebble and go.etcd.io/bbolt.
//	  - none: nothing is kept. It shows what the caller itself takes.
//
// It is the part "state" of make bench-stream, and a module of its own so that the product does not
// depend on what it does not use.
//
// # The stream
//
// A caller that stands for the store of the product gives each Disk the same changes, as fast as it
// takes them. In a second of stream time 500 events come, in eight batches with a position each. A
// task has ten events of 600 bytes, one each 18 seconds. A minute after its last one its state,
// 3,000 bytes that cannot be compressed further, is spilled. One task in a hundred gets a late
// event after that, which brings it back. A task that was spilled leaves a tombstone when -day of
// stream time has passed. Each second what was committed is made durable, by a snapshot where the
// Disk asks for one.
//
// The factor by which -day is shorter than a day is printed. Tombstones, which the product forgets
// after 15 days, all stay.
//
// # The figures
//
// Each Disk runs in turns with the others, in a process of its own. Then two more processes start with
// what it has left, and must find what the first one held. All figures are medians of the rounds.
//
//   - CPU per event: user and system time of the process until the Disk is closed, in microseconds.
//   - Flush: how long Sync or Snapshot takes, once each second of stream time.
//   - Disk: as the Disk tells it. Its peak counts a snapshot and what that replaces. Written: what the
//     process gave the device to write.
//   - Start: from opening the directory until all is in memory, with the files in the system's cache;
//     and cold, after they were taken out of it.
//   - Memory: the largest resident memory of the process that writes.
//   - Lines: of the implementation, without tests, blanks and comments, where the sources are there.
//
// Compare figures of one run only: machines are noisy. The load average is printed with them.
package main
