package duckdb

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"flexbeam/schemas/model"
)

// deletesDDL makes the memory of deletes: the keys that are gone, as text, with the version of the
// delete. A key is here or in its table, never in both.
const deletesDDL = `
CREATE SCHEMA IF NOT EXISTS flexbeam;
CREATE TABLE IF NOT EXISTS flexbeam.deletes (
  table_name VARCHAR NOT NULL,
  key VARCHAR NOT NULL,
  row_version BIGINT NOT NULL,
  PRIMARY KEY (table_name, key)
);
COMMENT ON COLUMN flexbeam.deletes.table_name IS 'Table of the row.';
COMMENT ON COLUMN flexbeam.deletes.key IS 'Primary key of the row, a JSON array.';
COMMENT ON COLUMN flexbeam.deletes.row_version IS 'Version of the delete.';
`

// identityDDL gives the file an identity.
const identityDDL = `
CREATE TABLE IF NOT EXISTS flexbeam.identity (id VARCHAR NOT NULL);
COMMENT ON TABLE flexbeam.identity IS 'Which file this is: the state directory of a live stream belongs to it.';
INSERT INTO flexbeam.identity SELECT uuid()::VARCHAR WHERE NOT EXISTS (FROM flexbeam.identity);
`

// shapeDDL makes the memory of what shapes the rows.
const shapeDDL = `
CREATE TABLE IF NOT EXISTS flexbeam.shape (contact_key VARCHAR NOT NULL, options VARCHAR NOT NULL);
COMMENT ON TABLE flexbeam.shape IS 'Fingerprints of the contact key and of the options that the rows were made with.';
`

// migrate makes what is missing, columns that came later too, and refuses a file whose tables are
// different otherwise. The comment on the table of deletes says by which statements the file was
// made, so that an up-to-date file is not touched.
func (s *store) migrate() error {
	found, err := s.tables()
	if err != nil {
		return err
	}
	added := ""
	for _, t := range model.Tables {
		if have, ok := found[t.Name]; ok {
			if err := have.check(t); err != nil {
				return fmt.Errorf("%w: the file was made by another version or another program: write into a new file and run over the sources again", err)
			}
			for _, c := range have.missing(t) {
				added += fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s;\n", t.Name, c.Name, columnTypes[c.Type])
			}
			for _, c := range have.strict(t) {
				added += fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL;\n", t.Name, c.Name)
			}
		}
	}
	ddl, err := model.DDL("duckdb")
	if err != nil {
		return err
	}
	ddl += deletesDDL + identityDDL + shapeDDL
	made := fmt.Sprintf("Deletes that are remembered, so that an older row which comes again revives nothing. Not for reports. Schema %.8x.", sha256.Sum256([]byte(ddl)))
	rows, err := s.strings("SELECT comment FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'flexbeam' AND table_name = 'deletes'")
	if err != nil || len(rows) == 1 && rows[0][0] == made {
		return err
	}
	_, err = s.exec("BEGIN;\n" + added + ddl + "COMMENT ON TABLE flexbeam.deletes IS '" + made + "';\nCOMMIT")
	return err
}

// A found is a table as the file has it.
type found struct {
	columns []string // "name TYPE", with NOT NULL
	key     string
}

func (s *store) tables() (map[string]*found, error) {
	m := map[string]*found{}
	rows, err := s.strings(`SELECT table_name, column_name, data_type || CASE WHEN is_nullable THEN '' ELSE ' NOT NULL' END
		FROM duckdb_columns() WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal ORDER BY table_name, column_index`)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if m[r[0]] == nil {
			m[r[0]] = &found{}
		}
		m[r[0]].columns = append(m[r[0]].columns, r[1]+" "+r[2])
	}
	rows, err = s.strings(`SELECT table_name, array_to_string(constraint_column_names, ', ')
		FROM duckdb_constraints() WHERE database_name = current_database() AND schema_name = 'main' AND constraint_type = 'PRIMARY KEY'`)
	for _, r := range rows {
		if m[r[0]] != nil {
			m[r[0]].key = r[1]
		}
	}
	return m, err
}

// missing returns the columns that the table lacks since they came later.
func (f *found) missing(t *model.Table) (columns []model.Column) {
	for _, c := range t.Columns {
		lacks := !slices.ContainsFunc(f.columns, func(have string) bool { return strings.HasPrefix(have, c.Name+" ") })
		if c.Later && lacks {
			columns = append(columns, c)
		}
	}
	return columns
}

// strict returns the columns that may be null now, and might not when the table was made.
func (f *found) strict(t *model.Table) (columns []model.Column) {
	for _, c := range t.Columns {
		if !c.Required && slices.Contains(f.columns, c.Name+" "+columnTypes[c.Type]+" NOT NULL") {
			columns = append(columns, c)
		}
	}
	return columns
}

func (f *found) check(t *model.Table) error {
	have := map[string]string{}
	for _, c := range f.columns {
		name, kind, _ := strings.Cut(c, " ")
		have[name] = kind
	}
	for _, c := range t.Columns {
		want := columnTypes[c.Type]
		if c.Required {
			want += " NOT NULL"
		}
		switch kind, ok := have[c.Name]; {
		case c.Later && (!ok || kind == columnTypes[c.Type]): // it is added, and may be null in rows from before
		case !ok:
			return fmt.Errorf("table %s: column %s is missing", t.Name, c.Name)
		case kind != want && (c.Required || kind != want+" NOT NULL"): // what is too strict is mended
			return fmt.Errorf("table %s: column %s is %s, wanted %s", t.Name, c.Name, kind, want)
		}
		delete(have, c.Name)
	}
	for _, c := range f.columns {
		name, _, _ := strings.Cut(c, " ")
		if _, ok := have[name]; ok {
			return fmt.Errorf("table %s: column %s is not known", t.Name, name)
		}
	}
	if want := strings.Join(t.KeyNames(), ", "); f.key != want {
		return fmt.Errorf("table %s: primary key is (%s), wanted (%s)", t.Name, f.key, want)
	}
	return nil
}

var columnTypes = [...]string{
	model.String: "VARCHAR", model.Timestamp: "TIMESTAMP WITH TIME ZONE", model.Float: "DOUBLE",
	model.Int: "BIGINT", model.Bool: "BOOLEAN", model.Bytes: "BLOB",
}
