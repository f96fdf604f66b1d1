package bigquerylocal

import (
	"context"
	"strconv"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"
)

// create reads CREATE [OR REPLACE] TABLE and VIEW [IF NOT EXISTS]
// (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language).
func (x *translator) create(s *Server, all []token) (*statement, error) {
	d := &definition{x: x, server: s, rest: all[1:], meta: &bq.Table{}}
	replace := d.take("OR", "REPLACE")
	st := &statement{}
	switch {
	case d.take("TABLE"):
		st.kind = "CREATE_TABLE"
	case d.take("VIEW"):
		st.kind = "CREATE_VIEW"
		d.view = true
	default:
		return nil, x.unknown(d.peek(), "the statement CREATE %s", strings.ToUpper(d.peek().text))
	}
	keep := d.take("IF", "NOT", "EXISTS")
	parts, n, err := x.name(d.rest)
	if err != nil {
		return nil, err
	}
	if d.name, err = x.resolve(parts, d.rest[0]); err != nil {
		return nil, err
	}
	d.rest = d.rest[n:]
	if err := d.body(); err != nil {
		return nil, err
	}
	st.define = func(ctx context.Context) error { return s.catalog.define(ctx, d, replace, keep) }
	return st, nil
}

// A definition is the statement that is being read.
type definition struct {
	x      *translator
	server *Server
	rest   []token
	view   bool
	name   tableName
	meta   *bq.Table
}

func (d *definition) peek() token {
	if len(d.rest) == 0 {
		return token{kind: punct, text: "end of statement", offset: len(d.x.query)}
	}
	return d.rest[0]
}

// take passes these words, if they come next.
func (d *definition) take(words ...string) bool {
	if len(d.rest) < len(words) {
		return false
	}
	for i, w := range words {
		if !d.rest[i].is(w) {
			return false
		}
	}
	d.rest = d.rest[len(words):]
	return true
}

// group passes a pair of parentheses and returns what is in it.
func (d *definition) group() ([]token, error) {
	if !d.peek().is("(") {
		return nil, d.unexpected()
	}
	end, err := d.x.closing(d.rest, 0)
	if err != nil {
		return nil, err
	}
	inside := d.rest[1:end]
	d.rest = d.rest[end+1:]
	return inside, nil
}

func (d *definition) unexpected() error {
	return invalidQuery("Syntax error: Unexpected %q at [%s]", d.peek().text, position(d.x.query, min(d.peek().offset, len(d.x.query))))
}

func (d *definition) body() error {
	d.meta.Schema = &bq.TableSchema{}
	if d.peek().is("(") {
		inside, err := d.group()
		if err != nil {
			return err
		}
		for _, c := range split(inside) {
			if len(c) == 0 { // a comma behind the last one
				continue
			}
			if err := d.column(c); err != nil {
				return err
			}
		}
	}
	for len(d.rest) > 0 {
		switch {
		case !d.view && d.take("PARTITION", "BY"):
			if err := d.partition(); err != nil {
				return err
			}
		case !d.view && d.take("CLUSTER", "BY"):
			d.meta.Clustering = &bq.Clustering{}
			for {
				d.meta.Clustering.Fields = append(d.meta.Clustering.Fields, d.peek().text)
				d.rest = d.rest[min(1, len(d.rest)):]
				if !d.take(",") {
					break
				}
			}
		case d.take("OPTIONS"):
			inside, err := d.group()
			if err != nil {
				return err
			}
			if err := d.options(inside); err != nil {
				return err
			}
		case d.view && d.take("AS"):
			if len(d.rest) == 0 {
				return d.unexpected()
			}
			last := d.rest[len(d.rest)-1]
			query := d.x.query[d.rest[0].offset:]
			if i := strings.LastIndex(query, ";"); i > last.offset-d.rest[0].offset { // behind the last token
				query = query[:i]
			}
			d.meta.View = &bq.ViewDefinition{Query: strings.TrimSpace(query)}
			d.rest = nil
		case d.peek().is("AS"):
			return d.x.unknown(d.peek(), "CREATE TABLE AS SELECT")
		default:
			return d.unexpected()
		}
	}
	if d.view && d.meta.View == nil {
		return invalidQuery("Syntax error: A view needs AS and a query")
	}
	return nil
}

