package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

const (
	lockName = "lock"
	fileName = "state"
	newName  = "state.new"

	// header begins every file; its last byte is the version of the form.
	header = "flexbeam state\n\x01"

	frameHead = 8
	maxEntry  = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// endOfSnapshot is the entry behind the last one of a snapshot. Entries are never empty, so none
// looks like it.
var endOfSnapshot = []byte{}

// putHead writes what stands before an entry in its frame.
func putHead(head, entry []byte) {
	binary.LittleEndian.PutUint32(head, uint32(len(entry)))
	sum := crc32.Update(crc32.Checksum(head[:4], castagnoli), castagnoli, entry)
	binary.LittleEndian.PutUint32(head[4:], sum)
}

// appendFrame appends the frame of an entry.
func appendFrame(b, entry []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, frameHead)...)
	putHead(b[at:], entry)
	return append(b, entry...)
}

// errTorn says that a frame is not whole, or not as it was written.
var errTorn = errors.New("torn frame")

// readFrame reads the next frame; io.EOF where the file ends between two frames.
func readFrame(r *bufio.Reader, entry []byte) ([]byte, error) {
	var head [frameHead]byte
	switch _, err := io.ReadFull(r, head[:]); {
	case err == io.EOF:
		return nil, io.EOF
	case err == io.ErrUnexpectedEOF:
		return nil, errTorn
	case err != nil:
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > maxEntry {
		return nil, errTorn
	}
	entry, err := readN(r, entry[:0], n)
	if err != nil {
		return nil, err
	}
	sum := crc32.Update(crc32.Checksum(head[:4], castagnoli), castagnoli, entry)
	if sum != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errTorn
	}
	return entry, nil
}

// readN reads n bytes, a piece at a time: a length that is wrong must not take its memory at once.
func readN(r io.Reader, b []byte, n int64) ([]byte, error) {
	const piece = 1 << 20
	for n > 0 {
		k := int(min(n, piece))
		at := len(b)
		b = append(b, make([]byte, k)...)
		switch _, err := io.ReadFull(r, b[at:]); {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil, errTorn
		case err != nil:
			return nil, err
		}
		n -= int64(k)
	}
	return b, nil
}
