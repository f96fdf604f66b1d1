// Package snapshot copies a DuckDB file that another process is writing, so that the copy can be
// opened: DuckDB locks the file itself.
//
// # What it promises
//
// The copy is what a crash of the writer would have left at one moment: DuckDB opens it and finds
// every transaction that was committed before the copying began, and of later ones whole
// transactions or nothing.
//
// # Why that holds
//
// DuckDB appends commits to a log beside the file. A large commit first writes row groups into free
// blocks of the file, and its log entry points at them. A checkpoint marks the end of the log,
// writes into free blocks, and into parts of blocks that are in use; then it writes one of the two
// headers at the front of the file, from where its blocks count and the old ones are free; then it
// removes the log, or puts in its place the second log that commits meanwhile went to.
//
// So the log is copied before the file, whose blocks are then as new as the log needs. And the copy
// is only good if no checkpoint was under way: the headers are the same as before, the log is the
// same file and has only grown, and it does not end in a checkpoint's mark. Otherwise the copy is
// made anew. (A process that dies during a checkpoint leaves the mark until the next one commits
// something: a mark counts for nothing where the file has not been written to for a while.)
//
// The process must not have the file open itself: closing a file gives up the locks that the
// process has on it.
package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flexbeam/internal/repeat"
)

// How often a copy is tried, and how long is waited before the second try; then twice as long each
// time, up to the most. A checkpoint may take seconds. Only tests change the times.
const tries = 12

var firstPause, mostPause = 20 * time.Millisecond, 2 * time.Second

// ErrBusy is the error of a file that would not keep still long enough to be copied.
var ErrBusy = errors.New("DuckDB keeps moving its log into the file while it is copied")

// errChanged is why a try has to be made anew.
var errChanged = errors.New("changed while it was copied")

// A Copy is a copy that can be opened. Its log, if there is one, is beside it.
type Copy struct {
	File string
	// What was committed before From is in it, what was committed after To is not.
	From, To time.Time
}

// Take copies a DuckDB file and its logs to another place, and replaces what is there.
func Take(ctx context.Context, file, to string) (Copy, error) {
	return take(ctx, file, to, func(int64) {})
}

// take is Take; between is called when the log is copied, before each part of the file, with what
// is copied of it.
func take(ctx context.Context, file, to string, between func(done int64)) (Copy, error) {
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return Copy{}, err
	}
	begin, pause := time.Now(), firstPause
	for try := 1; ; try++ {
		c, err := once(ctx, real, to, between)
		if err == nil {
			return c, nil
		}
		Remove(to)
		if !errors.Is(err, errChanged) {
			return Copy{}, err
		}
		if try == tries {
			return Copy{}, fmt.Errorf("%w: %d tries in %s", ErrBusy, tries, time.Since(begin).Round(time.Second))
		}
		if repeat.Pause(ctx, pause) != nil {
			return Copy{}, ctx.Err()
		}
		pause = min(2*pause, mostPause)
	}
}

// Remove removes a copy and its logs.
func Remove(file string) {
	for _, suffix := range []string{"", log, secondLog} {
		os.Remove(beside(file, suffix))
	}
}

// The files beside a DuckDB file. The second log takes commits during a checkpoint.
const (
	log       = ".wal"
	secondLog = ".wal.checkpoint"
)

// beside returns DuckDB's name for a file beside another: it takes what is behind a question mark
// for options.
func beside(file, suffix string) string {
	name, rest, found := strings.Cut(file, "?")
	if found {
		rest = "?" + rest
	}
	return name + suffix + rest
}

// once makes one try.
func once(ctx context.Context, from, to string, between func(done int64)) (Copy, error) {
	c := Copy{File: to}
	in, err := os.Open(from)
	if err != nil {
		return c, err
	}
	defer in.Close()
	before, err := look(in)
	if err != nil {
		return c, err
	}
	if !before.rests() && endsInMark(beside(from, log)) {
		return c, errChanged
	}
	Remove(to)
	c.From = time.Now()
	logged, err := copyLog(ctx, from, to, log)
	if err != nil {
		return c, err
	}
	c.To = time.Now()
	if logged != nil { // the second log belongs to the one that was copied, or is not read
		second, err := copyLog(ctx, from, to, secondLog)
		if err != nil {
			return c, err
		}
		if second != nil {
			c.To = time.Now()
		}
	}
	fi, err := in.Stat()
	if err != nil {
		return c, err
	}
	if err := copyFile(ctx, in, to, fi.Size(), between); err != nil {
		return c, err
	}

	after, err := look(in)
	if err != nil {
		return c, err
	}
	now, err := os.Stat(beside(from, log))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return c, err
	case after.headers != before.headers, logged != nil && (now == nil || !os.SameFile(logged, now) || now.Size() < logged.Size()):
		return c, errChanged
	case !(before.rests() && after.written.Equal(before.written)) && endsInMark(beside(from, log)):
		return c, errChanged
	}
	return c, nil
}

// copyLog copies a log as long as it is now, and returns what it was; nil if there is none.
func copyLog(ctx context.Context, from, to, suffix string) (os.FileInfo, error) {
	in, err := os.Open(beside(from, suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return nil, err
	}
	return fi, copyFile(ctx, in, beside(to, suffix), fi.Size(), func(int64) {})
}

// chunk is how much is copied before the context is looked at.
const chunk = 64 << 20

// copyFile copies so many bytes of a file: the headers, then the rest in chunks, by the system
// where it can, which may only share the blocks. It calls between before each part.
func copyFile(ctx context.Context, in *os.File, to string, size int64, between func(done int64)) error {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	part := int64(headerBytes)
	for done := int64(0); done < size; part = chunk {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		between(done)
		n, err := io.CopyN(out, in, min(size-done, part))
		if err == io.EOF { // it has been cut
			return errChanged
		}
		if err != nil {
			return err
		}
		done += n
	}
	return out.Close()
}
