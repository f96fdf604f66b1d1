package taskrouter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// A keeper keeps the windows that were read as files of a folder, one each: events on lines, packed
// with zstd, which a source of files can read, too. A file is whole or not there. A nil keeper keeps
// nothing.
type keeper struct {
	dir    string
	prefix string // of the names of the files: those of one workspace
}

const suffix = ".ndjson.zst"

// newKeeper makes the folder if need be.
func newKeeper(dir, account, workspace string) (*keeper, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep=%s: %w", dir, err)
	}
	return &keeper{dir, "taskrouter-" + account + "-" + workspace + "-"}, nil
}

// name is the file of a window.
func (k *keeper) name(w window) string {
	return filepath.Join(k.dir, fmt.Sprintf("%s%d-%d%s", k.prefix, w.from, w.to, suffix))
}

// list returns the windows that are kept and lie within one, such that none of them lies within
// another.
func (k *keeper) list(within window) ([]window, error) {
	if k == nil {
		return nil, nil
	}
	files, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, fmt.Errorf("keep=%s: %w", k.dir, err)
	}
	var all []window
	for _, f := range files {
		text, ok := strings.CutPrefix(f.Name(), k.prefix)
		text, packed := strings.CutSuffix(text, suffix)
		from, to, two := strings.Cut(text, "-")
		a, err := strconv.ParseInt(from, 10, 64)
		b, err2 := strconv.ParseInt(to, 10, 64)
		w := window{a, b}
		if ok && packed && two && err == nil && err2 == nil && a < b && within.from <= a && b <= within.to {
			all = append(all, w)
		}
	}
	return maximal(all), nil
}

// maximal leaves out windows that lie within others.
func maximal(all []window) []window {
	var kept []window
	for i, w := range all {
		inside := false
		for j, o := range all {
			inside = inside || i != j && o.from <= w.from && w.to <= o.to && (o != w || j < i)
		}
		if !inside {
			kept = append(kept, w)
		}
	}
	return kept
}

// load returns the records of a window that is kept.
func (k *keeper) load(w window) (records, error) {
	packed, err := os.ReadFile(k.name(w))
	if err != nil {
		return records{}, fmt.Errorf("keep: %w", err)
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return records{}, err
	}
	defer d.Close()
	data, err := d.DecodeAll(packed, nil)
	if err == nil {
		var r records
		if r, err = readRecords(data); err == nil {
			return r, nil
		}
	}
	return records{}, fmt.Errorf("keep: %s is damaged: %w: delete it, and run the same command again", k.name(w), err)
}

// save keeps the records of a window. They are on disk when it returns.
func (k *keeper) save(w window, r records) (err error) {
	if k == nil {
		return nil
	}
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(k.dir, k.prefix+"*.tmp") // readable for its owner alone
	if err != nil {
		return fmt.Errorf("keep: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep: %w", err)
			if e := os.Remove(f.Name()); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	_, err = f.Write(e.EncodeAll(r.data, nil))
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), k.name(w))
	}
	return err
}
