package bigquerylocal

import (
	"fmt"
	"regexp"
	"strings"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	bq "google.golang.org/api/bigquery/v2"
)

// A column is one column of a table.
type column struct {
	name     string
	kind     kind
	required bool
}

// A schema is one version of the columns of a table. It does not change.
type schema struct {
	columns []column
	index   map[string]int // lower-case name to position
	keys    []int          // primary key
}

// reserved are the prefixes that a column name must not have
// (https://cloud.google.com/bigquery/docs/schemas#column_names).
var reserved = []string{"_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER", changeTypeField, changeSequenceField, "_CHANGE_TIMESTAMP"}

var columnName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,299}$`)

// newSchema reads the schema and primary key of a table resource.
func newSchema(fields []*bq.TableFieldSchema, key *bq.TableConstraintsPrimaryKey) (*schema, error) {
	s := &schema{index: make(map[string]int, len(fields))}
	for _, f := range fields {
		if !columnName.MatchString(f.Name) {
			return nil, invalid("Invalid field name %q. Fields must contain only letters, numbers, and underscores, start with a letter or underscore, and be at most 300 characters long.", f.Name)
		}
		for _, p := range reserved {
			if strings.HasPrefix(strings.ToUpper(f.Name), p) {
				return nil, invalid("Invalid field name %q. Field names are not allowed to start with the (case-insensitive) prefix %s.", f.Name, p)
			}
		}
		k, ok := kindNamed(f.Type)
		if !ok {
			return nil, unknown("columns of type %s (field %s)", f.Type, f.Name)
		}
		c := column{name: f.Name, kind: k}
		switch strings.ToUpper(f.Mode) {
		case "", "NULLABLE":
		case "REQUIRED":
			c.required = true
		default:
			return nil, unknown("columns of mode %s (field %s)", f.Mode, f.Name)
		}
		if f.DefaultValueExpression != "" {
			return nil, unknown("default values (field %s)", f.Name)
		}
		if _, twice := s.index[strings.ToLower(f.Name)]; twice {
			return nil, invalid("Duplicate field name: %s", f.Name)
		}
		s.index[strings.ToLower(f.Name)] = len(s.columns)
		s.columns = append(s.columns, c)
	}
	if key != nil {
		if len(key.Columns) > 16 {
			return nil, invalid("A primary key can have at most 16 columns, this one has %d.", len(key.Columns))
		}
		for _, name := range key.Columns {
			i, ok := s.index[strings.ToLower(name)]
			if !ok {
				return nil, invalid("Primary key column %s does not exist.", name)
			}
			if s.columns[i].kind == kindFloat {
				return nil, invalid("Primary key column %s has the type FLOAT64, which a key cannot have.", name)
			}
			s.keys = append(s.keys, i)
		}
	}
	return s, nil
}

// replaces tells whether s may take the place of old: columns may be added as NULLABLE and relaxed
// from REQUIRED to NULLABLE, never dropped, renamed, retyped or moved
// (https://cloud.google.com/bigquery/docs/managing-table-schemas).
func (s *schema) replaces(old *schema, table string) error {
	for i, o := range old.columns {
		j, ok := s.index[strings.ToLower(o.name)]
		if !ok {
			return invalid("Provided Schema does not match Table %s. Field %s is missing in new schema", table, o.name)
		}
		if n := s.columns[j]; n.kind != o.kind {
			return invalid("Provided Schema does not match Table %s. Field %s has changed type from %s to %s", table, o.name, kinds[o.kind].rest, kinds[n.kind].rest)
		} else if n.required && !o.required {
			return invalid("Provided Schema does not match Table %s. Field %s has changed mode from NULLABLE to REQUIRED", table, o.name)
		}
		if i != j {
			return unknown("a schema change that moves field %s", o.name)
		}
	}
	for _, n := range s.columns[len(old.columns):] {
		if n.required {
			return invalid("Provided Schema does not match Table %s. Cannot add required fields to an existing schema. (field: %s)", table, n.name)
		}
	}
	return nil
}

// selected returns the names of the columns that a list between commas names, quoted for DuckDB and
// in the order of the table; of all for an empty list.
func (s *schema) selected(list string) ([]string, error) {
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, ok := s.index[name]; !ok && list != "" {
			return nil, invalid("Selected field %q does not exist in the schema", name)
		}
		wanted[name] = true
	}
	var all []string
	for _, c := range s.columns {
		if list == "" || wanted[strings.ToLower(c.name)] {
			all = append(all, ident(c.name))
		}
	}
	return all, nil
}

// storage returns the schema as the Storage Write service describes it.
func (s *schema) storage() *storagepb.TableSchema {
	t := &storagepb.TableSchema{}
	for _, c := range s.columns {
		mode := storagepb.TableFieldSchema_NULLABLE
		if c.required {
			mode = storagepb.TableFieldSchema_REQUIRED
		}
		t.Fields = append(t.Fields, &storagepb.TableFieldSchema{Name: c.name, Type: kinds[c.kind].storage, Mode: mode})
	}
	return t
}

// duckdb returns the definitions of the columns in DuckDB's SQL.
func (s *schema) duckdb() string {
	var b strings.Builder
	for i, c := range s.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", ident(c.name), kinds[c.kind].duckdb)
		if c.required {
			b.WriteString(" NOT NULL")
		}
	}
	return b.String()
}

// ident quotes an identifier for DuckDB.
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// literal quotes a text for DuckDB. A NUL, which ends a statement there, becomes a function's value.
func literal(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(q, "\x00") {
		q = "(" + strings.ReplaceAll(q, "\x00", "' || chr(0) || '") + ")"
	}
	return q
}
