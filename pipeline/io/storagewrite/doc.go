// Package storagewrite contains transforms for keeping tables of BigQuery up to date: rows are
// upserted and deleted by their primary key, through the default stream of the Storage Write API
// with change data capture.
//
//	Write      the Mutations of a PCollection, and gives those back that BigQuery refuses
//	NewWriter  the same for a program without a pipeline
//
// # What is promised
//
// A Mutation is written at least once. With sequence numbers that does no harm: of the mutations of
// one key BigQuery keeps the one with the greatest sequence number, in whatever order and how often
// they come, so a bundle that a runner does again changes nothing. Of mutations with equal sequence
// numbers the one that BigQuery receives last stays. Between mutations without sequence numbers the
// order of arrival decides, which a distributed job does not know.
//
// A bundle ends when BigQuery has acknowledged each of its mutations or refused it. Readers see
// them within the max_staleness of the table, at once when it has none.
//
// BigQuery refuses single rows: with a required field that is missing, a value that is out of
// range, a day that is too far away, or more than 10 MB. They come out as Refused with BigQuery's
// reason, and the rest of their request is written.
//
// BigQuery remembers deletes for two days. An upsert that is older than a delete, and comes later
// than that, inserts the row again.
//
// # What the table needs
//
// A primary key (PRIMARY KEY ... NOT ENFORCED), and the table has to be there: nothing is created.
// Rows are messages of a descriptor whose fields have the names of columns; an Encoder makes both
// from a schema. A delete has values in the columns of the key, in those that are required, and in
// the column by which the table is partitioned: the value that the row has there.
//
// A table that is written so takes no UPDATE, DELETE or MERGE statement
// (https://cloud.google.com/bigquery/docs/change-data-capture#limitations).
//
// # How it writes
//
// Requests hold 1 MiB or 200 ms of a table's rows and share a few connections. While 64 MiB are not
// acknowledged, further mutations wait. A request that fails is tried again, after growing pauses
// and on new connections, for as long as WriteRetry says. A table that was given a column a moment
// ago is waited for in the same way.
//
// # Errors
//
// What does not pass fails the job, and every further call, with an *Error that says what to do
// about it. errors.Is tells its kind: ErrTable, ErrSchema, ErrAccess, ErrCredentials,
// ErrUnavailable. A remote runner may keep only its text.
//
// Credentials are the Application Default Credentials. The role to grant is BigQuery Data Editor on
// the dataset.
//
// # Metrics
//
// Counters of Beam in the namespace storagewrite: mutations, bytes, refused.
package storagewrite
