package bigquerylocal

import (
	"fmt"
	"strconv"
	"strings"
)

// A function translates a call of a function from its arguments.
type function func(x *translator, at token, args [][]token) (string, error)

// same are the functions that DuckDB has under the same name with the same meaning.
var same = set("ABS", "ANY_VALUE", "AVG", "CEIL", "CEILING", "COALESCE", "COUNT", "CUME_DIST", "DENSE_RANK", "ENDS_WITH", "EXP", "FIRST_VALUE", "FLOOR", "IF", "IFNULL",
	"LAG", "LAST_VALUE", "LEAD", "LENGTH", "LN", "LOWER", "LTRIM", "MAX", "MIN", "MOD", "NTH_VALUE", "NTILE", "NULLIF", "PERCENT_RANK", "POW", "RANK", "REVERSE", "ROUND",
	"ROW_NUMBER", "RTRIM", "SIGN", "SQRT", "STARTS_WITH", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "STRING_AGG", "STRPOS", "SUBSTR", "SUBSTRING", "SUM", "TRIM", "TRUNC",
	"UPPER", "VARIANCE", "VAR_POP", "VAR_SAMP")

// functions are those that need a rewrite. The list is what the statements and views of flexbeam
// use, and what is next to it.
var functions map[string]function

func init() {
	functions = map[string]function{
		"BYTE_LENGTH":                  byteLength,
		"CHAR_LENGTH":                  format("length(%s)", 1),
		"SAFE_CONVERT_BYTES_TO_STRING": format("try(decode(%s))", 1),
		"APPROX_COUNT_DISTINCT":        format("COUNT(DISTINCT %s)", 1), // exact, which is a permitted approximation
		"APPROX_QUANTILES":             approxQuantiles,
		"ARRAY_AGG":                    arrayAgg,
		"ARRAY_LENGTH":                 format("len(%s)", 1),
		"CAST":                         cast("CAST"),
		"CONCAT":                       operator("||"), // null if one is, which DuckDB's concat is not
		"COUNTIF":                      format("COUNT(CASE WHEN %s THEN 1 END)", 1),
		"CURRENT_DATE": func(x *translator, _ token, _ [][]token) (string, error) {
			return "CAST(" + x.clock() + " AS DATE)", nil
		},
		"CURRENT_TIMESTAMP":        func(x *translator, _ token, _ [][]token) (string, error) { return x.clock(), nil },
		"DATE":                     format("CAST(%s AS DATE)", 1),
		"DATE_DIFF":                dateDiff,
		"DATE_TRUNC":               truncate("CAST(date_trunc('%[2]s', %[1]s) AS DATE)"),
		"DIV":                      format("((%s) // (%s))", 2),
		"EXTRACT":                  extract,
		"FORMAT_TIMESTAMP":         formatTimestamp,
		"GENERATE_ARRAY":           format("generate_series(%s, %s)", 2),
		"GENERATE_TIMESTAMP_ARRAY": generateTimestamps,
		"GREATEST":                 nullIfAny("greatest"),
		"LEAST":                    nullIfAny("least"),
		"LOGICAL_AND":              format("bool_and(%s)", 1),
		"LOGICAL_OR":               format("bool_or(%s)", 1),
		"MAX_BY":                   format("arg_max(%s, %s)", 2),
		"MIN_BY":                   format("arg_min(%s, %s)", 2),
		"OFFSET":                   format("(%s) + 1", 1), // array[OFFSET(0)] is array[1]
		"ORDINAL":                  format("(%s)", 1),
		"PERCENTILE_CONT":          format("quantile_cont(%s, %s)", 2),
		"PERCENTILE_DISC":          format("quantile_disc(%s, %s)", 2),
		"SAFE_CAST":                cast("TRY_CAST"),
		"SAFE_DIVIDE":              format("((%s) / NULLIF(%s, 0))", 2),
		"SAFE_OFFSET":              format("(%s) + 1", 1),
		"SHA256":                   format("unhex(sha256(%s))", 1),
		"STRING":                   format("strftime(%s, '%%Y-%%m-%%d %%H:%%M:%%S+00')", 1),
		"TIMESTAMP":                format("CAST(%s AS TIMESTAMPTZ)", 1),
		"TIMESTAMP_ADD":            shift("+"),
		"TIMESTAMP_DIFF":           timestampDiff,
		"TIMESTAMP_MICROS":         format("make_timestamptz(CAST(%s AS BIGINT))", 1),
		"TIMESTAMP_MILLIS":         format("make_timestamptz(CAST((%s) * 1000 AS BIGINT))", 1),
		"TIMESTAMP_SECONDS":        format("make_timestamptz(CAST((%s) * 1000000 AS BIGINT))", 1),
		"TIMESTAMP_SUB":            shift("-"),
		"TIMESTAMP_TRUNC":          truncate("date_trunc('%[2]s', %[1]s)"),
		"TO_BASE64":                format("to_base64(%s)", 1),
		"TO_HEX":                   format("lower(hex(%s))", 1),
		"UNIX_MICROS":              format("epoch_us(%s)", 1),
		"UNIX_MILLIS":              format("CAST(floor(epoch_us(%s) / 1000) AS BIGINT)", 1),
		"UNIX_SECONDS":             format("CAST(floor(epoch_us(%s) / 1000000) AS BIGINT)", 1),
	}
}

