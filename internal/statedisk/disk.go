package statedisk

import (
	"errors"
	"iter"

	"flexbeam/internal/journal"
)

// A Disk keeps the state of one stream. Its methods may be called from several goroutines.
type Disk interface {
	// Commit takes a batch and returns where its spilled values are, in the order of the batch. On
	// an error, which only a batch with spilled values has, nothing of the batch is taken. The
	// batch may be used again afterwards.
	Commit(b *Batch) ([]Ref, error)

	// Load reads a spilled value into the room of buf, or into new room where that is too little.
	// The value need not be durable yet.
	Load(ref Ref, buf []byte) ([]byte, error)

	// Mark returns the end of what was committed as it is now.
	Mark() Mark

	// Sync makes durable what was committed before a mark. After an error nothing more becomes
	// durable.
	Sync(to Mark) error

	// NeedsSnapshot tells whether Snapshot is worth its cost where so many bytes are live: those of
	// records, and of the heads of spilled values.
	NeedsSnapshot(live int64) bool

	// Snapshot is Sync, and puts the given records in the place of everything that was committed
	// before the mark: they are Put changes, and Spill changes with the Ref of a value that is
	// kept, all as they were at the mark or later.
	Snapshot(at Mark, records iter.Seq[Change]) error

	// Size returns how many bytes are on disk.
	Size() int64

	// Close gives the directory back. What no Sync covered is forgotten.
	Close() error
}

type (
	// A Mark is a place in the order of commits.
	Mark = journal.Mark
	// A Recovery says what was found at a start.
	Recovery = journal.Recovery
)

// A Ref stands for a spilled value, for the life of the process. It may be compared with ==. The
// zero Ref stands for none.
type Ref struct {
	Segment uint32 // number of the file, from 1 on
	Offset  uint32 // in the file, in bytes
	Length  uint32 // of the value, in bytes
}

// A Restore takes what an earlier process left, change by change in an order in which they may be
// applied. A change is valid until Restore returns. Where the change takes the place of a spilled
// value that Restore was given before, it is to release that.
type Restore func(c Change, release func(Ref)) error

// The errors beside those of the journal.
var (
	ErrCorrupt  = errors.New("a batch is not as it was written") // though its checksum is right
	ErrDamaged  = errors.New("a spilled value is not as it was written")
	ErrReleased = errors.New("the value was released")
)
