// Command state compares places for the state of a stream on disk, side by side: the log with scratch files that the product uses,
// and two embedded stores, each behind statedisk.Disk.
//
//	bin/bench-state [-events 2000000] [-day 33m20s] [-rounds 3] [-disks none,log,pebble,bbolt] [-dir .cache/bench-state]
//
// It is the part "state" of make bench-stream, and a module of its own so that the product does not depend on what it does not use.
//
// # The stream
//
// A caller that stands for the one in the product gives each Disk the same changes, as fast as it takes them. In a second of stream time 500 events come in eight
// batches with a position each. A task has ten events of 600 bytes, one each 18 seconds. A minute behind its last one its state, 3,000 bytes that
// cannot be compressed further, is spilled; one task in a hundred gets a late event after that, which brings it back. A task that was spilled
// for -day of stream time leaves a tombstone. Each second what was committed is made durable, in a snapshot where the Disk asks for one.
//
// A day is shorter than a day by a factor that is told, so that as many tasks are held as come in -day. Tombstones, which the product forgets after 15 days, stay.
//
// # The figures
//
// Each Disk runs in turns with the others, in a process of its own, and then a process starts with what it has left. All figures are
// medians of the rounds.
//
//   - CPU per event: user and system time of the process, until the Disk is closed. "none" keeps nothing: it is what the caller itself takes.
//   - Flush: how long Sync or Snapshot takes, once each second of stream time.
//   - Disk: as the Disk tells it; its peak counts a snapshot and what it replaces. Written: what the process gave the device to write.
//   - Start: from opening the directory until all is in memory, with the files in the system's cache; and cold, without them there.
//   - Memory: the largest resident memory of the process that writes.
//   - Lines: of the implementation, without tests, blanks and comments, where the sources are there.
//
// Compare figures of one run only: machines are noisy. The load average is printed with them.
package main
