package duckdb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"flexbeam/internal/uri"
	"flexbeam/pipeline/sink"
)

// A config is what a URI says: the file and how to open it.
type config struct {
	file    string // absolute, so that DuckDB takes no name for something else than a file
	memory  string
	writers int
	limits  limits
}

func parseConfig(rest string) (config, error) {
	p := config{memory: "1GB", writers: min(runtime.GOMAXPROCS(0), 4)}
	options := uri.Options{uri.String("memory_limit", &p.memory), uri.Int("writers", &p.writers, 1, 64)}
	name, err := options.Parse(rest, "duckdb:FILE")
	if err != nil {
		return p, fmt.Errorf("duckdb: %w: %w", sink.ErrURI, err)
	}
	if p.file, err = filepath.Abs(name); err != nil {
		return p, fmt.Errorf("duckdb: find %s: %w", name, err)
	}
	if real, err := filepath.EvalSymlinks(p.file); err == nil {
		p.file = real
	}
	return p, nil
}

// checkFile finds what DuckDB would say less clearly.
func checkFile(file string) error {
	fi, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		dir := filepath.Dir(file)
		if fi, err := os.Stat(dir); err != nil {
			return fmt.Errorf("duckdb: open %s: the directory %s is missing: create it first", file, dir)
		} else if !fi.IsDir() {
			return fmt.Errorf("duckdb: open %s: %s is no directory", file, dir)
		}
		return nil
	case err != nil:
		return fmt.Errorf("duckdb: open %s: %w", file, err)
	case fi.IsDir():
		return fmt.Errorf("duckdb: open %s: it is a directory: name a file in it", file)
	case !fi.Mode().IsRegular():
		return fmt.Errorf("duckdb: open %s: it is no regular file: name a file that DuckDB made or a new one", file)
	case fi.Size() > 0:
		return checkMagic(file)
	}
	return nil
}

// checkMagic makes sure that a file is one of DuckDB's: it would open a JSON file, too, and store
// nothing in it.
func checkMagic(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("duckdb: open %s: %w", file, errors.Unwrap(err))
	}
	defer f.Close()
	head := make([]byte, 12)
	if _, err := io.ReadFull(f, head); err != nil || string(head[8:]) != "DUCK" {
		return fmt.Errorf("duckdb: open %s: %w: name a file that DuckDB made or a new one", file, errForeign)
	}
	return nil
}

// errForeign says that a file is of another program.
var errForeign = errors.New("it is no DuckDB file")

// opened has the files that sinks of this process have open: the lock of the file keeps only other
// processes out.
var opened sync.Map

// claim takes the file for one sink of this process.
func claim(file string) error {
	if _, taken := opened.LoadOrStore(file, true); taken {
		return fmt.Errorf("duckdb: open %s: this process has it open already: use that sink, or write into another file", file)
	}
	return nil
}
