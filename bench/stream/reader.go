package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

const (
	copyEvery = time.Second
	readLooks = 7 // looks during which a reader reads
)

// A reader looks for rows that are new. A job's file is locked while it runs, so it reads copies of the file and of its log, which
// have what was committed.
type reader struct {
	file      string
	seen      map[string]int64 // version by row
	latencies []float64        // seconds from the newest event behind a row to the copy in which it was first seen
	torn      int              // copies that were made while DuckDB moved the log into the file
}

func newReader(file string) *reader { return &reader{file: file, seen: map[string]int64{}} }

func (r *reader) copies() (string, string) {
	return r.file + ".copy", r.file + ".copy.wal"
}

func (r *reader) close() {
	file, log := r.copies()
	os.Remove(file)
	os.Remove(log)
}

// read looks again and again for a time. What is new counts if it is to, else it is only noted.
func (r *reader) read(ctx context.Context, d time.Duration, counts bool) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		next := time.Now().Add(copyEvery)
		if err := r.look(counts); err != nil {
			if r.torn++; r.torn > 20 {
				return fmt.Errorf("read a copy: %w", err)
			}
		}
		select {
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (r *reader) look(counts bool) error {
	file, log := r.copies()
	r.close()
	// The log first: what it says of a file that is newer is known there, or the copy is torn and does not open.
	if err := copyFile(r.file+".wal", log); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	at := time.Now()
	if err := copyFile(r.file, file); err != nil {
		return err
	}
	db, err := sql.Open("duckdb", file)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query("SELECT engagement_id, row_version, epoch_ms(updated_at) FROM engagements WHERE updated_at > ?", at.Add(-2*time.Minute).UTC())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var version, ms int64
		if err := rows.Scan(&id, &version, &ms); err != nil {
			return err
		}
		if r.seen[id] == version {
			continue
		}
		r.seen[id] = version
		if counts {
			r.latencies = append(r.latencies, float64(at.UnixMilli()-ms)/1000)
		}
	}
	return rows.Err()
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// quantiles returns the median and the 99th of 100.
func (r *reader) quantiles() (p50, p99 float64) {
	if len(r.latencies) == 0 {
		return math.NaN(), math.NaN()
	}
	slices.Sort(r.latencies)
	n := len(r.latencies)
	return r.latencies[n/2], r.latencies[n*99/100]
}

// count returns the engagements by type in a file that no job has open.
func count(file string) (rows string, err error) {
	db, err := sql.Open("duckdb", file+"?access_mode=read_only")
	if err != nil {
		return "", err
	}
	defer db.Close()
	err = db.QueryRow(`SELECT coalesce(string_agg(engagement_type || ' ' || n, ', ' ORDER BY engagement_type), 'no')
		FROM (SELECT engagement_type, count(*) AS n FROM engagements GROUP BY 1)`).Scan(&rows)
	return rows, err
}
