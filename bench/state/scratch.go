package main

import (
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"sync"

	"flexbeam/internal/journal"
	"flexbeam/internal/scratch"
	"flexbeam/internal/statedisk"
)

// A scratchDisk is a log of batches with the spilled values in them, and scratch files besides,
// from which the values are loaded. At a start, and for a snapshot, all values are copied. It is
// what ADR 10 decided.
type scratchDisk struct {
	journal *journal.Journal
	scratch *scratch.Store

	mu       sync.Mutex
	released []releasedValue
}

type releasedValue struct {
	behind statedisk.Mark
	ref    scratch.Ref
}

func openScratch(dir string, restore statedisk.Restore) (statedisk.Disk, error) {
	s, err := scratch.Open(dir)
	if err != nil {
		return nil, err
	}
	d := &scratchDisk{scratch: s}
	release := func(r statedisk.Ref) { s.Free(inScratch(r)) }
	d.journal, _, err = journal.Open(dir, func(entry []byte) error {
		for len(entry) > 0 {
			c := statedisk.Change{Op: statedisk.Op(entry[0])}
			c.Key, entry = nextBytes(entry[1:])
			c.Value, entry = nextBytes(entry)
			if c.Op == statedisk.Spill {
				r, err := s.Put(c.Value)
				if err != nil {
					return err
				}
				c.Ref = ofScratch(r)
			}
			if err := restore(c, release); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return d, nil
}

func ofScratch(r scratch.Ref) statedisk.Ref {
	return statedisk.Ref{Segment: r.Segment, Offset: r.Index, Length: r.Length}
}
func inScratch(r statedisk.Ref) scratch.Ref {
	return scratch.Ref{Segment: r.Segment, Index: r.Offset, Length: r.Length}
}

func nextBytes(b []byte) (p, rest []byte) {
	n, w := binary.Uvarint(b)
	return b[w : w+int(n)], b[w+int(n):]
}

func appendEntry(b []byte, c statedisk.Change) []byte {
	b = binary.AppendUvarint(append(b, byte(c.Op)), uint64(len(c.Key)))
	b = binary.AppendUvarint(append(b, c.Key...), uint64(len(c.Value)))
	return append(b, c.Value...)
}

// Commit implements statedisk.Disk.
func (d *scratchDisk) Commit(b *statedisk.Batch) (refs []statedisk.Ref, err error) {
	var entry []byte
	for c := range b.Changes() {
		if c.Op == statedisk.Spill {
			r, err := d.scratch.Put(c.Value)
			if err != nil {
				return nil, err
			}
			refs = append(refs, ofScratch(r))
		}
		entry = slices.Grow(entry, len(c.Key)+len(c.Value)+10)
		entry = appendEntry(entry, c)
	}
	if len(entry) > 0 {
		d.journal.Append(entry)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range b.Released() {
		d.released = append(d.released, releasedValue{d.journal.Mark(), inScratch(r)})
	}
	return refs, nil
}

// Load implements statedisk.Disk.
func (d *scratchDisk) Load(r statedisk.Ref, buf []byte) ([]byte, error) {
	return d.scratch.Get(inScratch(r), buf)
}

// Mark implements statedisk.Disk.
func (d *scratchDisk) Mark() statedisk.Mark { return d.journal.Mark() }

// Sync implements statedisk.Disk.
func (d *scratchDisk) Sync(to statedisk.Mark) error {
	err := d.journal.Sync(to)
	if err == nil {
		d.free(to)
	}
	return err
}

func (d *scratchDisk) free(to statedisk.Mark) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.released) > 0 && d.released[0].behind <= to {
		d.scratch.Free(d.released[0].ref)
		d.released = d.released[1:]
	}
}

// NeedsSnapshot implements statedisk.Disk. The log has the values, too.
func (d *scratchDisk) NeedsSnapshot(live int64) bool {
	return d.journal.Size() > max(16<<20, 3*(live+d.spilled()))
}

// spilled is how many bytes the values have that a snapshot writes.
func (d *scratchDisk) spilled() int64 {
	live, _ := d.scratch.Size()
	return live
}

// Snapshot implements statedisk.Disk.
func (d *scratchDisk) Snapshot(at statedisk.Mark, records iter.Seq[statedisk.Change]) error {
	err := d.journal.Replace(at, func(add func([]byte) error) error {
		var entry, value []byte
		for c := range records {
			if c.Op == statedisk.Spill {
				var err error
				if value, err = d.Load(c.Ref, value); err != nil {
					return err
				}
				c.Value = value
			}
			entry = appendEntry(entry[:0], c)
			if err := add(entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		d.free(at)
	}
	return err
}

// Size implements statedisk.Disk.
func (d *scratchDisk) Size() int64 {
	_, size := d.scratch.Size()
	return size + d.journal.Size()
}

// Close implements statedisk.Disk.
func (d *scratchDisk) Close() error { return errors.Join(d.scratch.Close(), d.journal.Close()) }
