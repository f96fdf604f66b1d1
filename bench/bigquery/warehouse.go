package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/hooks"
	"google.golang.org/api/option"

	"flexbeam/internal/span"
	"flexbeam/pipeline"
	"flexbeam/pipeline/sink"
	sinkbigquery "flexbeam/pipeline/sink/bigquery"
	_ "flexbeam/pipeline/source/file" // of the batch
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/simulate"
	"flexbeam/transforms/keyed"
)

// The warehouse holds so many days, agents and quarter hours of each agent and day; a customer for
// so many engagements, one of so many of which is isolated; and of so many engagements one that is
// gone again.
const (
	warehouseDays    = 3 * 365
	warehouseAgents  = 200
	quartersOfDay    = 16
	customerEach     = 4
	isolatedEach     = 20
	deletedEach      = 100
	insertedAtOnce   = 500_000
	tasksOfBatch     = 5_000
	warehouseMemory  = "10GB"
	dayMillis        = span.DayMillis
	recentDays       = 2 * keyed.Around
	lookedUpTogether = 4096
	warehouseDataset = "warehouse"
)

// warehouse measures jobs over a large dataset.
func warehouse(ctx context.Context, out io.Writer, engagements int) error {
	service, err := startService(warehouseMemory)
	if err != nil {
		return err
	}
	defer service.stop()
	uri := service.uri(warehouseDataset) + "&max_staleness=0s" // no job waits for the one before it
	if err := sinkbigquery.Apply(ctx, strings.TrimPrefix(uri, "bigquery:")); err != nil {
		return err
	}
	client, err := bigquery.NewClient(ctx, project, option.WithEndpoint(service.rest), option.WithoutAuthentication())
	if err != nil {
		return err
	}
	defer client.Close()
	began := time.Now()
	if err := fill(ctx, client, engagements); err != nil {
		return fmt.Errorf("fill the warehouse: %w", err)
	}
	fmt.Fprintf(out, "\n%d engagements of %d days, made in %v\n", engagements, warehouseDays, time.Since(began).Round(time.Second))
	whole, err := readingAll(ctx, client)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-44s %8s %8s %10s %10s\n", "", "seconds", "queries", "billed MB", "memory MB")
	fmt.Fprintf(out, "%-44s %8s %8d %10d %10s\n", "reading all keys, versions and deletes", "-", 5, whole>>20, "-")
	file, err := dayFile(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(filepath.Dir(file))
	for _, merged := range []bool{false, true} {
		name := "cdc"
		if merged {
			name = "formerly load"
			if err := labelMerged(ctx, client); err != nil {
				return err
			}
		}
		for _, job := range []struct{ name, what string }{
			{"live: up to the set of recent tasks", "live"}, {"live: with look-ups and the first flush", "flush"}, {"batch of a day", file}, {"the same batch again", file},
		} {
			s, err := startIn(ctx, uri, job.what)
			if err != nil {
				return fmt.Errorf("%s: %w", job.name, err)
			}
			fmt.Fprintf(out, "%-44s %8.1f %8d %10d %10d\n", name+", "+job.name, s.Seconds, s.Queries.Count, s.Queries.Billed>>20, s.Memory>>20)
		}
	}
	return nil
}

// statement runs a statement to its end.
func statement(ctx context.Context, c *bigquery.Client, sql string, dry bool) (*bigquery.JobStatus, error) {
	q := c.Query(sql)
	q.DefaultDatasetID, q.DryRun = warehouseDataset, dry
	job, err := q.Run(ctx)
	if err != nil {
		return nil, err
	}
	if dry {
		return job.LastStatus(), nil
	}
	status, err := job.Wait(ctx)
	if err == nil {
		err = status.Err()
	}
	return status, err
}

// fill makes the rows of the warehouse, which end with yesterday.
func fill(ctx context.Context, c *bigquery.Client, engagements int) error {
	first := span.Days(time.Now().UnixMilli(), 0).From - warehouseDays*dayMillis
	at := func(of int) string { // of the n-th of so many, spread over all days
		return fmt.Sprintf("TIMESTAMP_MILLIS(%d + DIV(n * %d, %d))", first, int64(warehouseDays)*dayMillis, of)
	}
	sid := func(prefix, of string) string {
		return "CONCAT('" + prefix + "', SUBSTR(TO_HEX(SHA256(CAST(" + of + " AS STRING))), 1, 32))"
	}
	account := "'AC" + strings.Repeat("0", 32) + "'"
	quarters := warehouseDays * warehouseAgents * quartersOfDay
	hours := fmt.Sprintf("TIMESTAMP_MILLIS(%d + DIV(n, %d) * %d + MOD(DIV(n, %d), %d) * 900000)", first+8*60*60*1000, warehouseAgents*quartersOfDay, int64(dayMillis), warehouseAgents, quartersOfDay)
	for _, t := range []struct {
		table *model.Table
		rows  int
		cells map[string]string
	}{
		{&model.Engagements, engagements, map[string]string{
			"engagement_id": sid("WR", "n"), "task_sid": sid("WT", "DIV(n, 2)"), "contact_id": "CONCAT('+1555', CAST(n AS STRING))", "conversation_id": sid("WT", "DIV(n, 2)"),
			"start_time": at(engagements), "end_time": at(engagements), "updated_at": at(engagements), "engagement_type": "'Agent'", "status": "'Completed'", "row_version": "40970"}},
		{&model.AgentStatus, quarters, map[string]string{
			"agent_id": sid("WK", fmt.Sprintf("MOD(n, %d)", warehouseAgents)), "interval_start": hours, "updated_at": hours, "activity": "'Available'", "availability": "'Available'",
			"seconds": "900.0", "row_version": "5"}},
		{&model.Agents, warehouseAgents, map[string]string{
			"agent_id": sid("WK", "n"), "state": "'Active'", "agent_type": "'User'", "updated_at": at(warehouseAgents), "row_version": "UNIX_MILLIS(" + at(warehouseAgents) + ")"}},
		{&model.Customers, engagements / customerEach, map[string]string{
			"contact_id": fmt.Sprintf("IF(MOD(n, %d) = 0, %s, CONCAT('+1555', CAST(n AS STRING)))", isolatedEach, sid("WT", "n")), "contact_kind": "'phone'",
			"isolated": fmt.Sprintf("MOD(n, %d) = 0", isolatedEach), "updated_at": at(engagements / customerEach), "row_version": "UNIX_MILLIS(" + at(engagements/customerEach) + ")"}},
	} {
		if err := insert(ctx, c, t.table, t.rows, account, t.cells); err != nil {
			return fmt.Errorf("%s: %w", t.table.Name, err)
		}
	}
	deletes := fmt.Sprintf("INSERT INTO flexbeam_deletes (table_name, key, row_version, row_time) SELECT 'engagements', CONCAT('[\"', %s, '\",\"', %s, '\"]'), 1, %s FROM UNNEST(GENERATE_ARRAY(0, %d)) AS n",
		account, sid("WR", "-n"), at(engagements/deletedEach), engagements/deletedEach-1)
	_, err := statement(ctx, c, deletes, false)
	return err
}

// insert inserts rows, n being their number from 0. Columns that must not be null and are not named
// have an empty text, false or 0.
func insert(ctx context.Context, c *bigquery.Client, t *model.Table, rows int, account string, cells map[string]string) error {
	var names, values []string
	for _, column := range t.Columns {
		value, named := cells[column.Name]
		switch {
		case named:
		case column.Name == "account_sid":
			value = account
		case !column.Required:
			continue
		case column.Type == model.String:
			value = "''"
		case column.Type == model.Bool:
			value = "FALSE"
		default:
			value = "0"
		}
		names, values = append(names, column.Name), append(values, value)
	}
	for from := 0; from < rows; from += insertedAtOnce {
		sql := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM UNNEST(GENERATE_ARRAY(%d, %d)) AS n", t.Name, strings.Join(names, ", "), strings.Join(values, ", "), from, min(from+insertedAtOnce, rows)-1)
		if _, err := statement(ctx, c, sql, false); err != nil {
			return err
		}
	}
	return nil
}

// readingAll returns what BigQuery would bill for reading the keys of all rows with an owner, the
// versions of the other tables, and all deletes, as versions did that knew no days.
func readingAll(ctx context.Context, c *bigquery.Client) (billed int64, err error) {
	for _, sql := range []string{
		"SELECT account_sid, engagement_id, task_sid, row_version FROM engagements", "SELECT account_sid, agent_id, interval_start, activity, row_version FROM agent_status",
		"SELECT contact_id, isolated, row_version FROM customers", "SELECT account_sid, agent_id, row_version FROM agents", "SELECT table_name, key, row_version FROM flexbeam_deletes",
	} {
		status, err := statement(ctx, c, sql, true)
		if err != nil {
			return 0, err
		}
		const least = 10 << 20
		billed += max(status.Statistics.TotalBytesProcessed, least)
	}
	return billed, nil
}

// labelMerged has the rows of all tables pass for merged ones.
func labelMerged(ctx context.Context, c *bigquery.Client) error {
	for _, t := range model.Tables {
		var u bigquery.TableMetadataToUpdate
		u.SetLabel("flexbeam_merged", "yes")
		if _, err := c.Dataset(warehouseDataset).Table(t.Name).Update(ctx, u, ""); err != nil {
			return err
		}
	}
	return nil
}

// dayFile draws the events of yesterday.
func dayFile(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "flexbeam-bench-")
	if err != nil {
		return "", err
	}
	f, err := os.Create(filepath.Join(dir, "day.ndjson"))
	if err != nil {
		return "", err
	}
	c := simulate.DefaultConfig()
	c.Start, c.Tasks = time.UnixMilli(span.Days(time.Now().UnixMilli(), 1).From+8*60*60*1000).UTC(), tasksOfBatch
	if _, err = simulate.Write(ctx, c, f); err != nil {
		return "", errors.Join(err, f.Close())
	}
	return f.Name(), f.Close()
}

