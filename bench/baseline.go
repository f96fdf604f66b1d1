package main

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"os"
	"runtime"
	"strings"
)

//go:embed baseline.sql
var statements string

// baseline runs the SQL on a file.
func baseline(ctx context.Context, in, out string) error {
	db, err := sql.Open("duckdb", out)
	if err != nil {
		return err
	}
	defer db.Close()
	tmp := out + ".tmp"
	defer os.RemoveAll(tmp)
	setup := fmt.Sprintf("SET threads = %d; SET preserve_insertion_order = false; SET temp_directory = '%s'; SET TimeZone = 'UTC';",
		runtime.GOMAXPROCS(0), strings.ReplaceAll(tmp, "'", "''"))
	text := strings.ReplaceAll(statements, "{{input}}", strings.ReplaceAll(in, "'", "''"))
	_, err = db.ExecContext(ctx, setup+text)
	return err
}
