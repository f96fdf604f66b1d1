package bigquery

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"cloud.google.com/go/bigquery"

	"flexbeam/schemas/model"
)

const (
	managedLabel = "managed_by"

	// stalenessLabel is on tables whose max_staleness is as the options said. An earlier version
	// set it to 0 for a moment, and could be killed in it.
	stalenessLabel = "flexbeam_staleness"
	runAgain       = "name another dataset, or change the table and run flexbeam schema apply again"
)

// fieldTypes are the types of columns as the REST service names them.
var fieldTypes = [...]bigquery.FieldType{
	model.String: bigquery.StringFieldType, model.Timestamp: bigquery.TimestampFieldType, model.Float: bigquery.FloatFieldType,
	model.Int: bigquery.IntegerFieldType, model.Bool: bigquery.BooleanFieldType, model.Bytes: bigquery.BytesFieldType,
}

// standardNames are the names of types in SQL, where they differ from those of the REST service.
var standardNames = map[bigquery.FieldType]string{bigquery.IntegerFieldType: "INT64", bigquery.FloatFieldType: "FLOAT64", bigquery.BooleanFieldType: "BOOL"}

func typeName(t bigquery.FieldType, repeated bool) string {
	name := string(t)
	if s := standardNames[t]; s != "" {
		name = s
	}
	if repeated {
		return "ARRAY<" + name + ">"
	}
	return name
}

// apply makes what is missing and drops nothing.
func (w *Writer) apply(ctx context.Context) error {
	for _, d := range w.config.datasets() {
		if err := w.applyDataset(ctx, d); err != nil {
			return err
		}
	}
	for _, t := range tables {
		if err := w.applyTable(ctx, t); err != nil {
			return fmt.Errorf("bigquery: table %s: %w", w.config.full(t), explain(err))
		}
	}
	for _, v := range model.Views {
		if err := w.applyView(ctx, v); err != nil {
			return fmt.Errorf("bigquery: view %s.%s: %w", w.config, v.Name, explain(err))
		}
	}
	return nil
}

