package bigquerylocal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"
)

// A translator rewrites a GoogleSQL statement as one for DuckDB.
//
// What it knows is listed in functions, types and the methods below; the rest of the syntax passes
// to DuckDB as it is. A function that is not listed is refused, and so is what DuckDB's parser
// refuses: there is never a guess.
type translator struct {
	server     *Server
	locked     bool // the caller holds the lock of the catalog
	query      string
	lookup     func(tableName) (*table, error)
	project    string
	dataset    string // the default dataset, "" for none
	parameters map[string]*bq.QueryParameter
	now        time.Time

	ctes   map[string]bool
	tables []*table // all that were named
}

func (x *translator) unknown(t token, format string, a ...any) error {
	return invalidQuery("The local BigQuery service does not know %s at [%s]", fmt.Sprintf(format, a...), position(x.query, t.offset))
}

// keywords may precede a parenthesis without being functions.
var keywords = set("ALL", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CROSS", "DESC", "DISTINCT", "ELSE", "END", "EXCEPT", "EXCLUDE", "EXISTS", "FROM", "FULL", "GROUP",
	"HAVING", "IN", "INNER", "INSERT", "INTERSECT", "INTO", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "MATCHED", "NOT", "NULL", "ON", "OR", "ORDER", "OUTER", "OVER", "PARTITION",
	"QUALIFY", "RANGE", "REPLACE", "RIGHT", "ROWS", "SELECT", "SET", "THEN", "UNION", "USING", "VALUES", "WHEN", "WHERE", "WINDOW", "WITH")

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// prepare notes the names of common table expressions.
func (x *translator) prepare(all []token) {
	x.ctes = map[string]bool{}
	for i := 0; i+2 < len(all); i++ {
		if (all[i].kind == word || all[i].kind == quoted) && all[i+1].is("AS") && all[i+2].is("(") {
			x.ctes[strings.ToLower(all[i].text)] = true
		}
	}
}

// expr translates tokens that are balanced in parentheses.
func (x *translator) expr(all []token) (string, error) {
	var b strings.Builder
	put := func(s string) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s)
	}
	for i := 0; i < len(all); {
		t := all[i]
		next := func(n int) token {
			if i+n < len(all) {
				return all[i+n]
			}
			return token{kind: punct}
		}
		switch t.kind {
		case text:
			put(literal(t.text))
			i++
		case bytesText:
			put(blob(t.text))
			i++
		case number:
			put(decimal(t.text))
			i++
		case parameter:
			v, err := x.parameter(t)
			if err != nil {
				return "", err
			}
			put(v)
			i++
		case quoted:
			put(ident(t.text))
			i++
		case punct:
			if t.text == ";" {
				return "", x.unknown(t, "scripts of several statements")
			}
			if t.text == "?" {
				return "", x.unknown(t, "positional parameters")
			}
			put(t.text)
			i++
		case word:
			upper := strings.ToUpper(t.text)
			switch {
			case i > 0 && all[i-1].is("."): // a field of something
				put(ident(t.text))
				i++
			case upper == "TIMESTAMP" && next(1).kind == text:
				put("CAST(" + literal(next(1).text) + " AS TIMESTAMPTZ)")
				i += 2
			case upper == "DATE" && next(1).kind == text:
				put("CAST(" + literal(next(1).text) + " AS DATE)")
				i += 2
			case upper == "EXCEPT" && i > 0 && all[i-1].is("*"):
				put("EXCLUDE")
				i++
			case upper == "FROM" && i > 0 && all[i-1].is("DISTINCT"), upper == "USING" && next(1).is("("):
				put(upper)
				i++
			case upper == "FROM" || upper == "JOIN" || upper == "INTO" || upper == "USING":
				put(upper)
				n, s, err := x.from(all[i+1:], upper == "FROM")
				if err != nil {
					return "", err
				}
				put(s)
				i += 1 + n
			case upper == "UNNEST" && next(1).is("(") && i > 0 && all[i-1].is("IN"):
				end, err := x.closing(all, i+1)
				if err != nil {
					return "", err
				}
				s, err := x.expr(all[i+2 : end])
				if err != nil {
					return "", err
				}
				put("(SELECT unnest(" + s + "))")
				i = end + 1
			case next(1).is("(") && !keywords[upper]:
				end, err := x.closing(all, i+1)
				if err != nil {
					return "", err
				}
				s, err := x.call(t, all[i+2:end])
				if err != nil {
					return "", err
				}
				put(s)
				i = end + 1
			case upper == "CURRENT_TIMESTAMP":
				put(x.clock())
				i++
			default:
				put(t.text)
				i++
			}
		}
	}
	return b.String(), nil
}

