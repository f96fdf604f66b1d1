package main

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver

	"flexbeam/internal/snapshot"
)

const (
	copyEvery = time.Second
	readLooks = 7 // looks during which a reader reads
)

// A reader looks for rows that are new. A job's file is locked while it runs, so it reads copies of
// the file and of its log, which have what was committed.
type reader struct {
	file      string
	seen      map[string]int64 // version by row
	latencies []float64        // seconds from the newest event behind a row to the copy in which it was first seen
}

func newReader(file string) *reader { return &reader{file: file, seen: map[string]int64{}} }

func (r *reader) close() { snapshot.Remove(r.file + ".copy") }

// read looks again and again for a time. What is new counts if it is to, else it is only noted.
func (r *reader) read(ctx context.Context, d time.Duration, counts bool) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		next := time.Now().Add(copyEvery)
		if err := r.look(ctx, counts); err != nil {
			return fmt.Errorf("read a copy: %w", err)
		}
		select {
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (r *reader) look(ctx context.Context, counts bool) error {
	c, err := snapshot.Take(ctx, r.file, r.file+".copy")
	if err != nil {
		return err
	}
	at := c.To
	db, err := sql.Open("duckdb", c.File)
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
