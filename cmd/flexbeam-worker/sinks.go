package main

import (
	"context"
	"errors"

	"flexbeam/pipeline/sink"
)

// errDuckDB says why a worker has no duckdb: sink.
var errDuckDB = errors.New("a worker of a remote runner has no duckdb: DuckDB is a C library, this program is static, " +
	"and the file would be on the worker's own disk: write to bigquery:PROJECT.DATASET, or run the job with --runner prism")

func init() {
	sink.Register("duckdb", func(context.Context, string, sink.Options) (sink.Sink, error) { return nil, errDuckDB })
}