// clock is the time of the statement.
func (x *translator) clock() string {
	return "CAST(" + literal(x.now.UTC().Format("2006-01-02 15:04:05.999999-07")) + " AS TIMESTAMPTZ)"
}

// closing returns the position of the parenthesis that closes the one at open.
func (x *translator) closing(all []token, open int) (int, error) {
	depth := 0
	for i := open; i < len(all); i++ {
		if all[i].kind != punct {
			continue
		}
		switch all[i].text {
		case "(", "[":
			depth++
		case ")", "]":
			if depth--; depth == 0 {
				return i, nil
			}
		}
	}
	return 0, invalidQuery("Syntax error: Expected \")\" but got end of script at [%s]", position(x.query, all[open].offset))
}

// split cuts tokens at the commas outside of parentheses.
func split(all []token) (parts [][]token) {
	depth, from := 0, 0
	for i, t := range all {
		if t.kind != punct {
			continue
		}
		switch t.text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case ",":
			if depth == 0 {
				parts = append(parts, all[from:i])
				from = i + 1
			}
		}
	}
	if from < len(all) || from > 0 {
		parts = append(parts, all[from:])
	}
	return parts
}

// from translates the tables behind FROM, JOIN, INTO, USING and the like, up to where something
// else begins, and returns how many tokens that were. list tells that more may follow behind
// commas.
func (x *translator) from(all []token, list bool) (int, string, error) {
	var b strings.Builder
	i := 0
	for {
		switch {
		case i >= len(all):
			return i, b.String(), nil
		case all[i].is("("): // a subquery: translated by expr
			end, err := x.closing(all, i)
			if err != nil {
				return 0, "", err
			}
			s, err := x.expr(all[i+1 : end])
			if err != nil {
				return 0, "", err
			}
			b.WriteString("(" + s + ")")
			i = end + 1
		case all[i].is("UNNEST") && i+1 < len(all) && all[i+1].is("("):
			n, s, err := x.unnest(all[i:])
			if err != nil {
				return 0, "", err
			}
			b.WriteString(s)
			i += n
		default:
			n, s, err := x.path(all[i:])
			if err != nil {
				return 0, "", err
			}
			b.WriteString(s)
			i += n
		}
		// An alias, and in a list the next table.
		if i < len(all) && all[i].is("AS") {
			b.WriteString(" AS")
			i++
		}
		if i < len(all) && (all[i].kind == quoted || (all[i].kind == word && !afterTable[strings.ToUpper(all[i].text)])) {
			b.WriteString(" " + ident(all[i].text))
			i++
		}
		if !list || i >= len(all) || !all[i].is(",") {
			return i, b.String(), nil
		}
		b.WriteString(", ")
		i++
	}
}

// afterTable are the words that may follow a table and are no alias.
var afterTable = set("CROSS", "EXCEPT", "FULL", "GROUP", "HAVING", "INNER", "INTERSECT", "JOIN", "LEFT", "LIMIT", "ON", "ORDER", "QUALIFY", "RIGHT", "SELECT", "SET", "UNION",
	"USING", "VALUES", "WHEN", "WHERE", "WINDOW", "WITH", "FOR", "TABLESAMPLE", "PIVOT", "UNPIVOT")

// unnest translates UNNEST(array) [AS name]: in BigQuery the name is that of the element.
func (x *translator) unnest(all []token) (int, string, error) {
	end, err := x.closing(all, 1)
	if err != nil {
		return 0, "", err
	}
	s, err := x.expr(all[2:end])
	if err != nil {
		return 0, "", err
	}
	i := end + 1
	if i < len(all) && all[i].is("AS") {
		i++
	}
	if i >= len(all) || (all[i].kind != word && all[i].kind != quoted) || afterTable[strings.ToUpper(all[i].text)] {
		return 0, "", x.unknown(all[0], "UNNEST without a name for its elements")
	}
	name := all[i].text
	return i + 1, "UNNEST(" + s + ") AS " + ident("unnest "+name) + "(" + ident(name) + ")", nil
}

// name reads a path of names: in one pair of backticks or several, with a project that has dashes.
func (x *translator) name(all []token) (parts []string, n int, err error) {
	for i := 0; i < len(all); {
		t := all[i]
		switch t.kind {
		case quoted:
			parts = append(parts, strings.Split(t.text, ".")...)
			i++
		case word:
			s := t.text
			for i++; len(parts) == 0 && i+1 < len(all) && all[i].is("-") && all[i].glued && all[i+1].glued && (all[i+1].kind == word || all[i+1].kind == number); i += 2 {
				s += "-" + all[i+1].text
			}
			parts = append(parts, s)
		default:
			return nil, 0, invalidQuery("Syntax error: Unexpected %q at [%s]", t.text, position(x.query, t.offset))
		}
		if i >= len(all) || !all[i].is(".") {
			return parts, i, nil
		}
		i++
		n = i
	}
	return nil, 0, invalidQuery("Syntax error: Unexpected end of script")
}

