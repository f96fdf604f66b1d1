package local

import (
	"fmt"

	"flexbeam/internal/journal"
	"flexbeam/internal/statedisk"
	"flexbeam/transforms/keyed"
)

// A Peeked is what a state directory says of itself.
type Peeked struct {
	Owner     Sink              // zero: nothing was kept yet, or an earlier version kept it
	Positions map[string][]byte // of sources, by record.Key
	Holder    string            // number of the process that has the directory open; empty: none has
}

// Peek reads what a directory says of itself, and changes nothing, also while a job runs with it. The
// errors are those of Open, but for ErrSink.
func Peek(dir string) (Peeked, error) {
	s := &Store{positions: map[string][]byte{}}
	err := statedisk.ReadLog(dir, func(c statedisk.Change) error {
		if c.Op != statedisk.Put && c.Op != statedisk.Delete {
			return nil
		}
		if len(c.Key) == 0 {
			return fmt.Errorf("a record without a key: %w", keyed.ErrCorrupt)
		}
		switch c.Key[0] {
		case recordLayout, recordOwner, recordPosition:
			return s.restore(c, nil)
		}
		return nil
	})
	return Peeked{Owner: s.owner, Positions: s.positions, Holder: journal.Holder(dir)}, err
}
