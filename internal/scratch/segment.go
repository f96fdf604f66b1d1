package scratch

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
)

const (
	maxValue  = 1 << 30 // bytes
	maxValues = 1 << 20 // of a segment
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A segment is a file of values.
type segment struct {
	number  uint32
	file    *os.File
	name    string // "" once the file has none
	values  []value
	live    int   // values that are not freed
	written int64 // bytes in the file
}

// A value is what is known of one in memory.
type value struct {
	offset uint32 // in the segment, or freed
	sum    uint32 // CRC-32C
}

const freed = math.MaxUint32

// read reads a value from the file.
func (g *segment) read(v value, b []byte) error {
	_, err := g.file.ReadAt(b, int64(v.offset))
	switch {
	case err == io.EOF || err == nil && crc32.Checksum(b, castagnoli) != v.sum:
		return fmt.Errorf("%w: %d bytes from byte %d on of %s", ErrDamaged, len(b), v.offset, g.file.Name())
	case err != nil:
		return fmt.Errorf("scratch: %w", err)
	}
	return nil
}

// close gives the room back.
func (g *segment) close(remove func(string) error) error {
	err := g.file.Close()
	if g.name != "" {
		err = errors.Join(err, remove(g.name))
	}
	return err
}
