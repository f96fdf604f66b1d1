package duckdb_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/duckdb/duckdb-go/v2"

	"flexbeam/pipeline/sink"
	_ "flexbeam/pipeline/sink/duckdb"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A row is written twice; the greater version stays.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "duckdb")
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "calls.duckdb")

	s, err := sink.Open(ctx, "duckdb:"+file, sink.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var b change.Block
	for version, name := range []string{"Alena", "Alena Novak"} {
		r := model.Agents.NewRow()
		for column, v := range map[string]model.Value{
			"account_sid": model.Text("AC1"), "agent_id": model.Text("WK1"), "agent_name": model.Text(name),
			"state": model.Text("Active"), "agent_type": model.Text("User"), "row_version": model.Integer(int64(version)),
		} {
			r[model.Agents.Col(column)] = v
		}
		b = b.Append(change.Change{Table: model.AgentsID, Row: r})
	}
	if err := s.Write(ctx, b); err != nil {
		fmt.Println(err)
	}
	if err := s.Close(ctx); err != nil {
		fmt.Println(err)
	}

	db, _ := sql.Open("duckdb", file)
	defer db.Close()
	var name string
	fmt.Println(db.QueryRow("SELECT agent_name FROM agents").Scan(&name), name)
	// Output: <nil> Alena Novak
}
