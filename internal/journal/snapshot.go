package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Snapshot puts a snapshot in the place of everything that was appended before a mark. entries
// calls add with each entry of the snapshot, which must not be empty and is written at once, and
// returns the first error, its own or add's. It may call Append, Mark and Size, and nothing else of
// the journal. It is ErrMark when a Sync has covered more than the mark, which would be lost.
//
// When the snapshot cannot be written, the journal stays as it was: the next Sync or Snapshot
// covers what this one would have. When it cannot take the file's place, nobody can tell which of
// the two a crash would leave: like an error of Sync, this is the error of everything from then on.
func (j *Journal) Snapshot(at Mark, entries func(add func(entry []byte) error) error) error {
	j.disk.Lock()
	defer j.disk.Unlock()
	if err := j.there(); err != nil {
		return err
	}
	if !j.covers(at) {
		return ErrMark
	}
	if err := j.replace(entries); err != nil {
		return err
	}
	j.cutPending(at) // only now: until the new file holds, a Sync must still write what the snapshot stands for
	return nil
}

// replace writes a new file and renames it over the old one.
func (j *Journal) replace(entries func(add func([]byte) error) error) error {
	f, size, err := j.write(entries)
	if err != nil {
		return fmt.Errorf("write a snapshot: %w", withAdvice(err))
	}
	if err := j.install(f); err != nil {
		f.Close()
		j.err = fmt.Errorf("put a snapshot in the file's place: %w", err)
		return j.err
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file = f
	j.size.Store(size)
	return nil
}

// write writes a snapshot beside the file, and brings it to disk. Where that fails, nothing is left
// of it.
func (j *Journal) write(entries func(add func([]byte) error) error) (f *os.File, size int64, err error) {
	path := filepath.Join(j.dir, newName)
	f, err = os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, 0, err
	}
	w := snapshot{out: bufio.NewWriterSize(f, 1<<20)}
	if err = w.write(entries); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, w.size, nil
}

// install renames a new file over the old one.
func (j *Journal) install(f *os.File) error {
	if err := os.Rename(f.Name(), filepath.Join(j.dir, fileName)); err != nil {
		return err
	}
	return syncDir(j.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// A snapshot is written as its entries come, so that it needs no memory of its size.
type snapshot struct {
	out  *bufio.Writer
	head [frameHead]byte
	size int64
}

// write writes a whole file.
func (s *snapshot) write(entries func(add func([]byte) error) error) error {
	n, err := s.out.WriteString(header)
	s.size = int64(n)
	if err == nil {
		err = entries(s.add)
	}
	if err == nil {
		err = s.add(endOfSnapshot)
	}
	if err == nil {
		err = s.out.Flush()
	}
	return err
}

// add writes the frame of an entry.
func (s *snapshot) add(entry []byte) error {
	putHead(s.head[:], entry)
	s.size += frameHead + int64(len(entry))
	if _, err := s.out.Write(s.head[:]); err != nil {
		return err
	}
	_, err := s.out.Write(entry)
	return err
}
