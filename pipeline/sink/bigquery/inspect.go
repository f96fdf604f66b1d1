package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/bigquery"
	"golang.org/x/sync/errgroup"

	"flexbeam/internal/finding"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

func init() { sink.RegisterInspector("bigquery", inspect) }

// inspectRetry is how long a request of an inspection is tried again.
const inspectRetry = 2 * time.Second

// An inspector looks at datasets.
type inspector struct {
	*Writer

	mu sync.Mutex
	in sink.Inspection
}

func (i *inspector) add(f finding.Finding) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.in.Findings = append(i.in.Findings, f)
}

// fails adds what an error of the service means, once for all tables.
func (i *inspector) fails(where string, err error) {
	f := broken(where, err)
	i.mu.Lock()
	defer i.mu.Unlock()
	if !slices.ContainsFunc(i.in.Findings, func(o finding.Finding) bool { return o.Name == f.Name }) {
		i.in.Findings = append(i.in.Findings, f)
	}
}

// inspect looks at the datasets that a URI names. What a job would make is no finding.
func inspect(ctx context.Context, rest string) sink.Inspection {
	p, err := parseConfig(rest)
	if err != nil {
		return sink.Inspection{Findings: []finding.Finding{finding.New("config-sink", "bigquery:"+rest, err.Error(), "write such as bigquery:PROJECT.DATASET")}}
	}
	p.retry = min(p.retry, inspectRetry)
	if until, ok := ctx.Deadline(); ok {
		p.timeout = min(p.timeout, time.Until(until))
	}
	i := &inspector{Writer: &Writer{config: p}}
	if i.rest, err = p.rest(ctx); err != nil {
		i.add(finding.New("bigquery-credentials", p.String(), err.Error(), credentialsAdvice))
		return i.in
	}
	defer i.rest.Close()
	for _, d := range p.datasets() {
		i.dataset(ctx, d)
	}
	if len(i.in.Findings) == 0 {
		i.queries(ctx)
	}
	return i.in
}

// dataset looks at one dataset and its tables.
func (i *inspector) dataset(ctx context.Context, name string) {
	where := i.config.project + "." + name
	meta, err := retried(ctx, i.Writer, i.rest.DatasetInProject(i.config.project, name).Metadata)
	switch {
	case restStatus(err) == http.StatusNotFound && i.config.apply:
		return // a job makes it
	case restStatus(err) == http.StatusNotFound:
		i.add(finding.New("bigquery-dataset", where, "there is no such dataset, and schema=none makes none", "flexbeam schema apply --sink bigquery:"+where))
		return
	case err != nil:
		i.fails(where, err)
		return
	}
	if want := i.config.location; want != "" && !strings.EqualFold(meta.Location, want) {
		i.add(finding.Newf("bigquery-location", where, "write location="+meta.Location+", or name another dataset: a dataset cannot move", "it is in %s, and the sink says location=%s", meta.Location, want))
	}
	var g errgroup.Group
	g.SetLimit(8)
	var there *table
	var mu sync.Mutex
	for _, t := range tables {
		if i.config.in(t) == name {
			g.Go(func() error {
				found := i.table(ctx, t)
				mu.Lock()
				defer mu.Unlock()
				if found && (there == nil || t.id < there.id) {
					there = t
				}
				return nil
			})
		}
	}
	if name == i.config.dataset {
		for _, v := range model.Views {
			g.Go(func() error { i.view(ctx, v); return nil })
		}
	}
	_ = g.Wait()
	if there != nil {
		i.rights(ctx, there)
	}
}

