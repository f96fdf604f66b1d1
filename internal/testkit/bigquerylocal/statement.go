package bigquerylocal

import (
	"context"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"
)

// A statement is a translated statement.
type statement struct {
	kind   string // as statistics.query.statementType has it
	sql    string // for DuckDB; "" for DDL
	twice  string // of MERGE: finds a target row that more than one source row would change
	tables []*table
	target *table // of DML
	define func(context.Context) error
}

// A setting is what a statement is read with.
type setting struct {
	project    string
	dataset    *bq.DatasetReference
	parameters []*bq.QueryParameter
	mode       string // of the parameters
	legacy     bool
}

// maxQuery is the longest query, characters (https://cloud.google.com/bigquery/quotas#query_jobs).
const maxQuery = 1 << 20

// translate reads a statement. locked tells that the caller holds the lock of the catalog.
func (s *Server) translate(query string, g setting, locked bool) (*statement, error) {
	if len(query) > maxQuery {
		return nil, invalidQuery("The query is too large. The maximum standard SQL query length is %d characters, including comments and white space characters.", maxQuery)
	}
	if g.legacy {
		return nil, invalidQuery("The local BigQuery service does not know legacy SQL: set useLegacySql to false")
	}
	if strings.EqualFold(g.mode, "POSITIONAL") {
		return nil, invalidQuery("The local BigQuery service does not know positional parameters: name them")
	}
	x := &translator{server: s, locked: locked, query: query, project: g.project, lookup: s.catalog.table, parameters: map[string]*bq.QueryParameter{}, now: s.options.Now()}
	if locked {
		x.lookup = s.catalog.tableLocked
	}
	if d := g.dataset; d != nil {
		x.dataset = d.DatasetId
		if d.ProjectId != "" {
			x.project = d.ProjectId
		}
	}
	for _, p := range g.parameters {
		x.parameters[strings.ToLower(p.Name)] = p
	}
	all, err := tokens(query)
	if err != nil {
		return nil, err
	}
	for len(all) > 0 && all[len(all)-1].is(";") {
		all = all[:len(all)-1]
	}
	if len(all) == 0 {
		return nil, invalidQuery("Syntax error: Unexpected end of statement")
	}
	x.prepare(all)
	st, err := x.statement(s, all)
	if err != nil {
		return nil, err
	}
	st.tables = x.tables
	if t := st.target; t != nil && t.isView() {
		return nil, invalidQuery("Cannot modify the view %s", t.name)
	}
	return st, nil
}

// statement translates by the first word.
func (x *translator) statement(s *Server, all []token) (*statement, error) {
	first := strings.ToUpper(all[0].text)
	st := &statement{kind: first}
	var err error
	switch {
	case first == "SELECT" || first == "WITH" || all[0].is("("):
		st.kind = "SELECT"
		st.sql, err = x.expr(all)
		return st, err
	case first == "INSERT" || first == "MERGE":
		rest := all[1:]
		if len(rest) > 0 && rest[0].is("INTO") {
			rest = rest[1:]
		}
		return x.modify(st, first+" INTO ", rest)
	case first == "DELETE":
		rest := all[1:]
		if len(rest) > 0 && rest[0].is("FROM") {
			rest = rest[1:]
		}
		return x.modify(st, "DELETE FROM ", rest)
	case first == "UPDATE":
		return x.modify(st, "UPDATE ", all[1:])
	case first == "CREATE":
		return x.create(s, all)
	case first == "ALTER":
		return x.alter(s, all)
	case first == "DROP":
		return x.drop(s, all)
	}
	return nil, x.unknown(all[0], "the statement %s", first)
}

// modify translates a DML statement whose table begins rest.
func (x *translator) modify(st *statement, head string, rest []token) (*statement, error) {
	n, target, err := x.from(rest, false)
	if err != nil {
		return nil, err
	}
	if len(x.tables) != 1 {
		return nil, invalidQuery("Syntax error: %s needs the name of a table", st.kind)
	}
	st.target = x.tables[0]
	if st.kind == "DELETE" || st.kind == "UPDATE" {
		where := false
		for _, t := range rest[n:] {
			where = where || t.is("WHERE")
		}
		if !where { // https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax
			return nil, invalidQuery("%s must have a WHERE clause", st.kind)
		}
	}
	body, err := x.expr(insertRow(rest[n:]))
	if err != nil {
		return nil, err
	}
	st.sql = head + target + " " + body
	if st.kind == "MERGE" {
		err = x.matchedTwice(st, target, rest[n:])
	}
	return st, err
}