func (w *Writer) applyDataset(ctx context.Context, name string) error {
	d := w.rest.DatasetInProject(w.config.project, name)
	meta, err := retried(ctx, w, d.Metadata)
	if restStatus(err) == http.StatusNotFound {
		err = w.retry(ctx, func(ctx context.Context) error {
			return d.Create(ctx, &bigquery.DatasetMetadata{
				Location:    w.config.location,
				Description: "Tables of Twilio Flex conversations, kept by flexbeam.",
				Labels:      map[string]string{managedLabel: agent},
			})
		})
		if restStatus(err) == http.StatusConflict { // another process was quicker, or an answer was lost
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("bigquery: dataset %s.%s: %w", w.config.project, name, explain(err))
	}
	return w.locate(name, meta)
}

// locate takes the location of a dataset, which has to be that of the options if they name one.
// meta is nil for a dataset that was made with it.
func (w *Writer) locate(name string, meta *bigquery.DatasetMetadata) error {
	switch {
	case meta == nil:
	case w.config.location == "":
		w.config.location, w.rest.Location = meta.Location, meta.Location
	case !strings.EqualFold(meta.Location, w.config.location):
		return fmt.Errorf("bigquery: dataset %s.%s is in %s, not in %s: a dataset cannot move: leave the option location out, or name another dataset",
			w.config.project, name, meta.Location, w.config.location)
	}
	return nil
}

// schema returns the columns of a table.
func (w *Writer) schema(t *table) bigquery.Schema {
	var s bigquery.Schema
	for _, c := range t.columns {
		f := &bigquery.FieldSchema{Name: c.name, Type: fieldTypes[c.kind], Required: c.required, Description: c.description}
		if c.personal && w.config.policyTag != "" {
			f.PolicyTags = &bigquery.PolicyTagList{Names: []string{w.config.policyTag}}
		}
		s = append(s, f)
	}
	return s
}

// created returns the metadata of a new table.
func (w *Writer) created(t *table) *bigquery.TableMetadata {
	meta := &bigquery.TableMetadata{
		Schema:           w.schema(t),
		Description:      t.description,
		Labels:           map[string]string{managedLabel: agent, stalenessLabel: "kept"},
		TableConstraints: &bigquery.TableConstraints{PrimaryKey: &bigquery.PrimaryKey{Columns: t.keyNames()}},
		Clustering:       &bigquery.Clustering{Fields: t.keyNames()},
	}
	if t.day != "" {
		meta.TimePartitioning = &bigquery.TimePartitioning{Type: bigquery.DayPartitioningType, Field: t.day}
	}
	staleness := w.config.staleness
	if staleness < 0 {
		staleness = defaultStaleness
	}
	if staleness > 0 && t != deletesTable {
		meta.MaxStaleness = bigquery.IntervalValueFromDuration(staleness)
	}
	return meta
}

func (w *Writer) applyTable(ctx context.Context, t *table) error {
	ref := w.table(t)
	meta, err := w.look(ctx, ref)
	if restStatus(err) == http.StatusNotFound {
		err = w.retry(ctx, func(ctx context.Context) error { return ref.Create(ctx, w.created(t)) })
		if err == nil {
			return nil
		}
		if restStatus(err) == http.StatusConflict { // another process was quicker, or an answer was lost
			meta, err = w.look(ctx, ref)
		}
	}
	if err != nil {
		return err
	}
	change, needed, err := w.patch(t, meta)
	if err != nil || !needed {
		return err
	}
	if s := cmp.Or(max(w.config.staleness, 0), defaultStaleness); change.MaxStaleness != nil && w.config.staleness != 0 && meta.Labels[stalenessLabel] == "" && staleness(meta) == 0 {
		slog.Info("a table has no max_staleness: an earlier version may have left it so, and it is set anew; with the option max_staleness=0s it stays 0", "table", t.name, "max_staleness", s)
	}
	return w.retry(ctx, func(ctx context.Context) error {
		_, err := ref.Update(ctx, change, "")
		return err
	})
}

// patch returns what a table lacks, or why it cannot be used.
func (w *Writer) patch(t *table, meta *bigquery.TableMetadata) (change bigquery.TableMetadataToUpdate, needed bool, err error) {
	if meta.Type != "" && meta.Type != bigquery.RegularTable {
		return change, false, fmt.Errorf("%w: it is a %s, wanted a table: %s", ErrTable, strings.ToLower(string(meta.Type)), runAgain)
	}
	fields, added, err := w.fields(t, meta.Schema)
	if err != nil {
		return change, false, err
	}
	if added {
		change.Schema, needed = fields, true
	}
	var key []string
	if meta.TableConstraints != nil && meta.TableConstraints.PrimaryKey != nil {
		key = meta.TableConstraints.PrimaryKey.Columns
	}
	switch {
	case len(key) == 0:
		change.TableConstraints, needed = &bigquery.TableConstraints{PrimaryKey: &bigquery.PrimaryKey{Columns: t.keyNames()}}, true
	case !slices.EqualFunc(key, t.keyNames(), strings.EqualFold):
		return change, false, fmt.Errorf("%w: the primary key is (%s), wanted (%s): %s", ErrTable, strings.Join(key, ", "), strings.Join(t.keyNames(), ", "), runAgain)
	}
	if meta.Description == "" {
		change.Description, needed = t.description, true
	}
	if meta.Labels[managedLabel] == "" {
		change.SetLabel(managedLabel, agent)
		needed = true
	}
	s := w.config.staleness
	if s < 0 && t != deletesTable && meta.Labels[stalenessLabel] == "" && staleness(meta) == 0 {
		s = defaultStaleness
	}
	if s >= 0 && t != deletesTable && staleness(meta) != s {
		change.MaxStaleness, needed = bigquery.IntervalValueFromDuration(s), true
	}
	if meta.Labels[stalenessLabel] == "" {
		change.SetLabel(stalenessLabel, "kept")
		needed = true
	}
	return change, needed, nil
}

// fields compares columns and returns those that the table should have: what it has, and behind it
// what is missing. Columns that are not of the model stay; a table may be less strict than the
// model about nulls, but not more.
func (w *Writer) fields(t *table, have bigquery.Schema) (all bigquery.Schema, changed bool, err error) {
	byName := map[string]*bigquery.FieldSchema{}
	for _, f := range have {
		byName[strings.ToLower(f.Name)] = f
		all = append(all, f)
	}
	for _, want := range w.schema(t) {
		f := byName[want.Name]
		if f == nil {
			want.Required = false // rows that are there have no value
			all, changed = append(all, want), true
			continue
		}
		delete(byName, want.Name)
		wanted := typeName(want.Type, false)
		if got := typeName(f.Type, f.Repeated); got != wanted {
			return nil, false, fmt.Errorf("%w: column %s is %s, wanted %s: %s", ErrTable, want.Name, got, wanted, runAgain)
		}
		if f.Required && !want.Required {
			f.Required, changed = false, true
		}
		if f.Description == "" {
			f.Description, changed = want.Description, true
		}
		if want.PolicyTags != nil && f.PolicyTags == nil {
			f.PolicyTags, changed = want.PolicyTags, true
		}
	}
	for _, f := range have {
		if f.Required && byName[strings.ToLower(f.Name)] == f {
			return nil, false, fmt.Errorf("%w: column %s is %s NOT NULL, wanted no such column: make it nullable, or %s", ErrTable, f.Name, typeName(f.Type, f.Repeated), runAgain)
		}
	}
	return all, changed, nil
}

func (w *Writer) applyView(ctx context.Context, v *model.View) error {
	meta, err := w.look(ctx, w.view(v))
	switch {
	case restStatus(err) == http.StatusNotFound:
	case err != nil:
		return err
	case meta.Type != bigquery.ViewTable:
		return fmt.Errorf("%w: it is a %s, wanted a view: %s", ErrTable, strings.ToLower(string(meta.Type)), runAgain)
	case sameText(meta.ViewQuery, v.BigQueryText(w.config.sql)):
		return nil
	case meta.Labels[managedLabel] != agent:
		return fmt.Errorf("%w: a view of that name is there which is not flexbeam's: rename it, or set its label %s to %s to have it replaced", ErrTable, managedLabel, agent)
	}
	return w.query(ctx, v.BigQuery(w.config.sql), func([]bigquery.Value) error { return nil })
}

func sameText(a, b string) bool {
	return strings.Join(strings.Fields(strings.TrimSuffix(strings.TrimSpace(a), ";")), " ") == strings.Join(strings.Fields(b), " ")
}
