// Command bench measures the whole program, from a file of records to a DuckDB file, side by side
// with DuckDB SQL that answers part of the same question.
//
//	go run ./bench [-events 100000,1000000,3000000] [-rounds 1] [-dir .cache/bench]
//
// It simulates the inputs once, then runs every configuration on every input in turn, round by
// round, each as a process of its own, and prints wall and CPU seconds, events/s, MB/s and peak
// memory of each, then the ratios that matter. Compare figures of one run only: machines are noisy.
//
// The SQL reads the same file with the same DuckDB library, removes duplicates, and makes queue,
// agent and invitation rows with their times and outcomes, without attributes, agents, customers,
// agent status and the rarer repairs. Its row counts must equal those of flexbeam, or the benchmark
// fails.
package main
