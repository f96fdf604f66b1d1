package beamstate

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/cespare/xxhash/v2"

	"flexbeam/internal/wire"
	"flexbeam/transforms/keyed"
)

// form is that of an encoded cell.
const form = 1

// A cell is what the state cell of a key holds: the state, and which process wrote it as the how
// manieth of its states. A cell that was never written has no process.
type cell struct {
	process, number uint64
	state           *keyed.State
}

// append appends the encoding of a cell.
func (c cell) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(append(b, form), c.process)
	return c.state.Append(binary.AppendUvarint(b, c.number))
}

// readCell reads what append wrote. Errors wrap keyed.ErrCorrupt.
func readCell(b []byte) (c cell, err error) {
	if len(b) == 0 {
		c.state = keyed.NewState()
		return c, nil
	}
	if b[0] != form {
		return c, corrupt(wire.FormError("the state of a key", b[0], form))
	}
	if b = b[1:]; len(b) < 8 {
		return c, corrupt(wire.ErrCut)
	}
	c.process, b = binary.BigEndian.Uint64(b), b[8:]
	number, n := binary.Uvarint(b)
	if n <= 0 || n == len(b) {
		return c, corrupt(wire.ErrCut)
	}
	c.number = number
	c.state, err = keyed.ReadState(b[n:])
	return c, err
}

// written is what a process knows of the states that it wrote, so that it tells those apart that a
// runner has restored since: behind such a state rows may have been emitted that it does not tell of,
// and that nothing else would delete. All transforms of a kind in a process share one.
type written struct {
	process uint64 // tells this process from others

	mu     sync.Mutex
	count  uint64
	last   map[uint64]uint64   // by the hash of a key: the number of the state that was written last
	behind map[uint64]struct{} // keys whose rows the sink has to tell, since their state was restored
}

// mostWritten is of how many keys a process remembers what it wrote last: some 40 bytes for each.
// When there are more it forgets them all, and the rows of each are looked up once more.
const mostWritten = 1 << 21

func newWritten() *written {
	w := &written{last: map[uint64]uint64{}, behind: map[uint64]struct{}{}}
	for w.process == 0 {
		w.process = rand.Uint64()
	}
	return w
}

// read notes what the cell of a key holds, and tells whether the state is behind: another process
// wrote it, or this one has written over it, and the rows of the key were not looked up since. It
// disowns the rows of such a state.
func (w *written) read(key string, c cell) (behind bool) {
	h := xxhash.Sum64String(key)
	w.mu.Lock()
	defer w.mu.Unlock()
	last, known := w.last[h]
	restored := true
	switch c.process {
	case 0:
		restored = known
	case w.process:
		restored = !known || last != c.number
	}
	if restored {
		w.behind[h] = struct{}{}
		delete(w.last, h)
	}
	if _, behind = w.behind[h]; behind && !c.state.Tombstone {
		c.state.Disown()
	}
	return behind
}

// StateIn returns the state in an encoded cell. Errors wrap keyed.ErrCorrupt.
func StateIn(encoded []byte) (*keyed.State, error) {
	c, err := readCell(encoded)
	return c.state, err
}

func corrupt(err error) error { return fmt.Errorf("%w: %w", keyed.ErrCorrupt, err) }

// found notes that the rows of a key were looked up.
func (w *written) found(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.behind, xxhash.Sum64String(key))
}

// write returns the cell of a key with a new state.
func (w *written) write(key string, s *keyed.State) cell {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.last) >= mostWritten {
		clear(w.last)
	}
	w.count++
	w.last[xxhash.Sum64String(key)] = w.count
	return cell{w.process, w.count, s}
}

// clear notes that the cell of a key was cleared.
func (w *written) clear(key string) {
	h := xxhash.Sum64String(key)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, h)
	delete(w.behind, h)
}
