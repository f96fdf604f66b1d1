package statedisk

import (
	"errors"
	"fmt"
	"iter"
	"sync"

	"flexbeam/internal/journal"
	"flexbeam/internal/scratch"
)

// minSnapshot is the size of a log that is not worth rewriting, in bytes.
const minSnapshot = 16 << 20

// A Log is a Disk that keeps batches in an append-only log, and spilled values in scratch files besides, from which they are
// loaded. At a start the whole log is read, and its spilled values are written to scratch files once.
type Log struct {
	journal *journal.Journal // nil: nothing outlives the process
	scratch *scratch.Store

	mu       sync.Mutex
	released []released // in the order of their marks
}

// released is a value whose room is given back when Sync covers a mark: until then a snapshot may read it.
type released struct {
	behind Mark
	ref    Ref
}

var _ Disk = (*Log)(nil)

// OpenLog opens a directory, makes it if needed, and gives restore what an earlier process left there. Nothing outlives the
// process for "": spilled values are in the directory for temporary files then. The errors are those of the journal,
// ErrCorrupt, and those of restore.
func OpenLog(dir string, restore Restore) (*Log, Recovery, error) {
	values, err := scratch.Open(dir)
	if err != nil {
		return nil, Recovery{}, err
	}
	l := &Log{scratch: values}
	if dir == "" {
		return l, Recovery{}, nil
	}
	j, recovery, err := journal.Open(dir, func(entry []byte) error { return l.replay(entry, restore) })
	if err != nil {
		return nil, recovery, errors.Join(err, values.Close())
	}
	l.journal = j
	return l, recovery, nil
}

// replay gives restore the changes of a batch.
func (l *Log) replay(ops []byte, restore Restore) error {
	for len(ops) > 0 {
		c, rest, ok := cut(ops)
		if !ok {
			return fmt.Errorf("%w: an operation %q", ErrCorrupt, ops[0])
		}
		if c.Op == Spill {
			var err error
			if c.Ref, err = l.put(c.Value); err != nil {
				return err
			}
		}
		if err := restore(c, l.scratch.Free); err != nil {
			return err
		}
		ops = rest
	}
	return nil
}

func (l *Log) put(value []byte) (Ref, error) {
	ref, err := l.scratch.Put(value)
	if err != nil {
		return Ref{}, fmt.Errorf("statedisk: spill a value: %w", err)
	}
	return ref, nil
}

// Commit implements Disk.
func (l *Log) Commit(b *Batch) ([]Ref, error) {
	var refs []Ref
	for _, at := range b.spilled {
		ref, err := l.put(b.ops[at.from:at.to])
		if err != nil {
			for _, ref := range refs {
				l.scratch.Free(ref)
			}
			return nil, err
		}
		refs = append(refs, ref)
	}
	if l.journal == nil {
		for _, ref := range b.released {
			l.scratch.Free(ref)
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
func (l *Log) Load(ref Ref, buf []byte) ([]byte, error) {
	value, err := l.scratch.Get(ref, buf)
	if err != nil {
		return nil, fmt.Errorf("statedisk: load a value: %w", err)
	}
	return value, nil
}

// Mark implements Disk.
func (l *Log) Mark() Mark {
	if l.journal == nil {
		return 0
	}
	return l.journal.Mark()
}

// Sync implements Disk.
func (l *Log) Sync(to Mark) error {
	if l.journal == nil {
		return nil
	}
	if err := l.journal.Sync(to); err != nil {
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
		l.scratch.Free(r.ref)
	}
}

// NeedsSnapshot implements Disk: when two thirds of the log are not needed any more.
func (l *Log) NeedsSnapshot(live int64) bool {
	return l.journal != nil && l.journal.Size() > max(minSnapshot, 3*live)
}

// Snapshot implements Disk. It writes the records as they come.
func (l *Log) Snapshot(at Mark, records iter.Seq[Change]) error {
	if l.journal == nil {
		return nil
	}
	err := l.journal.Replace(at, func(add func([]byte) error) error {
		var b Batch
		var value []byte
		for c := range records {
			if c.Op == Spill {
				var err error
				if value, err = l.Load(c.Ref, value); err != nil {
					return err
				}
				c.Value = value
			}
			b.Reset()
			b.add(c.Op, c.Key, c.Value)
			if err := add(b.ops); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.free(at)
	return nil
}

// Size implements Disk: the log and the scratch files.
func (l *Log) Size() int64 {
	_, size := l.scratch.Size()
	if l.journal != nil {
		size += l.journal.Size()
	}
	return size
}

// Close implements Disk.
func (l *Log) Close() error {
	err := l.scratch.Close()
	if l.journal != nil {
		err = errors.Join(err, l.journal.Close())
	}
	return err
}
