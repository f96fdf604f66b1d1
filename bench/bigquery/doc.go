// Command bigquery measures the BigQuery sink against the local BigQuery, beside plain appends of
// the same rows with Google's client, managedwriter, in the same run.
//
//	go run ./bench/bigquery [-rows 200000] [-rounds 3] [-backfill 1000000] [-cpuprofile FILE]
//	    [-only writes|warehouse] [-engagements 5000000]
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
//
// The warehouse is a dataset with three years of rows, 5 million engagements among them, that is made
// with INSERT statements. Jobs start over it, each in a process of its own: a live one up to its first
// flush, and a batch of one day, twice. Told are how long it takes, how many queries they run, what
// BigQuery bills for these by its rules (https://cloud.google.com/bigquery/pricing#on_demand_pricing:
// the columns that are read of the partitions that are left, 10 MB at least for each table), and the
// most memory that the process had. Beside it stands what one reading of all keys would be billed.
package main