// started is what a job took.
type started struct {
	Seconds float64
	Queries sink.Queries
	Memory  int64 // the most that its process had, bytes
}

// startIn runs a job in a process of its own.
func startIn(ctx context.Context, uri, what string) (s started, err error) {
	cmd := exec.CommandContext(ctx, os.Args[0], "start", uri, what)
	var told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &told, os.Stderr
	if err := cmd.Run(); err != nil {
		return s, err
	}
	return s, json.Unmarshal(told.Bytes(), &s)
}

// start is that process. what is live, flush, or the file of a batch.
func start(ctx context.Context, uri, what string) error {
	began := time.Now()
	var s started
	var err error
	if what == "live" || what == "flush" {
		s.Queries, err = live(ctx, uri, what == "flush")
	} else {
		s.Queries, err = batch(ctx, uri, what)
	}
	if err != nil {
		return err
	}
	s.Seconds = time.Since(began).Seconds()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return err
	}
	s.Memory = u.Maxrss << 10
	return json.NewEncoder(os.Stdout).Encode(s)
}

// live does what a live stream does at its start; with flush also what it does when the first tasks
// come, which have rows: these are looked up, and rows of tables of all kinds are stored.
func live(ctx context.Context, uri string, flush bool) (q sink.Queries, err error) {
	w, err := sink.Open(ctx, uri, sink.Options{})
	if err != nil {
		return q, err
	}
	prior := keyed.NewPriorRows(w)
	now := time.Now().UnixMilli()
	if err = prior.Cover(ctx, []string{model.TaskKind, model.WorkerKind}, span.Set{{From: span.Days(now, recentDays).From, To: math.MaxInt64}}); err == nil && flush {
		if err = lookUp(ctx, w, prior, now); err == nil {
			err = w.Write(ctx, someOfEach(now))
		}
		if err == nil {
			err = w.Flush(ctx)
		}
	}
	q = w.Queries()
	return q, errors.Join(err, w.Close(ctx))
}