// column reads one of the list: a column, or PRIMARY KEY (columns) NOT ENFORCED.
func (d *definition) column(c []token) error {
	in := &definition{x: d.x, rest: c}
	if in.take("PRIMARY", "KEY") {
		inside, err := in.group()
		if err != nil {
			return err
		}
		if !in.take("NOT", "ENFORCED") || len(in.rest) > 0 {
			return invalidQuery("Primary keys must be NOT ENFORCED at [%s]", position(d.x.query, c[0].offset))
		}
		key := &bq.TableConstraintsPrimaryKey{}
		for _, k := range split(inside) {
			if len(k) != 1 {
				return in.unexpected()
			}
			key.Columns = append(key.Columns, k[0].text)
		}
		d.meta.TableConstraints = &bq.TableConstraints{PrimaryKey: key}
		return nil
	}
	f := &bq.TableFieldSchema{Name: c[0].text, Mode: "NULLABLE"}
	in.rest = in.rest[1:]
	if !d.view {
		k, ok := kindNamed(in.peek().text)
		if !ok {
			return d.x.unknown(c[0], "columns of type %s", in.peek().text)
		}
		f.Type = kinds[k].rest
		in.rest = in.rest[1:]
		if in.take("NOT", "NULL") {
			f.Mode = "REQUIRED"
		}
	}
	if in.take("OPTIONS") {
		inside, err := in.group()
		if err != nil {
			return err
		}
		for _, o := range split(inside) {
			if len(o) != 3 || !o[0].is("description") || !o[1].is("=") || o[2].kind != text {
				return d.x.unknown(c[0], "this option of column %s", f.Name)
			}
			f.Description = o[2].text
		}
	}
	if len(in.rest) > 0 {
		return in.unexpected()
	}
	d.meta.Schema.Fields = append(d.meta.Schema.Fields, f)
	return nil
}

// partition reads the expression that a table is partitioned by.
func (d *definition) partition() error {
	p := &bq.TimePartitioning{Type: "DAY"}
	d.meta.TimePartitioning = p
	at := d.peek()
	switch {
	case d.take("DATE"):
		inside, err := d.group()
		if err != nil || len(inside) != 1 {
			return d.x.unknown(at, "this partitioning")
		}
		p.Field = inside[0].text
	case d.take("TIMESTAMP_TRUNC"):
		inside, err := d.group()
		a := split(inside)
		if err != nil || len(a) != 2 || len(a[0]) != 1 || len(a[1]) != 1 {
			return d.x.unknown(at, "this partitioning")
		}
		p.Field, p.Type = a[0][0].text, strings.ToUpper(a[1][0].text)
	case at.kind == word || at.kind == quoted:
		p.Field, d.rest = at.text, d.rest[1:]
	default:
		return d.unexpected()
	}
	return nil
}

