package main

import (
	_ "flexbeam/pipeline/sink/bigquery" // registers bigquery:PROJECT.DATASET
	_ "flexbeam/pipeline/sink/duckdb"   // registers duckdb:FILE
	_ "flexbeam/pipeline/sink/jsonl"    // registers jsonl:DIR
)
