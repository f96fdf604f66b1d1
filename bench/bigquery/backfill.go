package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"flexbeam/internal/tempdir"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
)

// wantBackfill is how many rows/s a backfill into a table of change data capture is wanted to have.
const wantBackfill = 60000

// A backfill is what a job with an end writes to a table that belongs to change data capture.
type backfill struct {
	rows    int
	profile string // file for a profile; empty: none
	file    string // of blocks, each behind its length and its number of rows
	figure  figure
	service time.Duration // processor time of the service meanwhile
	memory  []int64       // resident bytes of this process, at each quarter of the rows
}

// pieceRows is how many rows are drawn at once.
const pieceRows = 50000

// draw writes blocks of changes to a file, so that they take no memory while they are measured.
func (b *backfill) draw(dir string) error {
	f, err := os.Create(dir + "/blocks")
	if err != nil {
		return err
	}
	b.file = f.Name()
	w := bufio.NewWriterSize(f, 1<<20)
	for from := 0; from < b.rows; from += pieceRows {
		for _, block := range sinktest.Engagements(min(pieceRows, b.rows-from), 1<<20, uint64(from)+2) {
			rows := uint32(0)
			if err := block.Each(func(change.Change) error { rows++; return nil }); err != nil {
				return err
			}
			if _, err := w.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(len(block))), rows)); err != nil {
				return err
			}
			if _, err := w.Write(block); err != nil {
				return err
			}
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// each calls f with each block, and the number of its rows.
func (b *backfill) each(f func(change.Block, int) error) error {
	file, err := os.Open(b.file)
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<20)
	var head [8]byte
	var block change.Block
	for {
		if _, err := io.ReadFull(r, head[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		n, rows := int(binary.LittleEndian.Uint32(head[:])), int(binary.LittleEndian.Uint32(head[4:]))
		if cap(block) < n {
			block = make(change.Block, n)
		}
		if _, err := io.ReadFull(r, block[:n]); err != nil {
			return err
		}
		if err := f(block[:n], rows); err != nil {
			return err
		}
	}
}

// run streams one row, so that the table belongs to change data capture, and then writes all rows as
// a job that has an end.
func (b *backfill) run(ctx context.Context, s *service) error {
	dir, err := tempdir.Make("flexbeam-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := b.draw(dir); err != nil {
		return err
	}
	uri := strings.Replace(s.uri("backfill"), "mode=stream&", "", 1)
	first, err := sink.Open(ctx, uri, sink.Options{})
	if err != nil {
		return err
	}
	if err := errors.Join(first.Write(ctx, sinktest.Engagements(1, 1<<20, 1)[0]), first.Close(ctx)); err != nil {
		return err
	}
	out, err := sink.Open(ctx, uri, sink.Options{Bounded: true})
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // of what came before
	done, last := 0, 0
	if b.profile != "" {
		stop, err := profile(b.profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	before := processTime(s.cmd.Process.Pid)
	b.figure, err = measure(func() error {
		err := b.each(func(block change.Block, rows int) error {
			if err := out.Write(ctx, block); err != nil {
				return err
			}
			done += rows
			if quarter := 4 * done / b.rows; quarter > last {
				last = quarter
				b.memory = append(b.memory, residentBytes())
			}
			return nil
		})
		if err != nil {
			return err
		}
		return out.Flush(ctx)
	})
	b.service = processTime(s.cmd.Process.Pid) - before
	return errors.Join(err, out.Close(ctx))
}

func (b *backfill) report(out io.Writer) error {
	rate := float64(b.rows) / b.figure.wall.Seconds()
	fmt.Fprintf(out, "\nbackfill of %d engagements into a table of change data capture (wanted %d rows/s)\n", b.rows, wantBackfill)
	fmt.Fprintf(out, "  %.0f rows/s in %.1f s; CPU us/row: writer %.2f, service %.2f (%.0f %% of both)\n", rate, b.figure.wall.Seconds(),
		float64(b.figure.cpu.Microseconds())/float64(b.rows), float64(b.service.Microseconds())/float64(b.rows), 100*b.service.Seconds()/(b.service+b.figure.cpu).Seconds())
	fmt.Fprintf(out, "  MB resident at each quarter:")
	for _, m := range b.memory {
		fmt.Fprintf(out, " %d", m/1e6)
	}
	fmt.Fprintf(out, "\n  shared machine, under load %s\n", load())
	if rate < wantBackfill {
		return errSlow
	}
	return nil
}

// profile writes a profile of the processor time to a file until it is stopped.
func profile(file string) (stop func(), err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

// load returns the machine's load averages.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

// processTime returns the processor time that a process has used; 0 where the system does not tell.
func processTime(pid int) time.Duration {
	const perSecond = 100 // USER_HZ, which is the same on all of Linux
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ") // behind the name
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / perSecond
}

// residentBytes returns how much memory this process has; 0 where the system does not tell.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
