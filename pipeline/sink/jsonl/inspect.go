package jsonl

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"flexbeam/internal/filelock"
	"flexbeam/internal/finding"
	"flexbeam/internal/tempdir"
	"flexbeam/pipeline/sink"
)

func init() { sink.RegisterInspector("jsonl", inspect) }

// inspect looks at a directory.
func inspect(_ context.Context, dir string) (in sink.Inspection) {
	in.Folders = []string{dir}
	if err := tempdir.CanHold(dir); err != nil {
		in.Findings = append(in.Findings, finding.New("jsonl-directory", dir, err.Error(), "name a directory that may be written to: --sink jsonl:DIR"))
		return in
	}
	if b, err := os.ReadFile(filepath.Join(dir, idFile)); err == nil {
		in.ID = string(b)
	}
	if b, err := os.ReadFile(filepath.Join(dir, shapeFile)); err == nil {
		_ = json.Unmarshal(b, &in.Shape) // the job says if it is none
	}
	lock := filepath.Join(dir, ".lock")
	if _, err := os.Stat(lock); err != nil {
		return in
	}
	f, err := filelock.Take(lock, 0o666)
	if err == nil {
		f.Close()
	} else if errors.Is(err, filelock.ErrTaken) {
		in.Holder = "?"
	}
	return in
}
