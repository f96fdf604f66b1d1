package duckdb

import (
	"errors"
	"fmt"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// A conn is a connection to a database of this process. The low-level bindings are used since
// database/sql would turn every cell into an interface value.
type conn struct {
	db   bindings.Database
	conn bindings.Connection
}

func openConn(options map[string]string) (*conn, error) {
	var config bindings.Config
	if bindings.CreateConfig(&config) == bindings.StateError {
		return nil, errors.New("out of memory")
	}
	defer bindings.DestroyConfig(&config)
	for name, value := range options {
		if bindings.SetConfig(config, name, value) == bindings.StateError {
			return nil, fmt.Errorf("option %s=%s: DuckDB refuses it", name, value)
		}
	}
	c := &conn{}
	var message string
	if bindings.OpenExt(":memory:", &c.db, config, &message) == bindings.StateError {
		bindings.Close(&c.db)
		return nil, errors.New(oneLine(message))
	}
	if bindings.Connect(c.db, &c.conn) == bindings.StateError {
		bindings.Close(&c.db)
		return nil, errors.New("no connection")
	}
	return c, nil
}

// another opens a connection to the same database.
func (c *conn) another() (*conn, error) {
	n := &conn{db: c.db}
	if bindings.Connect(n.db, &n.conn) == bindings.StateError {
		return nil, errors.New("no connection")
	}
	return n, nil
}

// close ends the connection.
func (c *conn) close() { bindings.Disconnect(&c.conn) }

// end ends the connection and the database, after the other connections.
func (c *conn) end() {
	c.close()
	bindings.Close(&c.db)
}

// A failure is what DuckDB has against a statement.
type failure struct{ statement, message string }

func failed(query, message string) error { return failure{head(query), oneLine(message)} }

// Error implements error. What is said to a user who can do something leaves the statement out; see
// explainOpen.
func (f failure) Error() string { return f.statement + ": " + f.message }

// exec runs statements and returns how many rows the last one changed.
func (c *conn) exec(query string) (int64, error) {
	var r bindings.Result
	defer bindings.DestroyResult(&r)
	if bindings.Query(c.conn, query, &r) == bindings.StateError {
		return 0, failed(query, bindings.ResultError(&r))
	}
	return int64(bindings.RowsChanged(&r)), nil
}

// each runs a query whose columns are all BIGINT, none null, and calls f with the vectors of each
// chunk.
func (c *conn) each(query string, f func(n int, columns []vector)) error {
	var r bindings.Result
	defer bindings.DestroyResult(&r)
	if bindings.Query(c.conn, query, &r) == bindings.StateError {
		return failed(query, bindings.ResultError(&r))
	}
	columns := make([]vector, bindings.ColumnCount(&r))
	for {
		chunk := bindings.FetchChunk(r)
		if chunk.Ptr == nil {
			return nil
		}
		for j := range columns {
			columns[j] = vector{data: bindings.VectorGetData(bindings.DataChunkGetVector(chunk, bindings.IdxT(j)))}
		}
		f(int(bindings.DataChunkGetSize(chunk)), columns)
		bindings.DestroyDataChunk(&chunk)
	}
}

// number runs a query that gives one BIGINT.
func (c *conn) number(query string) (n int64, err error) {
	err = c.each(query, func(_ int, columns []vector) { n = columns[0].at(0) })
	return n, err
}

// strings runs a query whose columns are all VARCHAR; null is the empty string.
func (c *conn) strings(query string) (rows [][]string, err error) {
	err = c.texts(query, func(row []string) error {
		rows = append(rows, append([]string(nil), row...))
		return nil
	})
	return rows, err
}

// texts runs a query whose columns are all VARCHAR and calls f with each row; null is the empty
// string. The lists of texts are what $1 and so on stand for: SQL itself has no way to write every
// text, since a NUL ends the statement.
func (c *conn) texts(query string, f func(row []string) error, lists ...[]string) error {
	var r bindings.Result
	defer bindings.DestroyResult(&r)
	if message := c.query(query, lists, &r); message != "" {
		return failed(query, message)
	}
	row := make([]string, bindings.ColumnCount(&r))
	for {
		chunk := bindings.FetchChunk(r)
		if chunk.Ptr == nil {
			return nil
		}
		for i := range bindings.DataChunkGetSize(chunk) {
			for j := range row {
				row[j] = ""
				v := bindings.DataChunkGetVector(chunk, bindings.IdxT(j))
				if valid := bindings.VectorGetValidity(v); valid == nil || bindings.ValidityRowIsValid(valid, i) {
					row[j] = vector{data: bindings.VectorGetData(v)}.string(int(i))
				}
			}
			if err := f(row); err != nil {
				bindings.DestroyDataChunk(&chunk)
				return err
			}
		}
		bindings.DestroyDataChunk(&chunk)
	}
}

// query runs one statement with its parameters, each a list of texts, and returns what DuckDB has
// against it.
func (c *conn) query(query string, lists [][]string, r *bindings.Result) (message string) {
	var p bindings.PreparedStatement
	defer bindings.DestroyPrepare(&p)
	if bindings.Prepare(c.conn, query, &p) == bindings.StateError {
		return bindings.PrepareError(p)
	}
	for i, texts := range lists {
		list := listOf(texts)
		state := bindings.BindValue(p, bindings.IdxT(i+1), list)
		bindings.DestroyValue(&list)
		if state == bindings.StateError {
			return bindings.PrepareError(p)
		}
	}
	if bindings.ExecutePrepared(p, r) == bindings.StateError {
		return bindings.ResultError(r)
	}
	return ""
}

// listOf returns texts as a value of the type VARCHAR[]. The caller destroys it.
func listOf(texts []string) bindings.Value {
	t := bindings.CreateLogicalType(bindings.TypeVarchar)
	defer bindings.DestroyLogicalType(&t)
	values := make([]bindings.Value, len(texts))
	for i, s := range texts {
		values[i] = bindings.CreateVarchar(s)
	}
	list := bindings.CreateListValue(t, values)
	for i := range values {
		bindings.DestroyValue(&values[i])
	}
	return list
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// head returns the beginning of a statement, for messages.
func head(query string) string {
	s := oneLine(query)
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
