package snapshot

import (
	"bytes"
	"encoding/binary"
	"os"
	"time"
)

// headerBytes is the size of the three headers at the front of the file: its own, and two that
// checkpoints write in turn.
const headerBytes = 3 * 4096

// A state is what tells whether a file has changed.
type state struct {
	headers [headerBytes]byte
	written time.Time // when it was last written to, as its file system says
	at      time.Time
}

func look(f *os.File) (*state, error) {
	s := &state{at: time.Now()}
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s.written = fi.ModTime()
	if _, err := f.ReadAt(s.headers[:], 0); err != nil {
		return nil, errChanged // it is just being made
	}
	return s, nil
}

// still is how long a file must not have been written to, to be seen as resting: more than a file
// system's clock may hide.
const still = 2 * time.Second

func (s *state) rests() bool { return s.at.Sub(s.written) >= still }

// An entry of the log is its length and its checksum, eight bytes each, then its fields: the first
// is number 100 and says what it is. A transaction ends with a flush. A checkpoint's mark is a
// transaction of its own that holds nothing else.
var (
	flush = []byte{5, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0xfe, 0x7d, 0x72, 0x2f, 0xed, 0x3d, 0x5e, 100, 0, 100, 0xff, 0xff}
	mark  = []byte{100, 0, 99, 101, 0}
)

const (
	entryHead = 16
	markMost  = 64 // bytes of a mark at most
)

// endsInMark tells whether the last transaction in a log is the mark of a checkpoint.
func endsInMark(name string) bool {
	f, err := os.Open(name)
	if err != nil { // no log, no mark
		return false
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return false
	}
	n := min(fi.Size(), int64(entryHead+markMost+len(flush)))
	tail := make([]byte, n)
	if _, err := f.ReadAt(tail, fi.Size()-n); err != nil {
		return false // it has been cut: the copy is looked at again
	}
	tail, found := bytes.CutSuffix(tail, flush)
	if !found {
		return false
	}
	for size := len(mark); size+entryHead <= len(tail); size++ {
		entry := tail[len(tail)-size:]
		head := tail[len(tail)-size-entryHead:]
		if bytes.HasPrefix(entry, mark) && binary.LittleEndian.Uint64(head) == uint64(size) {
			return true
		}
	}
	return false
}
