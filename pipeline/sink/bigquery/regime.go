package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cloud.google.com/go/bigquery"

	"flexbeam/schemas/model"
)

// A regime is how the rows of a table get there. It is written on the table, in a label. A table
// that changes were streamed to may take no MERGE any more, for how long is not published; so what
// came before decides, and never an estimate.
type regime string

const (
	regimeLabel = "flexbeam_regime"

	byStream regime = "cdc"  // change data capture, whatever job it is
	byLoad   regime = "load" // load jobs and MERGE, until the first streamed row
)

// ErrRegime says that a job is to load into a table that belongs to change data capture.
var ErrRegime = errors.New("the table belongs to change data capture")

// table returns a table of the dataset.
func (w *Writer) table(t *table) *bigquery.Table { return w.beside(t, t.name) }

// beside returns the table of a name in the dataset of a table.
func (w *Writer) beside(t *table, name string) *bigquery.Table {
	return w.rest.DatasetInProject(w.config.project, w.config.in(t)).Table(name)
}

// view returns a view of the dataset.
func (w *Writer) view(v *model.View) *bigquery.Table {
	return w.rest.DatasetInProject(w.config.project, w.config.dataset).Table(v.Name)
}

// wanted is the regime that the job gives to empty tables.
func (w *Writer) wanted() regime {
	if w.config.mode == modeLoad || w.config.mode == modeAuto && w.bounded {
		return byLoad
	}
	return byStream
}

// read returns the regime that a table has; empty for one that has none, since it has no rows.
func (w *Writer) read(ctx context.Context, t *table, meta *bigquery.TableMetadata) (regime, error) {
	switch label := regime(meta.Labels[regimeLabel]); label {
	case byStream, byLoad:
		return label, nil
	case "":
	default:
		return "", fmt.Errorf("%w: the label %s is %q, wanted %s or %s", ErrTable, regimeLabel, label, byStream, byLoad)
	}
	// Any sign of rows will do. Each of them alone may miss some.
	if meta.NumRows > 0 || meta.StreamingBuffer != nil {
		return byStream, nil
	}
	found := regime("")
	err := w.query(ctx, "SELECT 1 FROM "+w.config.sql(t.name)+" LIMIT 1", func([]bigquery.Value) error { found = byStream; return nil })
	return found, err
}

// enter returns the regime by which the job writes to a table, which the table has from then on:
// its own, or the wanted one where it has none. A table of load jobs goes over to change data
// capture when that is wanted. Of two jobs that enter a table at the same time, the etag lets one
// go first.
func (w *Writer) enter(ctx context.Context, t *table, wanted regime) (regime, *bigquery.TableMetadata, error) {
	for {
		meta, err := w.metadata(ctx, t)
		if err != nil {
			return "", nil, err
		}
		has, err := w.read(ctx, t, meta)
		if err != nil {
			return "", nil, fmt.Errorf("bigquery: table %s: %w", t.name, explain(err))
		}
		if has == "" || has == byLoad && wanted == byStream {
			has = wanted
		}
		if has == byStream && w.config.mode == modeLoad {
			return "", nil, w.forced(t)
		}
		if meta.Labels[regimeLabel] == string(has) {
			return has, meta, nil
		}
		var change bigquery.TableMetadataToUpdate
		change.SetLabel(regimeLabel, string(has))
		err = w.retry(ctx, func(ctx context.Context) error { _, err := w.table(t).Update(ctx, change, meta.ETag); return err })
		if err != nil && restStatus(err) != http.StatusPreconditionFailed {
			return "", nil, fmt.Errorf("bigquery: label table %s with %s=%s: %w", t.name, regimeLabel, has, explain(err))
		}
	}
}

// forced is the error of mode=load where rows are streamed.
func (w *Writer) forced(t *table) error {
	return fmt.Errorf("bigquery: mode=load into %s: %w and takes no MERGE: leave mode=load out, or name another dataset", w.config.full(t), ErrRegime)
}

// loadable refuses mode=load for a dataset in which a table belongs to change data capture.
func (w *Writer) loadable(ctx context.Context) error {
	for _, t := range tables {
		meta, err := w.metadata(ctx, t)
		if err != nil {
			return err
		}
		has, err := w.read(ctx, t, meta)
		if err != nil {
			return fmt.Errorf("bigquery: table %s: %w", t.name, explain(err))
		}
		if has == byStream {
			return w.forced(t)
		}
	}
	return nil
}

// refusedDML tells whether BigQuery says that it takes no UPDATE, DELETE or MERGE of a table since
// changes were streamed to it.
func refusedDML(err error) bool {
	return err != nil && strings.Contains(err.Error(), "UPSERT stream")
}
