package doctor

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/dustin/go-humanize"

	"flexbeam/internal/finding"
	"flexbeam/internal/journal"
	"flexbeam/internal/tempdir"
	"flexbeam/pipeline/sink"
	"flexbeam/transforms/keyed/local"
)

// leastSpace is how much of a disk has to be free.
const leastSpace = 1 << 30

// sink looks at the place of a sink.
func (e *examination) sink(ctx context.Context, s Sink, r *result) {
	in, err := sink.Inspect(ctx, s.URI)
	if err != nil {
		r.add(finding.New("config-sink", s.URI, err.Error(), "write duckdb:FILE, jsonl:DIR or bigquery:PROJECT.DATASET"))
		return
	}
	for _, f := range in.Findings {
		r.add(f)
	}
	if s.ContactKey != nil && in.Shape.ContactKey != "" && in.Shape.ContactKey != *s.ContactKey {
		r.add(finding.New("sink-key", place(s.URI), "its rows were made with another contact key than the one given, or the one has a key and the other none",
			"give the key of the tables: --contact-key-file; a key for tables without one: docs/operations.md, A contact key for tables that have none"))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inspections == nil {
		e.inspections = map[string]sink.Inspection{}
	}
	e.inspections[s.URI] = in
}

// state looks at a state directory.
func (e *examination) state(s State, r *result) {
	if err := tempdir.CanHold(s.Dir); err != nil {
		r.add(finding.New("state-directory", s.Dir, err.Error(), "name a directory that the user of the job may write to: --state DIR"))
		return
	}
	peeked, err := local.Peek(s.Dir)
	switch {
	case errors.Is(err, local.ErrVersion):
		r.add(finding.New("state-version", s.Dir, err.Error(), "run the version that wrote it, or begin with an empty directory"))
	case errors.Is(err, journal.ErrForeign):
		r.add(finding.New("state-damaged", s.Dir, err.Error(), "name another directory: --state DIR"))
	case errors.Is(err, fs.ErrPermission):
		r.add(finding.New("state-directory", s.Dir, err.Error(), "allow the user of the job to read and write it"))
	case err != nil:
		r.add(finding.New("state-damaged", s.Dir, err.Error(), "put back a copy of the directory; without one, remove it and read the stream from its start"))
	default:
		e.mu.Lock()
		defer e.mu.Unlock()
		e.states = append(e.states, stateFacts{s, peeked})
	}
}

// temporary finds out whether temporary files can be made.
func temporary(r *result) {
	if err := tempdir.Check(); err != nil {
		r.add(finding.New("disk-temporary", os.TempDir(), err.Error(), "export TMPDIR=DIR, with a directory that can be written to"))
	}
}

// disks looks at the disks that jobs write to.
func (e *examination) disks(r *result) {
	folders := map[string]bool{os.TempDir(): true}
	e.mu.Lock()
	for _, in := range e.inspections {
		for _, dir := range in.Folders {
			folders[dir] = true
		}
	}
	e.mu.Unlock()
	for _, s := range e.States {
		folders[s.Dir] = true
	}
	for _, dir := range e.Folders {
		folders[dir] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		at := dir
		for !there(at) && filepath.Dir(at) != at {
			at = filepath.Dir(at)
		}
		left, err := e.Free(at)
		if err == nil && left < leastSpace {
			r.add(finding.Newf("disk-space", dir, "make room, or name a place on another disk", "%s are left on its disk", humanize.IBytes(left)))
		}
	}
}

func there(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// SecretFile tells of a file with a secret that other users of the machine can read.
func SecretFile(path string) []finding.Finding {
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm()&0o077 == 0 || !fi.Mode().IsRegular() {
		return nil // what cannot be read, the check of the account tells
	}
	return []finding.Finding{finding.Newf("secret-readable", path, "chmod 600 "+path, "its mode is %04o", fi.Mode().Perm())}
}
