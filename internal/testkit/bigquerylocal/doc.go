// Package bigquerylocal is a BigQuery on this machine, for tests and for trying flexbeam without an
// account: the REST API for datasets, tables, rows, load jobs and queries, the Storage Write API
// with change data capture, and the Storage Read API.
//
// # What it promises
//
// It is meant to be talked to by Google's own clients, and to hold the rules that Google publishes,
// above all those that a writer can break: which rows are refused, what is written when one is,
// what a lost reply leaves behind, which change of a key stays. Code and tests name the page that each
// rule is from. What the service does not know it refuses and says so; it never guesses, and never
// answers with less than was asked for.
//
// # What it knows
//
// Columns of the types STRING, BYTES, INT64, FLOAT64, BOOL, TIMESTAMP and DATE, without records and
// arrays. Protocol buffer rows; Avro of Storage Read. Statements: SELECT, INSERT, UPDATE, DELETE,
// MERGE, CREATE, ALTER and DROP of TABLE and VIEW, rewritten for DuckDB by a list of rewrites (see
// translator), also over the views of INFORMATION_SCHEMA that are about tables and jobs. Everything
// is in memory and gone after Close.
//
// # What it refuses
//
// Each of these rules is from the page of cloud.google.com/bigquery behind it, if no other is named.
//
//   - UPDATE, DELETE and MERGE over a table that changes were streamed to, for good:
//     cloud.google.com/datastream/docs/destination-bigquery, known limitations. Read as passing, with
//     Options.LaxDML: docs/change-data-capture#limitations. Over rows of insertAll for half an hour:
//     docs/data-manipulation-language#limitations.
//   - Changes outside of the default stream, of a table without a primary key, or mixed with rows that
//     are none: docs/change-data-capture#prerequisites and #limitations.
//   - Sequence numbers other than one to four sections of 1 to 16 hexadecimal digits:
//     docs/change-data-capture#manage_custom_ordering.
//   - Streamed rows of days more than ten years back or one ahead:
//     docs/write-api#time-unit_column_partitioning. Options.AnyDay takes them.
//   - Requests of more than 10 MB: quotas#write-api-limits; of insertAll also of more than 50,000 rows:
//     quotas#streaming_inserts.
//   - Statements of more than 1,048,576 characters: quotas#query_jobs.
//   - Load jobs beyond 1,500 a day of a table, with more than 10,000 files or lines of JSON of more than
//     100 MB: quotas#load_jobs. Of a table with partitions instead beyond 30,000 changes of partitions a
//     day, and 4,000 in one job: quotas#partitioned_tables.
//   - New columns that are not nullable, columns that are dropped, moved, retyped or made required, another
//     partitioning: docs/managing-table-schemas, docs/managing-partitioned-tables. Wherever a request has
//     new columns, they come last.
//   - Primary keys of more than 16 columns or of FLOAT64: docs/primary-foreign-keys. More than 4 columns
//     of clusters: docs/clustered-tables. Names of columns that are reserved: docs/schemas#column_names.
//   - Labels of more than 63 characters or other ones: docs/labels-intro#requirements.
//
// # How it reads what is told in two ways
//
// As strictly as any page of Google can be read: beside the first rule above, a change finds the row of
// its key in its own partition only. The page on change data capture says how partitions are read, and
// not whether they are kept apart. Options.AnyPartition reads it otherwise.
//
// # What it does otherwise
//
//   - Queries see every change at once; with Options.HoldChanges they are as old as maxStaleness allows.
//   - Changes with and without a sequence number of one key, whose order BigQuery leaves open, are
//     ordered as if none were 0.
//   - Labels, descriptions, policy tags, partitions and clusters are kept and checked, without an effect
//     on queries. Nobody lacks permissions but who asks for those of Options.Denied, and nothing is
//     rounded to what an approximate function may answer. Of quotas and limits it has those above; a
//     Fault exceeds others.
//   - The bytes that a query is billed for leave clustering and cached answers out of account.
//   - Partitions expire where a table says so, when a statement reads it next. INFORMATION_SCHEMA has no
//     columns of records.
//   - An array's OFFSET beyond its end is null, where BigQuery fails.
//   - A failure of the service itself is the REST status 501, which Google's clients do not try again.
//
// # Memory
//
// Appended rows wait as they came, at most 64 MiB for each table, and are then put into DuckDB,
// which keeps to Options.MemoryLimit. Beside that a table with changes remembers, for each key that
// a change ever came for, its sequence number and whether it is deleted: about 150 bytes and the
// key. Rows of PENDING and BUFFERED streams wait for their commit or flush without a limit.
package bigquerylocal