// table looks at one table, and tells whether it is there.
func (i *inspector) table(ctx context.Context, t *table) bool {
	where := i.config.full(t)
	meta, err := i.look(ctx, i.Writer.table(t))
	apply := "flexbeam schema apply --sink bigquery:" + i.config.String()
	switch {
	case restStatus(err) == http.StatusNotFound:
		if !i.config.apply {
			i.add(finding.New("bigquery-columns", where, "the table is missing, and schema=none makes none", apply))
		}
		return false
	case err != nil:
		i.fails(where, err)
		return false
	}
	if t == tables[model.EngagementsID] {
		i.in.ID, i.in.Shape = i.config.identity(meta), shapeOf(meta)
	}
	if _, _, err := i.patch(t, meta); err != nil {
		i.add(finding.New("bigquery-table", where, strings.TrimPrefix(err.Error(), ErrTable.Error()+": "), "rename the table, or write into another dataset: --sink bigquery:PROJECT.DATASET"))
		return true
	}
	if lacks := lackingColumns(t, meta.Schema); len(lacks) > 0 && !i.config.apply {
		i.add(finding.New("bigquery-columns", where, "it has no column "+strings.Join(lacks, ", "), apply))
	}
	has := regime(meta.Labels[regimeLabel])
	switch {
	case has != "" && has != byStream && has != byLoad:
		i.add(finding.Newf("bigquery-regime", where, fmt.Sprintf("bq update --set_label %s:%s %s:%s.%s", regimeLabel, byStream, i.config.project, i.config.in(t), t.name),
			"its label %s is %q, which is neither %s nor %s", regimeLabel, has, byStream, byLoad))
	case has == byStream && i.config.mode == modeLoad:
		i.add(finding.New("bigquery-regime", where, "rows were streamed to it, and mode=load would merge, which it takes no more", "leave mode=load out of the sink"))
	}
	return true
}

// lackingColumns returns the columns that a table does not have.
func lackingColumns(t *table, have bigquery.Schema) (names []string) {
	for _, c := range t.columns {
		if !slices.ContainsFunc(have, func(f *bigquery.FieldSchema) bool { return strings.EqualFold(f.Name, c.name) }) {
			names = append(names, c.name)
		}
	}
	return names
}

// view looks whether the name of a view is free, or the view flexbeam's.
func (i *inspector) view(ctx context.Context, v *model.View) {
	where := i.config.String() + "." + v.Name
	meta, err := i.look(ctx, i.Writer.view(v))
	rename := "rename it, or write into another dataset: --sink bigquery:PROJECT.DATASET"
	switch {
	case restStatus(err) == http.StatusNotFound, err == nil && !i.config.apply:
	case err != nil:
		i.fails(where, err)
	case meta.Type != bigquery.ViewTable:
		i.add(finding.Newf("bigquery-table", where, rename, "it is a %s, and flexbeam has a view of that name", strings.ToLower(string(meta.Type))))
	case meta.Labels[managedLabel] != agent && !sameText(meta.ViewQuery, v.BigQueryText(i.config.sql)):
		i.add(finding.New("bigquery-table", where, "a view of that name is there which is not flexbeam's", rename))
	}
}

// rights finds out what the account may not do with a table.
func (i *inspector) rights(ctx context.Context, t *table) {
	where := i.config.full(t)
	has, err := i.Writer.rights(ctx, t)
	if restStatus(err) == http.StatusNotFound { // the service does not know the question
		return
	}
	if err != nil {
		i.fails(where, err)
		return
	}
	if lacks := without(permissions, has); len(lacks) > 0 {
		i.add(finding.New("bigquery-rights", where, "the account lacks "+strings.Join(lacks, ", "), rolesAdvice))
	}
}

// queries finds out whether the account may run queries, by one that costs nothing.
func (i *inspector) queries(ctx context.Context) {
	err := i.retry(ctx, func(ctx context.Context) error {
		q := i.rest.Query("SELECT 1")
		q.DryRun, q.Location = true, i.config.location
		_, err := q.Run(ctx)
		return err
	})
	if err != nil {
		i.fails(i.config.project, err)
	}
}

// broken returns what an error of the service means.
func broken(where string, err error) finding.Finding {
	said := explain(err).Error()
	switch status := restStatus(err); {
	case status == http.StatusForbidden:
		return finding.New("bigquery-rights", where, said, rolesAdvice)
	case status == http.StatusUnauthorized, refusedCredentials(err), strings.Contains(said, "could not find default credentials"):
		return finding.New("bigquery-credentials", where, said, credentialsAdvice)
	case errors.Is(err, context.DeadlineExceeded):
		said = "it does not answer in time"
	}
	return finding.New("bigquery-unreachable", where, said, "look at the network, at an endpoint= of the sink, and at status.cloud.google.com")
}