// call translates a function call.
func (x *translator) call(t token, inside []token) (string, error) {
	name := strings.ToUpper(t.text)
	if same[name] {
		s, err := x.expr(inside)
		if err != nil {
			return "", err
		}
		return name + "(" + s + ")", nil
	}
	f := functions[name]
	if f == nil {
		return "", x.unknown(t, "the function %s", name)
	}
	return f(x, t, split(inside))
}

// all translates arguments, of which there must be n.
func (x *translator) all(at token, args [][]token, n int) ([]any, error) {
	if len(args) != n {
		return nil, x.unknown(at, "%s with %d arguments", strings.ToUpper(at.text), len(args))
	}
	out := make([]any, n)
	for i, a := range args {
		s, err := x.expr(a)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

// format fills the arguments into a pattern.
func format(pattern string, n int) function {
	return func(x *translator, at token, args [][]token) (string, error) {
		a, err := x.all(at, args, n)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf(pattern, a...), nil
	}
}

func operator(op string) function {
	return func(x *translator, at token, args [][]token) (string, error) {
		a, err := x.all(at, args, len(args))
		if err != nil {
			return "", err
		}
		var s []string
		for _, v := range a {
			s = append(s, "("+v.(string)+")")
		}
		return "(" + strings.Join(s, " "+op+" ") + ")", nil
	}
}

// nullIfAny calls a function that ignores nulls in DuckDB and is null with any in BigQuery.
func nullIfAny(name string) function {
	return func(x *translator, at token, args [][]token) (string, error) {
		a, err := x.all(at, args, len(args))
		if err != nil {
			return "", err
		}
		var s, nulls []string
		for _, v := range a {
			s = append(s, v.(string))
			nulls = append(nulls, "("+v.(string)+") IS NULL")
		}
		return "CASE WHEN " + strings.Join(nulls, " OR ") + " THEN NULL ELSE " + name + "(" + strings.Join(s, ", ") + ") END", nil
	}
}

func cast(name string) function {
	return func(x *translator, at token, args [][]token) (string, error) {
		if len(args) == 1 {
			a := args[0]
			for i := len(a) - 2; i > 0; i-- {
				if !a[i].is("AS") {
					continue
				}
				k, ok := kindNamed(a[i+1].text)
				if !ok || i+2 != len(a) {
					break
				}
				s, err := x.expr(a[:i])
				return name + "(" + s + " AS " + kinds[k].duckdb + ")", err
			}
		}
		return "", x.unknown(at, "this form of %s", strings.ToUpper(at.text))
	}
}

// units are the parts of time that mean the same in both, with their names in DuckDB.
var units = map[string]string{"MICROSECOND": "microsecond", "MILLISECOND": "millisecond", "SECOND": "second", "MINUTE": "minute", "HOUR": "hour", "DAY": "day",
	"ISOWEEK": "week", "MONTH": "month", "QUARTER": "quarter", "YEAR": "year"}

func (x *translator) unit(at token, arg []token) (string, error) {
	if len(arg) == 1 {
		if u, ok := units[strings.ToUpper(arg[0].text)]; ok {
			return u, nil
		}
	}
	return "", x.unknown(at, "this unit of %s", strings.ToUpper(at.text))
}

func truncate(pattern string) function {
	return func(x *translator, at token, args [][]token) (string, error) {
		if len(args) != 2 {
			return "", x.unknown(at, "%s with %d arguments", strings.ToUpper(at.text), len(args))
		}
		s, err := x.expr(args[0])
		if err != nil {
			return "", err
		}
		u, err := x.unit(at, args[1])
		return fmt.Sprintf(pattern, s, u), err
	}
}

// timestampDiff counts whole units, toward zero, as date_sub does in DuckDB.
func timestampDiff(x *translator, at token, args [][]token) (string, error) {
	return diff(x, at, args, "date_sub")
}

// dateDiff counts the boundaries between, as date_diff does in DuckDB.
func dateDiff(x *translator, at token, args [][]token) (string, error) {
	return diff(x, at, args, "date_diff")
}

func diff(x *translator, at token, args [][]token, name string) (string, error) {
	if len(args) != 3 {
		return "", x.unknown(at, "%s with %d arguments", strings.ToUpper(at.text), len(args))
	}
	a, err := x.all(at, args[:2], 2)
	if err != nil {
		return "", err
	}
	u, err := x.unit(at, args[2])
	return fmt.Sprintf("%s('%s', %s, %s)", name, u, a[1], a[0]), err
}

// shift translates TIMESTAMP_ADD(t, INTERVAL n UNIT).
func shift(op string) function {
	return func(x *translator, at token, args [][]token) (string, error) {
		if len(args) != 2 {
			return "", x.unknown(at, "%s with %d arguments", strings.ToUpper(at.text), len(args))
		}
		s, err := x.expr(args[0])
		if err != nil {
			return "", err
		}
		i, err := x.interval(at, args[1])
		return "((" + s + ") " + op + " " + i + ")", err
	}
}

func (x *translator) interval(at token, a []token) (string, error) {
	if len(a) < 3 || !a[0].is("INTERVAL") {
		return "", x.unknown(at, "%s without INTERVAL", strings.ToUpper(at.text))
	}
	u, err := x.unit(at, a[len(a)-1:])
	if err != nil {
		return "", err
	}
	n, err := x.expr(a[1 : len(a)-1])
	return "((" + n + ") * INTERVAL 1 " + u + ")", err
}

func generateTimestamps(x *translator, at token, args [][]token) (string, error) {
	if len(args) != 3 {
		return "", x.unknown(at, "%s with %d arguments", strings.ToUpper(at.text), len(args))
	}
	a, err := x.all(at, args[:2], 2)
	if err != nil {
		return "", err
	}
	i, err := x.interval(at, args[2])
	return fmt.Sprintf("generate_series(%s, %s, %s)", a[0], a[1], i), err
}

// extractParts are what EXTRACT knows. DAYOFWEEK counts from Sunday = 1.
var extractParts = map[string]string{"YEAR": "year(%s)", "QUARTER": "quarter(%s)", "MONTH": "month(%s)", "DAY": "day(%s)", "HOUR": "hour(%s)", "MINUTE": "minute(%s)",
	"SECOND": "second(%s)", "DAYOFWEEK": "(dayofweek(%s) + 1)", "DAYOFYEAR": "dayofyear(%s)", "ISOWEEK": "weekofyear(%s)", "ISOYEAR": "isoyear(%s)", "DATE": "CAST(%s AS DATE)"}

func extract(x *translator, at token, args [][]token) (string, error) {
	if len(args) == 1 && len(args[0]) > 2 && args[0][1].is("FROM") {
		if p, ok := extractParts[strings.ToUpper(args[0][0].text)]; ok {
			s, err := x.expr(args[0][2:])
			return fmt.Sprintf(p, s), err
		}
	}
	return "", x.unknown(at, "this form of EXTRACT")
}

// formats are the elements of FORMAT_TIMESTAMP that are known, with DuckDB's.
var formats = map[byte]string{'Y': "%Y", 'm': "%m", 'd': "%d", 'H': "%H", 'M': "%M", 'S': "%S", 'F': "%Y-%m-%d", 'T': "%H:%M:%S", 'R': "%H:%M", 'A': "%A", 'a': "%a",
	'B': "%B", 'b': "%b", 'j': "%j", '%': "%%"}

func formatTimestamp(x *translator, at token, args [][]token) (string, error) {
	if len(args) != 2 || len(args[0]) != 1 || args[0][0].kind != text {
		return "", x.unknown(at, "this form of FORMAT_TIMESTAMP")
	}
	var b strings.Builder
	f := args[0][0].text
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			b.WriteByte(f[i])
			continue
		}
		i++
		if i == len(f) || formats[f[i]] == "" {
			return "", x.unknown(at, "this element of FORMAT_TIMESTAMP: %q", f)
		}
		b.WriteString(formats[f[i]])
	}
	s, err := x.expr(args[1])
	return "strftime(" + s + ", " + literal(b.String()) + ")", err
}

