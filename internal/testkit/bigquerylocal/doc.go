// Package bigquerylocal is a BigQuery on this machine, for tests and for trying flexbeam without an account: the REST API for
// datasets, tables, load jobs and queries, and the Storage Write API with change data capture.
//
// # What it promises
//
// It is meant to be talked to by Google's own clients, and to hold the rules that Google publishes, above all those that a
// writer can break: which rows are refused, what is written when one is, what a lost reply leaves behind, which change of a
// key stays. Tests name the page that each rule is from. What the service does not know it refuses and says so; it never
// guesses, and never answers with less than was asked for.
//
// # What it knows
//
// Columns of the types STRING, BYTES, INT64, FLOAT64, BOOL, TIMESTAMP and DATE, without records and arrays. Protocol buffer
// rows. Statements: SELECT, INSERT, UPDATE, DELETE, MERGE, CREATE TABLE, CREATE VIEW, rewritten for DuckDB by a list of
// rewrites (see translator). Everything is in memory and gone after Close.
//
// # What it does otherwise
//
//   - Queries see every change at once; with Options.HoldChanges they are as old as maxStaleness allows.
//   - A table counts as one with change data capture, which UPDATE, DELETE and MERGE may not change, while a connection that sent
//     changes to it is open. BigQuery does not publish when that ends.
//   - Changes with and without a sequence number of one key, whose order BigQuery leaves open, are ordered as if none were 0.
//   - Labels, descriptions, policy tags, partitions and clusters are kept and checked, without an effect on queries. There are no
//     permissions, no costs and no quotas but those that a Fault exceeds, and nothing is rounded to what an approximate function
//     may answer.
//   - An array's OFFSET beyond its end is null, where BigQuery fails.
//   - A failure of the service itself is the REST status 501, which Google's clients do not try again.
//
// # Memory
//
// Appended rows wait as they came, at most 64 MiB for each table, and are then put into DuckDB, which keeps to
// Options.MemoryLimit. Beside that a table with changes remembers, for each key that a change ever came for, its sequence
// number and whether it is deleted: about 150 bytes and the key. Rows of PENDING and BUFFERED streams wait for their commit
// or flush without a limit.
package bigquerylocal
