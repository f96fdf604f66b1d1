package bigquerylocal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	bq "google.golang.org/api/bigquery/v2"
)

// drop reads DROP TABLE and DROP VIEW [IF EXISTS].
func (x *translator) drop(s *Server, all []token) (*statement, error) {
	d, st, maybe, err := x.onTarget(s, all, "DROP")
	if err != nil {
		return nil, err
	}
	if len(d.rest) > 0 {
		return nil, d.unexpected()
	}
	st.define = d.changing(maybe, func(ctx context.Context, c *catalog, t *table) error {
		return c.drop(ctx, c.datasets[datasetName{d.name.project, d.name.dataset}], t)
	})
	return st, nil
}

// alter reads ALTER TABLE and ALTER VIEW [IF EXISTS] with SET OPTIONS, and ALTER TABLE with ADD COLUMN
// (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language).
func (x *translator) alter(s *Server, all []token) (*statement, error) {
	d, st, maybe, err := x.onTarget(s, all, "ALTER")
	if err != nil {
		return nil, err
	}
	action := d.rest
	if !d.peek().is("SET") && (d.view || !d.peek().is("ADD")) {
		return nil, x.unknown(d.peek(), "this form of ALTER")
	}
	st.define = d.changing(maybe, func(ctx context.Context, c *catalog, t *table) error {
		change := &definition{x: x, server: s, rest: action, view: d.view, meta: &bq.Table{}}
		b, err := json.Marshal(t.meta)
		if err == nil {
			err = json.Unmarshal(b, change.meta)
		}
		if err != nil {
			return err
		}
		if err := change.actions(); err != nil {
			return err
		}
		return c.change(ctx, t, change.meta)
	})
	return st, nil
}

// onTarget reads what DROP and ALTER begin with: the verb, TABLE or VIEW, IF EXISTS, which maybe tells
// of, and the name.
func (x *translator) onTarget(s *Server, all []token, verb string) (d *definition, st *statement, maybe bool, err error) {
	d, st = &definition{x: x, server: s, rest: all[1:]}, &statement{}
	if st.kind, err = d.tableOrView(verb); err != nil {
		return nil, nil, false, err
	}
	maybe = d.take("IF", "EXISTS")
	return d, st, maybe, d.target()
}

// changing returns a function that calls do, which holds c.mu, with the table or view of the
// definition. Where there is none, that is an error unless maybe says that there need not be one.
func (d *definition) changing(maybe bool, do func(context.Context, *catalog, *table) error) func(context.Context) error {
	return func(ctx context.Context) error {
		c := &d.server.catalog
		c.mu.Lock()
		defer c.mu.Unlock()
		t, err := c.ofType(d.name, d.view)
		if isNotFound(err) && maybe {
			return nil
		}
		if err != nil {
			return err
		}
		return do(ctx, c, t)
	}
}

func isNotFound(err error) bool {
	var e *apiError
	return errors.As(err, &e) && e.code == http.StatusNotFound
}

// ofType returns a table or a view. The caller holds c.mu.
func (c *catalog) ofType(n tableName, view bool) (*table, error) {
	t, err := c.tableLocked(n)
	if err == nil && t.isView() != view {
		return nil, invalidQuery("%s is of another type", n)
	}
	return t, err
}

// tableOrView passes the word behind DROP or ALTER, and returns the type of the statement.
func (d *definition) tableOrView(verb string) (string, error) {
	switch {
	case d.take("TABLE"):
		return verb + "_TABLE", nil
	case d.take("VIEW"):
		d.view = true
		return verb + "_VIEW", nil
	}
	return "", d.x.unknown(d.peek(), "the statement %s %s", verb, d.peek().text)
}

// target passes the name that the statement is about.
func (d *definition) target() error {
	if len(d.rest) == 0 {
		return d.unexpected()
	}
	parts, n, err := d.x.name(append(d.rest[:len(d.rest):len(d.rest)], token{kind: punct, text: ";", offset: len(d.x.query)}))
	if err != nil {
		return err
	}
	if d.name, err = d.x.resolve(parts, d.rest[0]); err != nil {
		return err
	}
	d.rest = d.rest[n:]
	return nil
}

// actions applies SET OPTIONS (...), or ADD COLUMN ... [, ADD COLUMN ...], to d.meta. New columns
// are nullable and come last.
func (d *definition) actions() error {
	if d.take("SET", "OPTIONS") {
		inside, err := d.group()
		if err != nil {
			return err
		}
		if len(d.rest) > 0 {
			return d.unexpected()
		}
		return d.options(inside)
	}
	for _, one := range split(d.rest) {
		in := &definition{x: d.x, server: d.server, rest: one, meta: &bq.Table{Schema: &bq.TableSchema{}}}
		if !in.take("ADD", "COLUMN") {
			return d.x.unknown(in.peek(), "this form of ALTER TABLE")
		}
		maybe := in.take("IF", "NOT", "EXISTS")
		if len(in.rest) < 2 {
			return in.unexpected()
		}
		if err := in.column(in.rest); err != nil {
			return err
		}
		f := in.meta.Schema.Fields[0]
		if d.meta.Schema == nil {
			d.meta.Schema = &bq.TableSchema{}
		}
		there := false
		for _, old := range d.meta.Schema.Fields {
			there = there || old.Name == f.Name
		}
		if there && maybe {
			continue
		}
		d.meta.Schema.Fields = append(d.meta.Schema.Fields, f)
	}
	return nil
}
