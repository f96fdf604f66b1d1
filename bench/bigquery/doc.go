// Command bigquery measures the BigQuery sink against the local BigQuery, beside plain appends of
// the same rows with Google's client, managedwriter, in the same run.
//
//	go run ./bench/bigquery [-rows 200000] [-rounds 3]
//
// The service runs in a process of its own. Both writers send the same upserts of engagements to
// the same table, one after the other, round by round, and the best round of each counts. The sink
// starts from blocks of changes, as a job has them; the plain writer from rows that are encoded
// already, in requests of 1 MiB. It prints rows/s, MB/s, CPU time for each row of the writer's
// process, and the ratio of the two, and fails when that is below 0.7 or the sink below 30,000
// rows/s.
package main
