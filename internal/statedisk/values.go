package statedisk

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"flexbeam/internal/tempdir"
)

const (
	maxValue   = 1 << 30 // bytes
	sumLength  = 4       // of the CRC-32C behind each value
	valuesName = "values-%08d"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// values keeps spilled values one behind the other in segments, files that are removed when their
// last value is let go of. That suits values that are written once and let go of in about the order
// in which they were written: nothing is ever moved, and one value that stays keeps its whole
// segment.
//
// Which values there are is not in the files. Whoever has Refs that outlive the process adopts them
// before anything is put; files that have no value then are removed. Each process begins a segment
// of its own, so whatever a crash left at the end of another does no harm.
type values struct {
	dir         string
	nameless    bool // a file is unlinked as soon as it is open: nothing outlives the process
	segmentSize int  // bytes; only tests change these
	bufferSize  int

	put sync.Mutex // held by the one that writes

	mu        sync.RWMutex // of what follows; never held while the disk is waited for
	segments  map[uint32]*segment
	current   *segment   // which is not full yet; nil before the first
	buf       []byte     // what comes behind its file
	unsynced  []*segment // what was written to them since the last sync may not be on disk
	last      uint32     // number of the newest segment
	size      int64      // bytes of all segments
	removeErr error      // of the first segment that could not be removed
}

// A segment is a file of values.
type segment struct {
	number  uint32
	file    *os.File
	live    int   // values that are not let go of
	written int64 // bytes in the file
}

// openValues returns the values in a directory, which is made if needed. Nameless ones are in the
// directory for temporary files for "".
func openValues(dir string, nameless bool) (*values, error) {
	v := &values{dir: dir, nameless: nameless, segmentSize: 64 << 20, bufferSize: 256 << 10, segments: map[uint32]*segment{}}
	if nameless && dir == "" {
		v.dir = os.TempDir()
		if err := tempdir.Check(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory: %w", err)
	}
	return v, nil
}

func (v *values) path(number uint32) string {
	return filepath.Join(v.dir, fmt.Sprintf(valuesName, number))
}

// adopt takes a value over that an earlier process put. It may be gone, if it is disowned later.
func (v *values) adopt(r Ref) {
	g := v.segments[r.Segment]
	if g == nil {
		g = &segment{number: r.Segment}
		v.segments[r.Segment] = g
		v.last = max(v.last, r.Segment)
	}
	g.written = max(g.written, int64(r.Offset)+int64(r.Length)+sumLength)
	g.live++
}

// disown lets go of a value that was adopted.
func (v *values) disown(r Ref) { v.segments[r.Segment].live-- }

// adopted opens the files whose values were adopted, and removes all others.
func (v *values) adopted() error {
	for number, g := range v.segments {
		if g.live == 0 {
			delete(v.segments, number)
		} else if err := v.open(g); err != nil {
			return err
		}
	}
	files, err := os.ReadDir(v.dir)
	if err != nil {
		return fmt.Errorf("files of state: %w", err)
	}
	for _, f := range files {
		var number uint32
		if _, err := fmt.Sscanf(f.Name(), valuesName, &number); err != nil || v.path(number) != filepath.Join(v.dir, f.Name()) {
			continue // not ours
		}
		v.last = max(v.last, number)
		if v.segments[number] != nil {
			continue
		}
		if err := os.Remove(v.path(number)); err != nil {
			return fmt.Errorf("remove what is left of values: %w", err)
		}
	}
	return nil
}

// open opens the file of a segment, which must be as long as its values need.
func (v *values) open(g *segment) (err error) {
	if g.file, err = os.Open(v.path(g.number)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is not there: %s", ErrDamaged, v.path(g.number), afterDamage)
	}
	if err != nil {
		return fmt.Errorf("files of state: %w", err)
	}
	st, err := g.file.Stat()
	if err != nil {
		return fmt.Errorf("files of state: %w", err)
	}
	if st.Size() < g.written {
		return fmt.Errorf("%w: %s has %d bytes, its values end at byte %d: %s", ErrDamaged, g.file.Name(), st.Size(), g.written, afterDamage)
	}
	g.written = st.Size()
	v.size += g.written
	return nil
}

// afterDamage says what to do.
const afterDamage = "put back a copy of the directory; without one, remove it and read the stream from its start"

// add keeps a copy of a value. After an error the value is not kept, and all earlier ones are.
func (v *values) add(b []byte) (Ref, error) {
	if len(b) > maxValue {
		return Ref{}, fmt.Errorf("a value has %d bytes, at most %d are kept", len(b), maxValue)
	}
	sum := crc32.Checksum(b, castagnoli)
	v.put.Lock()
	defer v.put.Unlock()
	if err := v.makeRoom(len(b) + sumLength); err != nil {
		return Ref{}, err
	}
	v.mu.Lock()
	g := v.current
	r := Ref{Segment: g.number, Offset: uint32(g.written) + uint32(len(v.buf)), Length: uint32(len(b))}
	v.buf = append(v.buf, b...)
	v.buf = append(v.buf, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
	g.live++
	v.mu.Unlock()
	if len(v.buf) > v.bufferSize { // one that is larger than the buffer goes to the file at once
		if err := v.flush(); err != nil {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.buf, g.live = v.buf[:0], g.live-1
			return Ref{}, err
		}
	}
	return r, nil
}

// makeRoom sees to it that n bytes have room in the current segment, and in the buffer unless they
// are too many for it. put is held.
func (v *values) makeRoom(n int) error {
	if g := v.current; g != nil && int(g.written)+len(v.buf)+n > v.segmentSize {
		if err := v.flush(); err != nil {
			return err
		}
		v.mu.Lock()
		v.current = nil
		v.mu.Unlock()
		v.removeIfOver(g)
	}
	if v.current == nil {
		if err := v.begin(); err != nil {
			return err
		}
	}
	if len(v.buf)+n > v.bufferSize {
		return v.flush()
	}
	return nil
}

// begin makes the next segment. put is held.
func (v *values) begin() (err error) {
	g := &segment{number: v.last + 1}
	if v.nameless {
		if g.file, err = os.CreateTemp(v.dir, "flexbeam-values-*"); err == nil {
			err = os.Remove(g.file.Name())
		}
	} else if g.file, err = os.OpenFile(v.path(g.number), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err == nil {
		err = syncDir(v.dir)
	}
	if err != nil {
		return fmt.Errorf("make a file in %s: %w: see that this can be done there, or name another directory", v.dir, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last, v.current, v.segments[g.number] = g.number, g, g
	return nil
}

// flush writes the buffer behind what is in the current segment's file. After an error the buffer
// stays. put is held.
func (v *values) flush() error {
	g := v.current
	if len(v.buf) == 0 {
		return nil
	}
	if _, err := g.file.WriteAt(v.buf, g.written); err != nil {
		return fmt.Errorf("spill a value to %s: %w: make room there, or name another directory", v.dir, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	g.written += int64(len(v.buf))
	v.size += int64(len(v.buf))
	if v.buf = v.buf[:0]; cap(v.buf) > 2*v.bufferSize { // a large value was in it
		v.buf = nil
	}
	if !v.nameless && !slices.Contains(v.unsynced, g) {
		v.unsynced = append(v.unsynced, g)
	}
	return nil
}

// sync returns when all values are on disk.
func (v *values) sync() error {
	v.put.Lock()
	defer v.put.Unlock()
	if err := v.flush(); err != nil {
		return err
	}
	v.mu.Lock()
	unsynced := v.unsynced
	v.unsynced = nil
	v.mu.Unlock()
	for _, g := range unsynced {
		if err := g.file.Sync(); err != nil {
			return fmt.Errorf("files of state: %w", err)
		}
	}
	return nil
}

// get reads a value into the room of b, or into new room.
func (v *values) get(r Ref, b []byte) ([]byte, error) {
	n := int(r.Length)
	v.mu.RLock()
	g := v.segments[r.Segment]
	if g == nil {
		v.mu.RUnlock()
		return nil, fmt.Errorf("load a value: %w", ErrReleased)
	}
	b = slices.Grow(b[:0], n+sumLength)[:n+sumLength]
	at := int64(r.Offset) - g.written
	if at >= 0 { // behind the file, so in the buffer
		copy(b, v.buf[at:])
	}
	v.mu.RUnlock()
	if at < 0 {
		switch _, err := g.file.ReadAt(b, int64(r.Offset)); {
		case errors.Is(err, os.ErrClosed):
			return nil, fmt.Errorf("load a value: %w", ErrReleased)
		case err != nil && err != io.EOF:
			return nil, fmt.Errorf("load a value: %w", err)
		}
	}
	sum := b[n:]
	if crc32.Checksum(b[:n], castagnoli) != uint32(sum[0])|uint32(sum[1])<<8|uint32(sum[2])<<16|uint32(sum[3])<<24 {
		return nil, fmt.Errorf("%w: a value of %d bytes at byte %d of %s", ErrDamaged, n, r.Offset, g.file.Name())
	}
	return b[:n], nil
}

// release lets go of a value. To let go of one twice is a fault of the program, and panics where
// that is seen.
func (v *values) release(r Ref) {
	v.mu.Lock()
	g := v.segments[r.Segment]
	if g == nil || g.live == 0 {
		v.mu.Unlock()
		panic(fmt.Sprintf("statedisk: release a value of segment %d, which has none", r.Segment))
	}
	g.live--
	v.mu.Unlock()
	v.removeIfOver(g)
}

// removeIfOver removes a segment that is full and has no value.
func (v *values) removeIfOver(g *segment) {
	v.mu.Lock()
	if g == v.current || g.live > 0 || v.segments[g.number] != g {
		v.mu.Unlock()
		return
	}
	delete(v.segments, g.number)
	v.unsynced = slices.DeleteFunc(v.unsynced, func(u *segment) bool { return u == g })
	v.size -= g.written
	v.mu.Unlock()
	err := g.file.Close()
	if !v.nameless {
		err = errors.Join(err, os.Remove(g.file.Name()))
	}
	if err != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.removeErr == nil {
			v.removeErr = fmt.Errorf("give room back: %w", err)
		}
	}
}

// bytes returns how many bytes the files have.
func (v *values) bytes() int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.size
}

// close closes the files. It returns what went wrong when room was given back, then or earlier.
func (v *values) close() error {
	v.put.Lock()
	defer v.put.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.removeErr
	for _, g := range v.segments {
		if g.file != nil { // else the start has failed
			err = errors.Join(err, g.file.Close())
		}
	}
	v.segments, v.current, v.buf, v.size = nil, nil, nil, 0
	return err
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
