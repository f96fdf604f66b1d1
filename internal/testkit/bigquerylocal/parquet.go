package bigquerylocal

import (
	"context"
	"database/sql"
	"strings"

	bq "google.golang.org/api/bigquery/v2"
)

// A parquetSource reads Parquet, with types as
// https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#type_conversions has
// them: byte arrays are STRING only if they are annotated so, and a timestamp that is not adjusted
// to UTC is a DATETIME.
type parquetSource struct{}

func (parquetSource) schema(ctx context.Context, db *sql.DB, file string) ([]*bq.TableFieldSchema, error) {
	rs, err := db.QueryContext(ctx, "SELECT name, repetition_type = 'REQUIRED', num_children FROM parquet_schema("+literal(file)+") OFFSET 1")
	if err != nil {
		return nil, unreadable("%v", err)
	}
	defer rs.Close()
	required := map[string]bool{}
	for rs.Next() {
		var name string
		var must sql.NullBool
		var children sql.NullInt64
		if err := rs.Scan(&name, &must, &children); err != nil {
			return nil, err
		}
		if children.Int64 > 0 {
			return nil, unknown("nested fields of Parquet files (%s)", name)
		}
		required[name] = must.Bool
	}
	if err := rs.Err(); err != nil {
		return nil, unreadable("%v", err)
	}
	types, err := db.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet("+literal(file)+"))")
	if err != nil {
		return nil, unreadable("%v", err)
	}
	defer types.Close()
	fields := []*bq.TableFieldSchema{}
	for types.Next() {
		var name, typ string
		if err := types.Scan(&name, &typ); err != nil {
			return nil, err
		}
		f := &bq.TableFieldSchema{Name: name, Type: "DATETIME", Mode: "NULLABLE"}
		if required[name] {
			f.Mode = "REQUIRED"
		}
		if !strings.HasPrefix(typ, "TIMESTAMP") || strings.HasSuffix(typ, "WITH TIME ZONE") {
			k, ok := kindOfDuckDB(typ)
			if !ok {
				return nil, unknown("values of the type %s in Parquet files (field %s)", typ, name)
			}
			f.Type = kinds[k].rest
		}
		fields = append(fields, f)
	}
	return fields, types.Err()
}

func (p parquetSource) insert(ctx context.Context, conn *sql.Conn, t *table, file string) (int64, error) {
	r, err := conn.ExecContext(ctx, "INSERT INTO "+t.name.duckdb()+" BY NAME SELECT * FROM read_parquet("+literal(file)+")")
	if err != nil {
		return 0, unreadable("%v", err)
	}
	return r.RowsAffected()
}