// options reads OPTIONS of a table or view.
func (d *definition) options(inside []token) error {
	for _, o := range split(inside) {
		if len(o) < 3 || !o[1].is("=") {
			return d.unexpected()
		}
		name, value := strings.ToLower(o[0].text), o[2]
		null := len(o) == 3 && value.is("NULL")
		switch {
		case name == "description" && null:
			d.meta.Description = ""
		case name == "friendly_name" && null:
			d.meta.FriendlyName = ""
		case name == "labels" && null:
			d.meta.Labels = nil
		case name == "max_staleness" && null:
			d.meta.MaxStaleness = ""
		case name == "partition_expiration_days" && len(o) == 3 && (null || value.kind == number):
			if d.meta.TimePartitioning == nil {
				return invalidQuery("partition_expiration_days is only available for partitioned tables")
			}
			days := 0.0
			if !null {
				var err error
				if days, err = strconv.ParseFloat(value.text, 64); err != nil || days <= 0 {
					return invalidQuery("Invalid value of partition_expiration_days: %s", value.text)
				}
			}
			d.meta.TimePartitioning.ExpirationMs = int64(days * 86400000)
		case name == "expiration_timestamp" && null:
			d.meta.ExpirationTime = 0
		case name == "expiration_timestamp" && len(o) == 4 && value.is("TIMESTAMP") && o[3].kind == text:
			at, err := fromJSON(kindTimestamp, o[3].text)
			if err != nil {
				return invalidQuery("Invalid timestamp: %s", o[3].text)
			}
			d.meta.ExpirationTime = at.(time.Time).UnixMilli()
		case name == "description" && len(o) == 3 && value.kind == text:
			d.meta.Description = value.text
		case name == "friendly_name" && len(o) == 3 && value.kind == text:
			d.meta.FriendlyName = value.text
		case name == "labels" && value.is("["):
			if err := d.labels(o[0], o[2:]); err != nil {
				return err
			}
		case name == "max_staleness" && len(o) == 5 && value.is("INTERVAL") && o[3].kind == number:
			days, clock := "0", "0:0:0"
			switch strings.ToUpper(o[4].text) {
			case "DAY":
				days = o[3].text
			case "HOUR":
				clock = o[3].text + ":0:0"
			case "MINUTE":
				clock = "0:" + o[3].text + ":0"
			case "SECOND":
				clock = "0:0:" + o[3].text
			default:
				return d.x.unknown(o[4], "max_staleness in this unit")
			}
			d.meta.MaxStaleness = "0-0 " + days + " " + clock
		default:
			return d.x.unknown(o[0], "the option %s in this form", name)
		}
	}
	return nil
}

// labels reads [('key', 'value'), ...].
func (d *definition) labels(at token, all []token) error {
	if len(all) < 2 {
		return d.x.unknown(at, "labels in this form")
	}
	d.meta.Labels = map[string]string{}
	for _, l := range split(all[1 : len(all)-1]) {
		if len(l) != 5 || l[1].kind != text || l[3].kind != text {
			return d.x.unknown(at, "labels in this form")
		}
		d.meta.Labels[l[1].text] = l[3].text
	}
	return nil
}

// define makes what a statement defines.
func (c *catalog) define(ctx context.Context, d *definition, replace, keep bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, err := c.tableLocked(d.name)
	if err == nil {
		switch {
		case keep:
			return nil
		case !replace:
			return duplicate("Table %s", d.name)
		case old.isView() != d.view:
			return invalidQuery("%s is of another type and cannot be replaced", d.name)
		}
	}
	set := setting{project: d.x.project}
	if d.x.dataset != "" {
		set.dataset = &bq.DatasetReference{ProjectId: d.x.project, DatasetId: d.x.dataset}
	}
	if d.view {
		names := d.meta.Schema.Fields
		if err := c.server.describeView(ctx, d.name, d.meta, set); err != nil {
			return err
		}
		if len(names) > 0 && len(names) != len(d.meta.Schema.Fields) {
			return invalidQuery("View %s has %s columns in its list and %s in its query", d.name, strconv.Itoa(len(names)), strconv.Itoa(len(d.meta.Schema.Fields)))
		}
		for i, f := range names {
			if f.Name != d.meta.Schema.Fields[i].Name {
				return d.x.unknown(token{}, "views whose columns have other names than in the query: %s and %s", f.Name, d.meta.Schema.Fields[i].Name)
			}
		}
	}
	if err == nil {
		if err := c.drop(ctx, c.datasets[datasetName{d.name.project, d.name.dataset}], old); err != nil {
			return err
		}
	}
	_, err = c.createLocked(ctx, d.name, d.meta, set)
	return err
}