// resolve makes a table's name of a path.
func (x *translator) resolve(parts []string, at token) (tableName, error) {
	switch len(parts) {
	case 1:
		if x.dataset != "" {
			return tableName{x.project, x.dataset, parts[0]}, nil
		}
	case 2:
		return tableName{x.project, parts[0], parts[1]}, nil
	case 3:
		return tableName{parts[0], parts[1], parts[2]}, nil
	}
	return tableName{}, invalidQuery("Table %q must be qualified with a dataset (e.g. dataset.table) at [%s]", strings.Join(parts, "."), position(x.query, at.offset))
}

// path translates the name of a table.
func (x *translator) path(all []token) (int, string, error) {
	if all[0].kind != word && all[0].kind != quoted {
		return 0, "", invalidQuery("Syntax error: Unexpected %q at [%s]", all[0].text, position(x.query, all[0].offset))
	}
	parts, n, err := x.name(all)
	if err != nil {
		return 0, "", err
	}
	if len(parts) == 1 && x.ctes[strings.ToLower(parts[0])] {
		return n, ident(parts[0]), nil
	}
	if at := slices.IndexFunc(parts, func(s string) bool { return strings.EqualFold(s, "INFORMATION_SCHEMA") }); at >= 0 {
		sql, err := x.information(all[0], parts[:at], parts[at+1:])
		return n, sql, err
	}
	if n < len(all) && all[n].is("(") {
		// INSERT INTO table (columns) comes here too, and names a table.
		if fn := strings.ToUpper(parts[0]); len(parts) == 1 && fn != "" && x.dataset == "" {
			return 0, "", x.unknown(all[0], "the table function %s", fn)
		}
	}
	name, err := x.resolve(parts, all[0])
	if err != nil {
		return 0, "", err
	}
	t, err := x.lookup(name)
	if err != nil {
		return 0, "", err
	}
	x.tables = append(x.tables, t)
	return n, t.name.duckdb(), nil
}

// decimal translates a number: with a point or an exponent it is FLOAT64, which DuckDB takes for
// DECIMAL without an exponent.
func decimal(s string) string {
	lower := strings.ToLower(s)
	if strings.HasPrefix(lower, "0x") || !strings.ContainsAny(lower, ".") || strings.Contains(lower, "e") {
		return s
	}
	return s + "e0"
}

func blob(s string) string {
	var b strings.Builder
	b.WriteString("CAST('")
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, `\x%02X`, c)
	}
	b.WriteString("' AS BLOB)")
	return b.String()
}

// parameter translates @name to its value.
func (x *translator) parameter(t token) (string, error) {
	p := x.parameters[strings.ToLower(t.text)]
	if p == nil {
		return "", invalidQuery("Query parameter '%s' not found at [%s]", t.text, position(x.query, t.offset))
	}
	if p.ParameterType != nil && p.ParameterType.Type == "ARRAY" && p.ParameterType.ArrayType != nil && p.ParameterValue != nil {
		var items []string
		for _, v := range p.ParameterValue.ArrayValues {
			s, err := x.scalar(t, p.ParameterType.ArrayType.Type, v.Value, len(v.NullFields) > 0)
			if err != nil {
				return "", err
			}
			items = append(items, s)
		}
		k, _ := kindNamed(p.ParameterType.ArrayType.Type)
		return "CAST([" + strings.Join(items, ", ") + "] AS " + kinds[k].duckdb + "[])", nil
	}
	if p.ParameterType == nil || p.ParameterValue == nil {
		return "", invalidQuery("Query parameter '%s' has no type or value", t.text)
	}
	return x.scalar(t, p.ParameterType.Type, p.ParameterValue.Value, len(p.ParameterValue.NullFields) > 0)
}

func (x *translator) scalar(t token, typ, value string, null bool) (string, error) {
	k, ok := kindNamed(typ)
	if !ok {
		return "", x.unknown(t, "parameters of type %s", typ)
	}
	v := literal(value)
	if null {
		v = "NULL"
	} else if k == kindBytes {
		v = "from_base64(" + v + ")"
	}
	return "CAST(" + v + " AS " + kinds[k].duckdb + ")", nil
}
