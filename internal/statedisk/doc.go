// Package statedisk keeps the state of a stream on disk: what outlives the process, and values that
// take no memory.
//
// # What is kept
//
// Records and spilled values. A record is a key and a value; a caller has all records in memory,
// and they come back at the next start. A spilled value is on disk only: its head comes back at a
// start, with a Ref by which the value can be loaded. Changes come in batches. A batch that says
// "read up to here" may hold what was read as well: both are kept, or neither.
//
// # Durability in two steps
//
// Commit takes a batch into memory and is cheap. Nothing of it is durable until Sync covers a Mark
// that was taken behind it; between the two a caller flushes its sink. After a crash, all batches
// before the last mark that was synced are there, perhaps some that came later, in order and each
// of them whole, and never one behind another that is missing.
//
//	disk.Commit(batch)        // any number of times
//	mark := disk.Mark()
//	err := sink.Flush()       // everything before the mark is in the sink
//	err = disk.Sync(mark)     // and now need not be read again
//
// # Snapshots
//
// A log grows with what is changed, not with what is kept. NeedsSnapshot tells when a caller is to
// call Snapshot with all that it holds instead of Sync. A Disk that finds its records by key never
// needs one.
//
// # Implementations
//
// Log is the one that the product uses. Package statedisktest is the suite that an implementation
// passes. ADR 11 compares Log with embedded stores.
package statedisk
