package bigquery

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// permissions are what a job needs on each table: rows are read and written, and labels are set.
var permissions = []string{"bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.update", "bigquery.tables.updateData"}

// objectPermissions are what it needs on a bucket for staging.
var objectPermissions = []string{"storage.objects.create", "storage.objects.delete", "storage.objects.get"}

// find looks at the datasets of a job that makes none.
func (w *Writer) find(ctx context.Context) error {
	for _, d := range w.config.datasets() {
		meta, err := retried(ctx, w, w.rest.DatasetInProject(w.config.project, d).Metadata)
		if err != nil {
			return fmt.Errorf("bigquery: dataset %s.%s: %w", w.config.project, d, explain(err))
		}
		if err := w.locate(d, meta); err != nil {
			return err
		}
	}
	return nil
}

// check finds out whether the account has the rights that the job needs, by one table of each
// dataset and by the bucket for staging. The right to run queries shows with the first one (note).
func (w *Writer) check(ctx context.Context) error {
	for _, d := range w.config.datasets() {
		t := tables[slices.IndexFunc(tables, func(t *table) bool { return w.config.in(t) == d })]
		if _, err := w.metadata(ctx, t); err != nil {
			return err
		}
		has, err := w.rights(ctx, t)
		if restStatus(err) == http.StatusNotFound { // the table is there: it is the service that does not know the question
			continue
		}
		if err := lacking("table "+w.config.full(t), permissions, has, err); err != nil {
			return err
		}
	}
	if w.config.bucket == "" || w.wanted() != byLoad {
		return nil
	}
	o, err := newObjects(w.config)
	if err != nil {
		return err
	}
	has, err := retried(ctx, w, o.permissions)
	return lacking("gs://"+w.config.bucket, objectPermissions, has, err)
}

// rights returns which of the permissions the account has on a table.
func (w *Writer) rights(ctx context.Context, t *table) ([]string, error) {
	return retried(ctx, w, func(ctx context.Context) ([]string, error) { return w.table(t).IAM().TestPermissions(ctx, permissions) })
}

// without returns those of the needed rights that are not among some.
func without(needed, has []string) []string {
	return slices.DeleteFunc(slices.Clone(needed), func(p string) bool { return slices.Contains(has, p) })
}

// lacking is the error of an account that does not have all the rights that it needs, or which
// cannot be asked for.
func lacking(what string, needed, has []string, err error) error {
	if err != nil {
		return fmt.Errorf("bigquery: ask for the rights on %s: %w", what, explain(err))
	}
	if lacks := without(needed, has); len(lacks) > 0 {
		return fmt.Errorf("bigquery: %s: the account of the Application Default Credentials lacks %s: %s", what, strings.Join(lacks, ", "), rolesAdvice)
	}
	return nil
}
