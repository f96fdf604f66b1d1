// Command bigquery measures the BigQuery sink against the local BigQuery, beside plain appends of
// the same rows with Google's client, managedwriter, in the same run.
//
//	go run ./bench/bigquery [-rows 200000] [-rounds 3] [-backfill 1000000] [-cpuprofile FILE]
//
// The service runs in a process of its own. Both writers send the same upserts of engagements to
// the same table, one after the other, round by round, and the best round of each counts. The sink
// starts from blocks of changes, as a job has them; the plain writer from rows that are encoded
// already, in requests of 1 MiB. It prints rows/s, MB/s, CPU time for each row of the writer's
// process, and the ratio of the two, and fails when that is below 0.7 or the sink below 30,000
// rows/s.
//
// Then a job that has an end writes a million engagements, from a file of blocks, into a table that
// belongs to change data capture. It prints rows/s, the CPU time of the writer's and of the service's
// process for each row, and the memory of the writer at each quarter, and fails below 60,000 rows/s.
package main
