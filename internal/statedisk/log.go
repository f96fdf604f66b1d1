package statedisk

import (
	"errors"
	"fmt"
	"iter"
	"sync"

	"flexbeam/internal/journal"
)

// A Log is a Disk that keeps batches in an append-only log, and spilled values in files beside it,
// which a snapshot does not touch. At a start the log is read, and no spilled value.
//
// Sync brings the values to disk before the log says where they are, and a value's room is given
// back only when the log says durably that it is released. So every value that the log names is
// there after any crash.
type Log struct {
	journal *journal.Journal // nil: nothing outlives the process
	values  *values

	// MinSnapshot is the size of a log that is not worth rewriting, in bytes: 16 MiB, unless it is
	// set before the first use.
	MinSnapshot int64

	syncing sync.Mutex // held by Sync and Snapshot
	err     error      // of bringing values to disk: nothing more becomes durable

	mu       sync.Mutex
	released []released // in the order of their marks
}

// released is a value whose room is given back when Sync covers a mark.
type released struct {
	behind Mark
	ref    Ref
}

var _ Disk = (*Log)(nil)

// OpenLog opens a directory, makes it if needed, and gives restore what an earlier process left
// there. The errors are those of the journal, ErrCorrupt, ErrDamaged, and those of restore.
func OpenLog(dir string, restore Restore) (*Log, Recovery, error) {
	v, err := openValues(dir, false)
	if err != nil {
		return nil, Recovery{}, err
	}
	return openLog(dir, v, restore)
}

// OpenTemporary returns a Log of which nothing outlives the process. Its spilled values are in files
// without names in a directory, which is made if needed; in that for temporary files for "".
func OpenTemporary(dir string) (*Log, error) {
	v, err := openValues(dir, true)
	if err != nil {
		return nil, err
	}
	return &Log{values: v}, nil
}

func openLog(dir string, v *values, restore Restore) (*Log, Recovery, error) {
	l := &Log{values: v, MinSnapshot: 16 << 20}
	j, recovery, err := journal.Open(dir, func(entry []byte) error { return l.replay(entry, restore) })
	if err != nil {
		return nil, recovery, errors.Join(err, v.close())
	}
	if err := v.adopted(); err != nil {
		return nil, recovery, errors.Join(err, j.Close(), v.close())
	}
	l.journal = j
	return l, recovery, nil
}

// replay gives restore the changes of a batch.
func (l *Log) replay(ops []byte, restore Restore) error {
	return changes(ops, func(c Change) error {
		if c.Op == Spill {
			l.values.adopt(c.Ref)
		}
		return restore(c, l.values.disown)
	})
}

// changes gives f the changes of a batch.
func changes(ops []byte, f func(Change) error) error {
	if Op(ops[0]) < Put {
		return f(Change{Op: Older, Value: ops})
	}
	for len(ops) > 0 {
		c, rest, ok := cut(ops)
		if !ok {
			return fmt.Errorf("%w: an operation %#x", ErrCorrupt, ops[0])
		}
		if err := f(c); err != nil {
			return err
		}
		ops = rest
	}
	return nil
}

// Commit implements Disk.
func (l *Log) Commit(b *Batch) ([]Ref, error) {
	var refs []Ref
	for i, at := range b.spilled {
		ref, err := l.values.add(b.value(i))
		if err != nil {
			for _, ref := range refs {
				l.values.release(ref)
			}
			return nil, err
		}
		putRef(b.ops[at.ref:], ref)
		refs = append(refs, ref)
	}
	if l.journal == nil {
		for _, ref := range b.released {
			l.values.release(ref)
		}
		return refs, nil
	}
	if len(b.ops) > 0 {
		l.journal.Append(b.ops)
	}
	if len(b.released) > 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		behind := l.journal.Mark()
		for _, ref := range b.released {
			l.released = append(l.released, released{behind, ref})
		}
	}
	return refs, nil
}

// Load implements Disk.
func (l *Log) Load(ref Ref, buf []byte) ([]byte, error) { return l.values.get(ref, buf) }

// Mark implements Disk.
func (l *Log) Mark() Mark {
	if l.journal == nil {
		return 0
	}
	return l.journal.Mark()
}

// Sync implements Disk.
func (l *Log) Sync(to Mark) error {
	return l.makeDurable(to, func() error { return l.journal.Sync(to) })
}

// NeedsSnapshot implements Disk: when two thirds of the log are not needed any more.
func (l *Log) NeedsSnapshot(live int64) bool {
	return l.journal != nil && l.journal.Size() > max(l.MinSnapshot, 3*live)
}

// Snapshot implements Disk. It writes the records as they come.
func (l *Log) Snapshot(at Mark, records iter.Seq[Change]) error {
	return l.makeDurable(at, func() error {
		return l.journal.Snapshot(at, func(add func([]byte) error) error {
			var ops []byte
			for c := range records {
				if c.Op == Spill {
					ops = appendSpill(ops[:0], c.Key, c.Ref)
				} else {
					ops = appendChange(ops[:0], c.Op, c.Key, c.Value)
				}
				if err := add(ops); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// makeDurable brings the values to disk, then the log, and gives the room of values back that were
// released before a mark.
func (l *Log) makeDurable(to Mark, log func() error) error {
	if l.journal == nil {
		return nil
	}
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.err == nil {
		l.err = l.values.sync()
	}
	if l.err != nil {
		return l.err
	}
	if err := log(); err != nil {
		return err
	}
	l.free(to)
	return nil
}

// free gives the room of values back that were released before a mark.
func (l *Log) free(to Mark) {
	l.mu.Lock()
	n := 0
	for n < len(l.released) && l.released[n].behind <= to {
		n++
	}
	over := l.released[:n:n]
	l.released = l.released[n:]
	l.mu.Unlock()
	for _, r := range over {
		l.values.release(r.ref)
	}
}

// Size implements Disk: the log and the files of values.
func (l *Log) Size() int64 {
	size := l.values.bytes()
	if l.journal != nil {
		size += l.journal.Size()
	}
	return size
}

// Close implements Disk.
func (l *Log) Close() error {
	err := l.values.close()
	if l.journal != nil {
		err = errors.Join(err, l.journal.Close())
	}
	return err
}

// ReadLog gives f the changes that a directory holds now, in order, and changes nothing, also while a
// process has the directory open. Of spilled values it gives no more than the heads. A change is valid
// until f returns. The errors are those of OpenLog.
func ReadLog(dir string, f func(Change) error) error {
	return journal.Read(dir, func(entry []byte) error { return changes(entry, f) })
}
