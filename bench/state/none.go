package main

import (
	"iter"

	"flexbeam/internal/statedisk"
)

// none is a Disk that keeps nothing, to tell what the caller itself takes.
type none struct{ value []byte }

func openNone(string, statedisk.Restore) (statedisk.Disk, error) {
	return none{make([]byte, spilledLength)}, nil
}

func (none) Commit(b *statedisk.Batch) (refs []statedisk.Ref, _ error) {
	for c := range b.Changes() {
		if c.Op == statedisk.Spill {
			refs = append(refs, statedisk.Ref{Length: uint32(len(c.Value))})
		}
	}
	return refs, nil
}

func (n none) Load(statedisk.Ref, []byte) ([]byte, error)              { return n.value, nil }
func (none) Mark() statedisk.Mark                                      { return 0 }
func (none) Sync(statedisk.Mark) error                                 { return nil }
func (none) NeedsSnapshot(int64) bool                                  { return false }
func (none) Snapshot(statedisk.Mark, iter.Seq[statedisk.Change]) error { return nil }
func (none) Size() int64                                               { return 0 }
func (none) Close() error                                              { return nil }
