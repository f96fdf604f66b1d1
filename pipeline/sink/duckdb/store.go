package duckdb

import (
	"fmt"
	"strings"
	"sync"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"flexbeam/internal/filelock"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

// rowGroup is how many rows DuckDB compresses together in this file. Its own 122880 would keep two
// shards waiting with the compression of a million events until the commit, which only one can do
// at a time.
const rowGroup = 20 * vectorSize

// A store is the open file, and what the shards share.
type store struct {
	*conn  // of the store itself
	config config
	place  filelock.Place // of the file

	rows, deletes map[string]int64 // of each table, when it was opened
	reading       sync.Mutex       // held while keys are read on the store's own connection
	checkpoints   checkpoints

	once   sync.Once
	failed chan struct{} // closed when err is set
	err    error
}

func openStore(p config) (_ *store, err error) {
	if err := checkFile(p.file); err != nil {
		return nil, err
	}
	if err := claim(p.file); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			opened.Delete(p.file)
		}
	}()
	c, err := openConn(map[string]string{
		"threads":                      "1",    // of a query; with more, waiting threads spin and take the processor from the pipeline
		"allocator_background_threads": "true", // they give memory back that is free; without them it stays resident while nothing is allocated
		"memory_limit":                 p.memory,
		"temp_directory":               p.file + ".tmp",
		"preserve_insertion_order":     "false",
		"write_buffer_row_group_count": "1",
		"checkpoint_threshold":         "64MB",
		"dynamic_or_filter_threshold":  "1000", // so many rowids of a join are looked up, for more their range is read
	})
	if err != nil {
		return nil, explainOpen(p.file, err)
	}
	s := &store{conn: c, config: p, failed: make(chan struct{})}
	_, err = s.exec(fmt.Sprintf("ATTACH '%s' AS %s (ROW_GROUP_SIZE %d, STORAGE_VERSION 'v1.3.0')", strings.ReplaceAll(p.file, "'", "''"), catalog, rowGroup))
	if err != nil {
		s.conn.end()
		return nil, explainOpen(p.file, err)
	}
	if err = s.prepare(); err == nil {
		s.place, err = filelock.PlaceOf(p.file)
	}
	if err != nil {
		s.conn.end()
		return nil, fmt.Errorf("duckdb: open %s: %w", p.file, err)
	}
	return s, nil
}

// catalog is the name of the file inside of DuckDB; files do not keep it.
const catalog = "flexbeam_file"

const session = "USE " + catalog + "; SET TimeZone = 'UTC'"

func (s *store) prepare() error {
	if n := bindings.VectorSize(); n != vectorSize {
		return fmt.Errorf("this DuckDB has vectors of %d, wanted %d", n, vectorSize)
	}
	if _, err := s.exec(session); err != nil {
		return err
	}
	if err := s.migrate(); err != nil {
		return err
	}
	s.rows, s.deletes = map[string]int64{}, map[string]int64{}
	for _, t := range model.Tables {
		var err error
		if s.rows[t.Name], err = s.number("SELECT count(*) FROM " + t.Name); err != nil {
			return err
		}
		if s.deletes[t.Name], err = s.number("SELECT count(*) FROM flexbeam.deletes WHERE table_name = '" + t.Name + "'"); err != nil {
			return err
		}
	}
	return nil
}

// connect opens one more connection.
func (s *store) connect() (*conn, error) {
	c, err := s.conn.another()
	if err != nil {
		return nil, err
	}
	if _, err := c.exec(session); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// there fails for good if the file is not at its place any more.
func (s *store) there() error {
	if err := s.place.Check("the file " + s.config.file); err != nil {
		s.fail(fmt.Errorf("duckdb: %w: what was written since it began may be lost: read everything again into a new file, and of a stream with a new --state", err))
	}
	return s.failure()
}

// close releases the file. If all went well it first writes into the file what is only in its log.
func (s *store) close(sound bool) error {
	var err error
	if sound && s.failure() == nil {
		_, err = s.exec("CHECKPOINT")
		err = s.explain(err)
	}
	s.conn.end()
	opened.Delete(s.config.file)
	return err
}

// id returns the identity of the file.
func (s *store) id() (string, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	rows, err := s.strings("SELECT id FROM flexbeam.identity")
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("the table flexbeam.identity has %d rows, wanted 1", len(rows))
	}
	if err != nil {
		return "", fmt.Errorf("duckdb: which file is %s: %w", s.config.file, err)
	}
	return rows[0][0], nil
}

// shape returns what the file remembers of what shapes its rows.
func (s *store) shape() (shape sink.Shape, err error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	rows, err := s.strings("SELECT contact_key, options FROM flexbeam.shape")
	if err != nil {
		return shape, fmt.Errorf("duckdb: read what shapes the rows of %s: %w", s.config.file, err)
	}
	for _, r := range rows {
		shape = sink.Shape{ContactKey: r[0], Options: r[1]}
	}
	return shape, nil
}

// setShape has the file remember what shapes its rows.
func (s *store) setShape(shape sink.Shape) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	_, err := s.exec("BEGIN;\n" + shapeSQL(shape) + "COMMIT")
	if err != nil {
		return fmt.Errorf("duckdb: remember what shapes the rows of %s: %w", s.config.file, err)
	}
	return nil
}

// shapeSQL returns the statements that replace what the file remembers.
func shapeSQL(shape sink.Shape) string {
	quote := func(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
	return "DELETE FROM flexbeam.shape;\nINSERT INTO flexbeam.shape VALUES (" + quote(shape.ContactKey) + ", " + quote(shape.Options) + ");\n"
}

// fail keeps the first error, which all calls get from then on.
func (s *store) fail(err error) {
	if err != nil {
		s.once.Do(func() {
			s.err = err
			close(s.failed)
		})
	}
}

func (s *store) failure() error {
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}
