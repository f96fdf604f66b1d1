package bigquerylocal

import (
	"context"

	bq "google.golang.org/api/bigquery/v2"
)

// describeView checks the query of a view by making it in DuckDB, and fills in its schema, keeping
// the descriptions that the resource gives. The caller holds the lock of the catalog.
func (s *Server) describeView(ctx context.Context, n tableName, m *bq.Table, g setting) error {
	st, err := s.translate(m.View.Query, g, true)
	if err != nil {
		return err
	}
	if st.kind != "SELECT" {
		return invalidQuery("A view needs a query, not %s", st.kind)
	}
	r, err := s.warehouse.query(ctx, "SELECT * FROM ("+st.sql+") LIMIT 0")
	if err != nil {
		return err
	}
	given := map[string]*bq.TableFieldSchema{}
	if m.Schema != nil {
		for _, f := range m.Schema.Fields {
			given[f.Name] = f
		}
	}
	for _, f := range r.fields {
		if g := given[f.Name]; g != nil {
			f.Description, f.PolicyTags = g.Description, g.PolicyTags
		}
	}
	m.Schema = &bq.TableSchema{Fields: r.fields}
	m.View.ForceSendFields = []string{"UseLegacySql"}
	return s.warehouse.exec(ctx, "CREATE OR REPLACE VIEW "+n.duckdb()+" AS "+st.sql)
}
