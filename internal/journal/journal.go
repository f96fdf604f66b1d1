package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"flexbeam/internal/filelock"
)

// A Journal is an open directory. Its methods may be called from several goroutines.
type Journal struct {
	dir   string
	lock  *os.File
	place filelock.Place // of the lock

	mu      sync.Mutex
	pending []byte // frames that were appended and are in no file yet
	first   Mark   // the mark of the first pending byte

	disk sync.Mutex // held while a file is written
	file *os.File
	err  error // of the file: nothing can be kept any more

	size atomic.Int64 // of the file
}

// A Mark is a place in the log: what was appended before it.
type Mark int64

// A Recovery says what Open found.
type Recovery struct {
	Entries int64 // that came back
	Torn    int64 // bytes that were cut off behind them, 0 for a file that is whole
}

// Open opens a directory, makes it if needed, and calls replay with every entry in order; an entry
// is valid until replay returns.
func Open(dir string, replay func(entry []byte) error) (*Journal, Recovery, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, Recovery{}, fmt.Errorf("make the directory: %w", withAdvice(err))
	}
	l, err := lock(dir)
	if err != nil {
		return nil, Recovery{}, err
	}
	j := &Journal{dir: dir, lock: l}
	var r Recovery
	if j.place, err = filelock.PlaceOf(l.Name()); err == nil {
		r, err = j.open(replay)
	}
	if err != nil {
		if j.file != nil {
			j.file.Close()
		}
		l.Close()
		return nil, r, err
	}
	return j, r, nil
}

func (j *Journal) open(replay func([]byte) error) (r Recovery, err error) {
	if err := os.Remove(filepath.Join(j.dir, newName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return r, fmt.Errorf("remove an unfinished snapshot: %w", err)
	}
	path := filepath.Join(j.dir, fileName)
	j.file, err = os.OpenFile(path, os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return r, j.replace(func(func([]byte) error) error { return nil })
	}
	if err != nil {
		return r, fmt.Errorf("open: %w", err)
	}
	size, err := read(j.file, path, &r, replay)
	if err != nil {
		return r, err
	}
	st, err := j.file.Stat()
	if err != nil {
		return r, err
	}
	if r.Torn = st.Size() - size; r.Torn > 0 {
		if err := j.file.Truncate(size); err != nil {
			return r, fmt.Errorf("cut off the torn end of %s: %w", path, err)
		}
	}
	if _, err := j.file.Seek(size, io.SeekStart); err != nil {
		return r, err
	}
	j.size.Store(size)
	return r, nil
}

// read calls replay with every entry of a file, and returns how many bytes of it are whole.
func read(file io.Reader, path string, r *Recovery, replay func([]byte) error) (size int64, err error) {
	in := bufio.NewReaderSize(file, 1<<20)
	head := make([]byte, len(header))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != header {
		return 0, fmt.Errorf("%w: %s does not begin as this version writes it: name another directory", ErrForeign, path)
	}
	size = int64(len(header))
	whole := false // the snapshot
	var entry []byte
	for {
		entry, err = readFrame(in, entry)
		if err == io.EOF || err == errTorn {
			break
		}
		if err != nil {
			return size, fmt.Errorf("read %s: %w", path, err)
		}
		size += frameHead + int64(len(entry))
		if len(entry) == 0 {
			whole = true
			continue
		}
		if err := replay(entry); err != nil {
			return size, fmt.Errorf("entry before byte %d of %s: %w", size, path, err)
		}
		r.Entries++
	}
	if !whole {
		return size, fmt.Errorf("%w at byte %d of %s: put back a copy of the directory; without one, remove it and read the stream from its start", ErrDamaged, size, path)
	}
	return size, nil
}

// Read calls replay with every entry of a directory as it is now, and changes nothing, also while a
// process has the directory open. A directory without a file has no entries. The end of the file may
// be torn.
func Read(dir string, replay func(entry []byte) error) error {
	path := filepath.Join(dir, fileName)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer file.Close()
	var r Recovery
	_, err = read(file, path, &r, replay)
	return err
}

// Holder returns the number of the process that has a directory open, "?" if the directory does not
// tell; empty if none has.
func Holder(dir string) string {
	path := filepath.Join(dir, lockName)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	f, err := filelock.Take(path, 0o600)
	if err == nil {
		f.Close()
		return ""
	}
	owner, _ := os.ReadFile(path)
	if text := strings.TrimSpace(string(owner)); errors.Is(err, filelock.ErrTaken) && text != "" {
		return text
	}
	return "?"
}

// Append adds an entry, which must not be empty, to the log. It is kept in memory until Sync covers it.
func (j *Journal) Append(entry []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = appendFrame(j.pending, entry)
}

// Mark returns the end of the log as it is now.
func (j *Journal) Mark() Mark {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first + Mark(len(j.pending))
}

// Sync writes what was appended before a mark and returns when it is on disk. Its error wraps
// filelock.ErrGone if the directory is not there any more.
func (j *Journal) Sync(to Mark) error {
	j.disk.Lock()
	defer j.disk.Unlock()
	if err := j.there(); err != nil {
		return err
	}
	b := j.cutPending(to)
	if len(b) == 0 {
		return nil
	}
	_, err := j.file.Write(b)
	if err == nil {
		err = datasync(j.file)
	}
	if err != nil {
		j.err = withAdvice(err)
		return j.err
	}
	j.size.Add(int64(len(b)))
	return nil
}

// there returns the error that keeps anything from being kept. The caller holds disk.
func (j *Journal) there() error {
	if j.err == nil {
		if err := j.place.Check("the directory " + j.dir); err != nil {
			j.err = fmt.Errorf("%w: what it held is lost: run the same command again, which begins as without a state", err)
		}
	}
	return j.err
}

// cutPending cuts off the pending frames before a mark.
func (j *Journal) cutPending(to Mark) []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := int(to - j.first)
	if n <= 0 {
		return nil
	}
	b := j.pending[:n:n]
	j.pending = append([]byte(nil), j.pending[n:]...)
	j.first = to
	return b
}

// covers tells whether everything before a mark is all that the file holds, and maybe more to come.
func (j *Journal) covers(at Mark) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return at >= j.first
}

// Size returns the size of the file in bytes. Until a snapshot has taken its place, that is the old
// file.
func (j *Journal) Size() int64 { return j.size.Load() }

// Close gives the directory back. What no Sync covered is forgotten.
func (j *Journal) Close() error {
	j.disk.Lock()
	defer j.disk.Unlock()
	err := j.file.Close()
	if j.err == nil {
		j.err = os.ErrClosed
	}
	return errors.Join(err, j.lock.Close())
}
