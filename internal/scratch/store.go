package scratch

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"sync"
)

// A Store keeps values in a directory. Its methods may be called from several goroutines.
type Store struct {
	dir         string
	segmentSize int // bytes; only tests change these
	bufferSize  int
	remove      func(name string) error

	put sync.Mutex // held by the one that writes

	mu         sync.RWMutex // of what follows; never held while the disk is waited for
	segments   map[uint32]*segment
	current    *segment // which is not full yet; nil before the first
	buf        []byte   // what comes behind its file
	last       uint32   // number of the newest segment
	usual      int      // how many values the last full segment had
	live, file int64    // bytes
	closed     bool
	err        error // of giving room back
}

// Open returns an empty store that keeps its values in a directory, "" for the system's temporary one. It makes the directory if
// needed. There is no file before the first Put.
func Open(dir string) (*Store, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("scratch: make the directory: %w", err)
	}
	return &Store{dir: dir, segmentSize: 64 << 20, bufferSize: 256 << 10, remove: os.Remove, segments: map[uint32]*segment{}}, nil
}

// Put keeps a copy of a value of up to 1 GiB. After an error, such as that of a full disk, the value is not kept, all earlier ones are, and Put may be
// called again.
func (s *Store) Put(b []byte) (Ref, error) {
	if len(b) > maxValue {
		return Ref{}, fmt.Errorf("scratch: a value has %d bytes, at most %d are kept", len(b), maxValue)
	}
	sum := crc32.Checksum(b, castagnoli)
	s.put.Lock()
	defer s.put.Unlock()
	if s.closed {
		return Ref{}, fmt.Errorf("scratch: put a value: %w", os.ErrClosed)
	}
	if err := s.makeRoom(len(b)); err != nil {
		return Ref{}, err
	}
	if len(b) > s.bufferSize { // the buffer is empty now
		if err := s.write(b); err != nil {
			return Ref{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.current
	offset := g.written + int64(len(s.buf))
	if len(b) > s.bufferSize {
		offset -= int64(len(b))
	} else {
		s.buf = append(s.buf, b...)
	}
	g.values = append(g.values, value{offset: uint32(offset), sum: sum})
	g.live++
	s.live += int64(len(b))
	return Ref{Segment: g.number, Index: uint32(len(g.values) - 1), Length: uint32(len(b))}, nil
}

// makeRoom sees to it that n bytes have room in the current segment, and in the buffer unless they are too many for it.
func (s *Store) makeRoom(n int) error {
	g := s.current
	if g != nil && (int(g.written)+len(s.buf)+n > s.segmentSize || len(g.values) == maxValues) {
		if err := s.flush(); err != nil {
			return err
		}
		s.seal()
	}
	if s.current == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	if len(s.buf)+n > s.bufferSize {
		return s.flush()
	}
	return nil
}

// begin makes the next segment.
func (s *Store) begin() error {
	f, err := os.CreateTemp(s.dir, "flexbeam-scratch-*") // for this user only, and never a file that is there
	if err != nil {
		return fmt.Errorf("scratch: make a file in %s: %w: see that this can be done there, or name another directory", s.dir, err)
	}
	g := &segment{file: f, values: make([]value, 0, s.usual)}
	if s.remove(f.Name()) != nil { // the system does not unlink open files
		g.name = f.Name()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buf == nil {
		s.buf = make([]byte, 0, s.bufferSize)
	}
	s.last++
	g.number = s.last
	s.segments[g.number], s.current = g, g
	return nil
}

// flush writes the buffer.
func (s *Store) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	if err := s.write(s.buf); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = s.buf[:0]
	return nil
}

// write writes bytes behind those in the current segment's file. After an error the next ones take their place.
func (s *Store) write(b []byte) error {
	if _, err := s.current.file.WriteAt(b, s.current.written); err != nil {
		return fmt.Errorf("scratch: keep a value in %s: %w: free room there, or name another directory", s.dir, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.written += int64(len(b))
	s.file += int64(len(b))
	return nil
}

// seal notes that the current segment is full.
func (s *Store) seal() {
	s.mu.Lock()
	g := s.current
	s.current, s.usual = nil, len(g.values)
	over := s.dropIfOver(g)
	s.mu.Unlock()
	if over {
		s.close(g)
	}
}

// dropIfOver takes a segment out, locked, that is full and has no live value.
func (s *Store) dropIfOver(g *segment) bool {
	if g == s.current || g.live > 0 {
		return false
	}
	delete(s.segments, g.number)
	s.file -= g.written
	return true
}

func (s *Store) close(g *segment) {
	if err := g.close(s.remove); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = errors.Join(s.err, fmt.Errorf("scratch: give room back: %w", err))
	}
}

// find returns a live value, locked, and its segment; nil when there is none.
func (s *Store) find(r Ref) (*segment, *value) {
	g := s.segments[r.Segment]
	if g == nil || int(r.Index) >= len(g.values) || g.values[r.Index].offset == freed {
		return nil, nil
	}
	return g, &g.values[r.Index]
}

// Get reads a value into the room of b, or into new room where that is too little. It does not wait for Put to write. A value
// that was freed is ErrFreed; one that is freed meanwhile may be, or come back still.
func (s *Store) Get(r Ref, b []byte) ([]byte, error) {
	b, g, v, err := s.lookUp(r, b)
	if err != nil || g == nil {
		return b, err
	}
	if err := s.read(r, g, v, b); err != nil {
		return nil, err
	}
	return b, nil
}

// read reads a value that was looked up.
func (s *Store) read(r Ref, g *segment, v value, b []byte) error {
	err := g.read(v, b)
	if err == nil {
		return nil
	}
	if _, _, _, gone := s.lookUp(r, nil); gone != nil { // meanwhile
		return gone
	}
	return err
}

// lookUp finds a value. Of one that the buffer holds it copies the bytes; for any other it makes room, and returns where to read.
func (s *Store) lookUp(r Ref, b []byte) ([]byte, *segment, value, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, nil, value{}, fmt.Errorf("scratch: get a value: %w", os.ErrClosed)
	}
	g, v := s.find(r)
	if g == nil {
		return nil, nil, value{}, ErrFreed
	}
	b = slices.Grow(b[:0], r.Len())[:r.Len()]
	if at := int64(v.offset) - g.written; at >= 0 { // behind the file, so in the buffer
		copy(b, s.buf[at:])
		return b, nil, value{}, nil
	}
	return b, g, *v, nil
}

// Free says that a value is not needed any more. To free a value twice is a fault of the program, and panics. After Close, Free
// does nothing.
func (s *Store) Free(r Ref) {
	if g := s.free(r); g != nil {
		s.close(g)
	}
}

// free returns the value's segment if that is over.
func (s *Store) free(r Ref) *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	g, v := s.find(r)
	if g == nil {
		panic(fmt.Sprintf("scratch: free value %d of segment %d: there is no such value, or no longer", r.Index, r.Segment))
	}
	v.offset = freed
	g.live--
	s.live -= int64(r.Length)
	if !s.dropIfOver(g) {
		return nil
	}
	return g
}

// Size returns how many bytes the values have that are not freed, and how many the files.
func (s *Store) Size() (live, file int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.live, s.file
}

// Close forgets all values and gives their room back. It returns what went wrong when room was given back, then or earlier.
func (s *Store) Close() error {
	s.put.Lock()
	defer s.put.Unlock()
	s.mu.Lock()
	all := s.segments
	s.segments, s.current, s.buf, s.live, s.file, s.closed = nil, nil, nil, 0, 0, true
	s.mu.Unlock()
	for _, g := range all {
		s.close(g)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.err
}
