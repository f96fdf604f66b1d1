// Package journal keeps entries in a directory so that they outlive the process: a snapshot of what
// holds, and behind it the log of what came since, in one file.
//
// # What is promised
//
// An entry that Sync covered is there after any crash. Entries come back in the order in which they
// were appended, none twice, and none is missing between two that come back: at the first byte that
// is not as it was written the rest of the file is cut off, and the length that went is told. So an
// entry that says "read up to here" may stand beside what was read: both are there, or neither.
//
// A snapshot replaces everything before it, in one step: it is written beside the file, synced, and
// renamed over it. One that cannot be written changes nothing. A snapshot that is damaged itself is
// an error (ErrDamaged), since what it held cannot be told any more.
//
// A snapshot is written as its entries come, and takes no memory of its size. While it is written,
// which may take seconds, entries are appended as ever; only what wants to be on disk waits for it.
//
// # Form
//
// The file is a header, frames of the snapshot, a frame that ends it, and frames of the log. A
// frame is the length of its entry (4 bytes, little endian), the CRC-32C of length and entry (4
// bytes), the entry.
//
// # One process
//
// A directory belongs to one process at a time, by an advisory lock that ends with the process
// (ErrLocked).
package journal