// lookUp looks up the rows of some thousands of tasks that yesterday has.
func lookUp(ctx context.Context, w sink.Sink, prior *keyed.PriorRows, now int64) error {
	kind := &keyed.Kind{Name: model.TaskKind}
	look, err := prior.Looker(ctx, kind)
	if err != nil {
		return err
	}
	yesterday := span.Days(now-dayMillis, 0)
	days := keyed.DaysOf([]event.Group{{Events: []*event.Event{{Time: keyed.Millis(yesterday.From)}}}})
	var asks []keyed.Ask
	err = w.Owners(ctx, model.EngagementsID, yesterday, func(r model.Row) error {
		out := keyed.Output{Look: look.Look(event.Key(model.Engagements.OwnerKey(r)))}
		if len(asks) < lookedUpTogether && keyed.NewState().Ask(keyed.Whole, func() span.Set { return days }, &out) {
			asks = append(asks, *out.Ask)
		}
		return nil
	})
	if err != nil {
		return err
	}
	found, err := look.Find(ctx, asks)
	if err == nil && len(found) != len(asks) {
		err = fmt.Errorf("rows of %d tasks were found, asked for %d", len(found), len(asks))
	}
	return err
}

// someOfEach returns a row of each table that a job writes to.
func someOfEach(now int64) (b change.Block) {
	for _, t := range []*model.Table{&model.Engagements, &model.AgentStatus, &model.Agents, &model.Customers} {
		r := t.NewRow()
		for i, c := range t.Columns {
			switch {
			case !c.Required:
			case c.Type == model.String:
				r[i] = model.Text("bench")
			case c.Type == model.Timestamp:
				r[i] = model.Millis(now)
			case c.Type == model.Bool:
				r[i] = model.Boolean(false)
			case c.Type == model.Float:
				r[i] = model.Number(1)
			default:
				r[i] = model.Integer(1)
			}
		}
		r[len(r)-1] = model.Integer(1)
		b = b.Append(change.Change{Table: t.ID, Row: r})
	}
	return b
}

// batch folds a file into the sink.
func batch(ctx context.Context, uri, file string) (q sink.Queries, err error) {
	hooks.DisableHook(harness.DefaultRemoteLoggingHook)
	beam.Init()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Beam's chatter
	job, err := pipeline.New(pipeline.Options{Source: "file:" + file, Sink: uri})
	if err != nil {
		return q, err
	}
	sum, err := job.Run(ctx)
	return sink.Queries{Count: sum.Queries, Billed: sum.Billed}, err
}