// approxQuantiles gives the exact quantiles, which are a permitted approximation: n + 1 bounds from
// least to greatest.
func approxQuantiles(x *translator, at token, args [][]token) (string, error) {
	if len(args) != 2 || len(args[1]) != 1 {
		return "", x.unknown(at, "this form of APPROX_QUANTILES")
	}
	n, err := strconv.Atoi(args[1][0].text)
	if err != nil || n < 1 || n > 10000 {
		return "", x.unknown(at, "this form of APPROX_QUANTILES")
	}
	s, err := x.expr(args[0])
	if err != nil {
		return "", err
	}
	var q []string
	for i := range n + 1 {
		q = append(q, strconv.FormatFloat(float64(i)/float64(n), 'g', -1, 64))
	}
	return "quantile_disc(" + s + ", [" + strings.Join(q, ", ") + "])", nil
}

// arrayAgg translates ARRAY_AGG([DISTINCT] value [IGNORE NULLS] [ORDER BY ...] [LIMIT n]).
func arrayAgg(x *translator, at token, args [][]token) (string, error) {
	var all []token
	for i, a := range args {
		if i > 0 {
			all = append(all, token{kind: punct, text: ","})
		}
		all = append(all, a...)
	}
	end := len(all)
	limit := ""
	order := ""
	ignore := false
	depth := 0
	for i := len(all) - 1; i >= 0; i-- {
		switch {
		case all[i].is(")") || all[i].is("]"):
			depth++
		case all[i].is("(") || all[i].is("["):
			depth--
		case depth > 0:
		case all[i].is("LIMIT"):
			s, err := x.expr(all[i+1 : end])
			if err != nil {
				return "", err
			}
			limit, end = "[1:"+s+"]", i
		case all[i].is("ORDER") && i+1 < end && all[i+1].is("BY"):
			s, err := x.expr(all[i+2 : end])
			if err != nil {
				return "", err
			}
			order, end = " ORDER BY "+s, i
		case all[i].is("IGNORE") && i+1 < end && all[i+1].is("NULLS"):
			ignore, end = true, i
		case all[i].is("RESPECT"):
			return "", x.unknown(at, "RESPECT NULLS")
		}
	}
	value := all[:end]
	s, err := x.expr(value)
	if err != nil {
		return "", err
	}
	bare := s
	if len(value) > 0 && value[0].is("DISTINCT") {
		if bare, err = x.expr(value[1:]); err != nil {
			return "", err
		}
	}
	out := "list(" + s + order + ")"
	if ignore {
		out += " FILTER (WHERE (" + bare + ") IS NOT NULL)"
	}
	return "(" + out + ")" + limit, nil
}

// byteLength translates BYTE_LENGTH, of texts and of bytes.
func byteLength(x *translator, at token, args [][]token) (string, error) {
	a, err := x.all(at, args, 1)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("CASE typeof(%[1]s) WHEN 'BLOB' THEN octet_length(CAST(%[1]s AS BLOB)) ELSE strlen(CAST(%[1]s AS VARCHAR)) END", a[0]), nil
}
