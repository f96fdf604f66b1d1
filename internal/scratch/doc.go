// Package scratch keeps values on disk for as long as the process lives, so that they take no memory. It is made for values that are
// written once, seldom read, and freed in about the order in which they were written.
//
// # What is promised
//
// A value comes back as it was put, or with an error: one that the disk has changed is ErrDamaged. Nothing outlives the process.
//
// The files have no names: each is unlinked as soon as it is open, so the system takes back their room when the process ends, however it
// ends. Only a process that is killed in the instant between the two leaves something, an empty file. Where the system does not unlink
// open files, they are removed when they are closed, and a crash leaves them. What has no name does not show in du, only in df.
//
// # What it costs
//
// Values go one behind the other into segments, files of 64 MiB (a longer value has one for itself). A segment that is full is closed, and its room
// given back, when its last value is freed: one value that stays keeps all of it. Each segment is an open file. In memory are 8 bytes for each value, until
// its segment is closed, and a buffer of 256 KiB, from which values go to the disk.
package scratch
