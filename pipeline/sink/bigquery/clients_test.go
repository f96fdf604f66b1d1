//go:build bigqueryclients

package bigquery

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/schemas/model"
)

// TestGooglesPythonClientsReadADayAsDuckDBHasIt needs the Python of FLEXBEAM_TEST_PYTHON, which has
// the packages of testdata/clients/requirements.txt: make test-bigquery-clients.
func TestGooglesPythonClientsReadADayAsDuckDBHasIt(t *testing.T) {
	blocks := dayBlocks(t)
	db := inDuckDB(t, blocks)
	s, err := bigquerylocal.Start(bigquerylocal.Options{})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	uri := localURI(s, "mode=stream")
	w := openSink(t, uri)
	for _, b := range blocks {
		must(t, w.Write(t.Context(), b))
	}
	must(t, w.Close(t.Context()))

	type rows struct {
		Columns []string `json:"columns"`
		Rows    [][]any  `json:"rows"`
	}
	tables := map[string]rows{}
	for _, table := range model.Tables {
		r := rows{Columns: columnNames(table), Rows: [][]any{}}
		rs, err := db.Query("SELECT " + strings.Join(r.Columns, ", ") + " FROM " + table.Name)
		must(t, err)
		for rs.Next() {
			cells, to := make([]any, len(r.Columns)), make([]any, len(r.Columns))
			for i := range cells {
				to[i] = &cells[i]
			}
			must(t, rs.Scan(to...))
			for i, c := range cells {
				switch c := c.(type) {
				case time.Time:
					cells[i] = c.UnixMicro()
				case []byte:
					cells[i] = base64.StdEncoding.EncodeToString(c)
				case float64:
					cells[i] = json.RawMessage(floatText(c))
				}
			}
			r.Rows = append(r.Rows, cells)
		}
		must(t, rs.Err())
		tables[table.Name] = r
	}
	b, err := json.Marshal(tables)
	must(t, err)
	file := filepath.Join(t.TempDir(), "tables.json")
	must(t, os.WriteFile(file, b, 0o600))

	p := configOf(t, uri)
	out, err := exec.CommandContext(t.Context(), os.Getenv("FLEXBEAM_TEST_PYTHON"), "testdata/clients/read.py", p.endpoint, p.grpc, p.project, p.dataset, file).CombinedOutput()
	t.Logf("%s", out)
	must(t, err)
}

// floatText writes a float so that Python reads a float, whole ones too.
func floatText(f float64) string {
	b, _ := json.Marshal(f)
	if s := string(b); strings.ContainsAny(s, ".e") {
		return s
	}
	return string(b) + ".0"
}
