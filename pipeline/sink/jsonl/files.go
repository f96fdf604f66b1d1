package jsonl

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

const (
	deletesFile = "deletes.jsonl"
	idFile      = ".id"
	shapeFile   = ".shape"

	rewrittenFile   = ".rewritten" // says that files of tables are rewritten, and holds the shape behind it
	rewrittenSuffix = ".rewritten" // of such a file, until it is in its place
)

func (t *table) file() string { return t.Name + ".jsonl" }

func (w *writer) writeTable(t *table) error {
	return w.replace(t.file(), func(b *bufio.Writer) error { return t.lines(b, false) })
}

func (w *writer) writeDeletes() error {
	return w.replace(deletesFile, func(b *bufio.Writer) error {
		for _, t := range w.tables {
			if err := t.lines(b, true); err != nil {
				return err
			}
		}
		return nil
	})
}

// lines writes the rows or the deletes in order.
func (t *table) lines(b *bufio.Writer, gone bool) error {
	for _, key := range t.inOrder() {
		if e := t.entries[key]; e.gone == gone {
			if _, err := b.WriteString(e.line); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace writes a file of the directory beside its place and moves it there.
func (w *writer) replace(name string, write func(*bufio.Writer) error) (err error) {
	path := filepath.Join(w.dir, name)
	defer func() {
		if err != nil {
			err = fmt.Errorf("jsonl: write %s: %w", path, err)
		}
	}()
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<18)
	err = write(b)
	if err == nil {
		err = b.Flush()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		os.Remove(path + ".tmp")
	}
	return err
}
