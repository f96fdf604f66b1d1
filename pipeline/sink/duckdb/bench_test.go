package duckdb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// benchmarkRows is what a million events yield.
const benchmarkRows = 218000

// BenchmarkEmpty writes engagements into a new file, until it is closed.
func BenchmarkEmpty(b *testing.B) {
	blocks := sinktest.Engagements(benchmarkRows, 256<<10, 1)
	for _, writers := range []string{"1", "2"} {
		b.Run("writers="+writers, func(b *testing.B) {
			for b.Loop() {
				measure(b, filepath.Join(b.TempDir(), "calls.duckdb")+"?writers="+writers, blocks)
			}
		})
	}
}

// BenchmarkReplay writes the same engagements again into a file that has them.
func BenchmarkReplay(b *testing.B) {
	blocks := sinktest.Engagements(benchmarkRows, 256<<10, 1)
	file := filepath.Join(b.TempDir(), "calls.duckdb")
	writeAll(b, file, blocks)
	for b.Loop() {
		measure(b, file, blocks)
	}
}

// BenchmarkReplace writes all engagements again with greater versions and another value.
func BenchmarkReplace(b *testing.B) {
	blocks := sinktest.Engagements(benchmarkRows, 256<<10, 1)
	file := filepath.Join(b.TempDir(), "calls.duckdb")
	writeAll(b, file, blocks)
	e := &model.Engagements
	for round := int64(1); b.Loop(); round++ {
		b.StopTimer()
		var newer []change.Block
		for _, block := range blocks {
			var n change.Block
			if err := block.Each(func(c change.Change) error {
				c.Row[e.Col("row_version")].Num += round
				c.Row[e.Col("outcome")] = model.Text("Changed")
				n = n.Append(c)
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			newer = append(newer, n)
		}
		b.StartTimer()
		measure(b, file, newer)
	}
}

// BenchmarkMore writes new engagements into a file that has as many others.
func BenchmarkMore(b *testing.B) {
	old, blocks := sinktest.Engagements(benchmarkRows, 256<<10, 1), sinktest.Engagements(benchmarkRows, 256<<10, 2)
	for b.Loop() {
		b.StopTimer()
		file := filepath.Join(b.TempDir(), "calls.duckdb")
		writeAll(b, file, old)
		b.StartTimer()
		measure(b, file, blocks)
	}
}

// BenchmarkStream writes blocks of 100 engagements into a file that has many, with a Flush after each.
func BenchmarkStream(b *testing.B) {
	file := filepath.Join(b.TempDir(), "calls.duckdb")
	writeAll(b, file, sinktest.Engagements(benchmarkRows, 256<<10, 1))
	blocks := sinktest.Engagements(100*500, 60000, 3)
	ctx := context.Background()
	for _, writers := range []string{"1", "2"} {
		b.Run("writers="+writers, func(b *testing.B) {
			s, err := open(ctx, file+"?writers="+writers, sink.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close(ctx)
			for i := 0; b.Loop(); i++ {
				if err := s.Write(ctx, blocks[i%len(blocks)]); err != nil {
					b.Fatal(err)
				}
				if err := s.Flush(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStreamIntoLargeTables writes what a second of 500 events gives into files with ever more
// engagements, with a Flush after each: rows that are new, newer versions of recent rows and of
// some that are older, and deletes.
func BenchmarkStreamIntoLargeTables(b *testing.B) {
	e := &model.Engagements
	for _, rows := range []int{10_000, 100_000, 1_000_000, 5_000_000} {
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "calls.duckdb")
			var old []change.Change // some of the rows, the recent ones last
			for part := range (rows + benchmarkRows - 1) / benchmarkRows {
				blocks := sinktest.Engagements(min(benchmarkRows, rows-part*benchmarkRows), 256<<10, uint64(part+1))
				writeAll(b, file, blocks)
				for i, block := range blocks {
					if i%20 == 0 || (part+1)*benchmarkRows >= rows && i >= len(blocks)-5 {
						if err := block.Each(func(c change.Change) error {
							c.Row = slices.Clone(c.Row)
							for j := range c.Row {
								c.Row[j].Str = strings.Clone(c.Row[j].Str)
							}
							old = append(old, c)
							return nil
						}); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			ctx := context.Background()
			s, err := open(ctx, file, sink.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close(ctx)
			version, dice := int64(1<<40), rand.New(rand.NewPCG(1, 2))
			flush := func(seed int) {
				block := sinktest.Engagements(100, 1<<20, uint64(1000+seed))[0]
				for n := range 400 {
					recent := min(1000, len(old))
					c := old[len(old)-1-dice.IntN(recent)]
					if n%10 == 0 {
						c = old[dice.IntN(len(old))]
					}
					version++
					c.Row[e.Col("row_version")].Num = version
					c.Row[e.Col("outcome")] = model.Text("Changed")
					c.Delete = n%20 == 1
					block = block.Append(c)
				}
				if err := s.Write(ctx, block); err != nil {
					b.Fatal(err)
				}
				if err := s.Flush(ctx); err != nil {
					b.Fatal(err)
				}
			}
			for i := range 10 { // until it knows the table
				flush(i)
			}
			for i := 10; b.Loop(); i++ {
				flush(i)
			}
		})
	}
}

func writeAll(b *testing.B, file string, blocks []change.Block) {
	ctx := context.Background()
	s, err := open(ctx, file, sink.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, block := range blocks {
		if err := s.Write(ctx, block); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(ctx); err != nil {
		b.Fatal(err)
	}
}

// measure writes the blocks and reports rows and processor seconds, besides what the testing
// package does.
func measure(b *testing.B, file string, blocks []change.Block) {
	cpu, start := cpuTime(), time.Now()
	writeAll(b, file, blocks)
	b.ReportMetric(benchmarkRows/time.Since(start).Seconds(), "rows/s")
	b.ReportMetric((cpuTime() - cpu).Seconds(), "cpu-s/op")
	file, _, _ = strings.Cut(file, "?")
	if fi, err := os.Stat(file); err == nil {
		b.ReportMetric(float64(fi.Size())/(1<<20), "MB")
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