// matchedTwice makes the query behind st.twice of what follows the target: USING source ON
// condition WHEN ... clauses.
func (x *translator) matchedTwice(st *statement, target string, all []token) error {
	on, depth := 0, 0
	var conditions []string
	for i := 0; i < len(all); i++ {
		switch {
		case all[i].is("("):
			depth++
		case all[i].is(")"):
			depth--
		case depth > 0:
		case all[i].is("ON") && on == 0:
			on = i
		case all[i].is("WHEN") && i+1 < len(all) && all[i+1].is("MATCHED") && on > 0:
			then, cases := i+2, 0
			for ; then < len(all) && (cases > 0 || !all[then].is("THEN")); then++ {
				if all[then].is("CASE") {
					cases++
				} else if all[then].is("END") {
					cases--
				}
			}
			condition := "TRUE"
			if i+3 <= then && i+2 < len(all) && all[i+2].is("AND") {
				var err error
				if condition, err = x.expr(all[i+3 : then]); err != nil {
					return err
				}
			}
			conditions = append(conditions, "("+condition+")")
		}
	}
	if len(conditions) == 0 || on < 1 {
		return nil
	}
	end := on + 1
	for depth := 0; end < len(all) && (depth > 0 || !all[end].is("WHEN")); end++ {
		switch {
		case all[end].is("(") || all[end].is("CASE"):
			depth++
		case all[end].is(")") || all[end].is("END"):
			depth--
		}
	}
	_, source, err := x.from(all[1:on], false)
	if err != nil {
		return err
	}
	condition, err := x.expr(all[on+1 : end])
	if err != nil {
		return err
	}
	name := target[strings.LastIndexByte(target, ' ')+1:]
	st.twice = "SELECT 1 FROM " + target + " JOIN " + source + " ON " + condition + " WHERE " + strings.Join(conditions, " OR ") + " GROUP BY " + name + ".rowid HAVING COUNT(*) > 1 LIMIT 1"
	return nil
}

// insertRow writes INSERT ROW of a MERGE as DuckDB has it.
func insertRow(all []token) []token {
	for i := 0; i+1 < len(all); i++ {
		if all[i].is("INSERT") && all[i+1].is("ROW") {
			all[i+1] = token{kind: punct, text: "*", offset: all[i+1].offset}
		}
	}
	return all
}

// settle puts the waiting rows of all tables that a statement reads or changes into DuckDB, of
// views those behind them.
func (s *Server) settle(st *statement) error {
	for _, t := range st.tables {
		t.mu.Lock()
		view := t.meta.View
		var err error
		if now := s.options.Now(); view == nil && !(s.options.HoldChanges && st.target == nil && t.held(now)) {
			t.settled = now
			err = s.warehouse.settle(t)
			if expire := t.expireSQL(now); err == nil && expire != "" {
				s.warehouse.mu.Lock()
				err = s.warehouse.exec(context.Background(), expire)
				s.warehouse.mu.Unlock()
			}
		}
		t.mu.Unlock()
		if err != nil {
			return err
		}
		if view == nil {
			continue
		}
		inner, err := s.translate(view.Query, t.setting, false)
		if err != nil {
			return err
		}
		if err := s.settle(inner); err != nil {
			return err
		}
	}
	return nil
}

// run executes a statement.
func (s *Server) run(ctx context.Context, st *statement) (*result, error) {
	if st.define != nil {
		return &result{}, st.define(ctx)
	}
	if err := s.settle(st); err != nil {
		return nil, err
	}
	if st.target == nil {
		return s.warehouse.query(ctx, st.sql)
	}
	if err := s.modifiable(st); err != nil {
		return nil, err
	}
	s.warehouse.mu.Lock()
	defer s.warehouse.mu.Unlock()
	if st.twice != "" {
		r, err := s.warehouse.query(ctx, st.twice)
		if err != nil {
			return nil, err
		}
		if len(r.rows) > 0 {
			return nil, invalidQuery("UPDATE/MERGE must match at most one source row for each target row")
		}
	}
	r, err := s.warehouse.db.ExecContext(ctx, st.sql)
	if err != nil {
		return nil, explain(err)
	}
	n, err := r.RowsAffected()
	return &result{affected: n, dml: true}, err
}

// streamedRows is how long rows of tabledata.insertAll cannot be changed
// (https://cloud.google.com/bigquery/docs/data-manipulation-language#limitations).
const streamedRows = 30 * time.Minute

// modifiable refuses the statements that a table with streamed rows does not take. INSERT is always
// taken.
//
// A table with change data capture takes no UPDATE, DELETE or MERGE. Google tells of that as of one
// that lasts (https://cloud.google.com/datastream/docs/destination-bigquery, known limitations),
// users met the message below long after streaming had ended
// (https://github.com/artie-labs/transfer/issues/1035), and
// https://cloud.google.com/bigquery/docs/change-data-capture#limitations can be read as of one that
// passes: Options.LaxDML.
func (s *Server) modifiable(st *statement) error {
	t := st.target
	t.mu.Lock()
	defer t.mu.Unlock()
	if st.kind != "INSERT" {
		if t.changers > 0 || t.upserted && !s.options.LaxDML {
			return invalid("DELETE/UPDATE/MERGE DMLs are currently not supported over tables that had UPSERT streams.")
		}
		if !t.inserted.IsZero() && s.options.Now().Sub(t.inserted) < streamedRows {
			return invalidQuery("%s statement over table %s would affect rows in the streaming buffer, which is not supported", st.kind, t.name)
		}
	}
	t.foreign = true
	return nil
}

// explain tells an error of DuckDB as one of the query.
func explain(err error) error {
	return invalidQuery("The local BigQuery service cannot run the query: %s", strings.Join(strings.Fields(err.Error()), " "))
}
