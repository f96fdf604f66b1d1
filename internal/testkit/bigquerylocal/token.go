package bigquerylocal

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A tokenKind is what a token of GoogleSQL is
// (https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical).
type tokenKind uint8

const (
	word      tokenKind = iota // an unquoted name or keyword
	quoted                     // a name in backticks; text is without them
	text                       // a string literal; text is its value
	bytesText                  // a bytes literal; text is its value
	number                     // a number literal
	parameter                  // @name; text is the name
	punct                      // anything else, one operator
)

type token struct {
	kind   tokenKind
	text   string
	glued  bool // nothing stands between this token and the one before
	offset int  // in the statement
}

// is tells whether the token is this keyword or punctuation.
func (t token) is(s string) bool {
	return (t.kind == word && strings.EqualFold(t.text, s)) || (t.kind == punct && t.text == s)
}

// tokens cuts a statement.
func tokens(q string) ([]token, error) {
	var all []token
	for i := 0; i < len(q); {
		start := i
		c := q[i]
		glued := len(all) > 0 && i > 0
		if glued {
			p := q[i-1]
			glued = p != ' ' && p != '\t' && p != '\n' && p != '\r' && p != '/'
		}
		add := func(k tokenKind, s string, end int) {
			all = append(all, token{kind: k, text: s, glued: glued, offset: start})
			i = end
		}
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '#' || strings.HasPrefix(q[i:], "--"):
			if n := strings.IndexByte(q[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(q)
			}
		case strings.HasPrefix(q[i:], "/*"):
			n := strings.Index(q[i:], "*/")
			if n < 0 {
				return nil, invalidQuery("Syntax error: Unclosed comment at [%s]", position(q, start))
			}
			i += n + 2
		case c == '`':
			n := strings.IndexByte(q[i+1:], '`')
			if n <= 0 {
				return nil, invalidQuery("Syntax error: Unclosed or empty identifier literal at [%s]", position(q, start))
			}
			add(quoted, q[i+1:i+1+n], i+n+2)
		case c == '\'' || c == '"':
			s, end, err := stringLiteral(q, i, false, false)
			if err != nil {
				return nil, err
			}
			add(text, s, end)
		case isNameStart(c):
			end := i + 1
			for end < len(q) && (isNameStart(q[end]) || isDigit(q[end])) {
				end++
			}
			w := q[i:end]
			if end < len(q) && (q[end] == '\'' || q[end] == '"') {
				p := strings.ToLower(w)
				if p == "r" || p == "b" || p == "rb" || p == "br" {
					s, to, err := stringLiteral(q, end, strings.Contains(p, "r"), strings.Contains(p, "b"))
					if err != nil {
						return nil, err
					}
					k := text
					if strings.Contains(p, "b") {
						k = bytesText
					}
					add(k, s, to)
					continue
				}
			}
			add(word, w, end)
		case isDigit(c) || (c == '.' && i+1 < len(q) && isDigit(q[i+1]) && (len(all) == 0 || !glued || all[len(all)-1].kind == punct)):
			end := i
			for end < len(q) && (isDigit(q[end]) || isNameStart(q[end]) || q[end] == '.' ||
				((q[end] == '+' || q[end] == '-') && (q[end-1] == 'e' || q[end-1] == 'E') && !strings.HasPrefix(strings.ToLower(q[i:end]), "0x"))) {
				end++
			}
			add(number, q[i:end], end)
		case c == '@':
			end := i + 1
			for end < len(q) && (isNameStart(q[end]) || isDigit(q[end])) {
				end++
			}
			add(parameter, q[i+1:end], end)
		default:
			n := 1
			for _, op := range []string{"||", "<=", ">=", "!=", "<>", "=>", "<<", ">>"} {
				if strings.HasPrefix(q[i:], op) {
					n = len(op)
				}
			}
			if c >= utf8.RuneSelf {
				return nil, invalidQuery("Syntax error: Illegal input character at [%s]", position(q, start))
			}
			add(punct, q[i:i+n], i+n)
		}
	}
	return all, nil
}

func isNameStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// position is line:column, as error messages of BigQuery have it.
func position(q string, offset int) string {
	line := strings.Count(q[:offset], "\n")
	column := offset - strings.LastIndexByte(q[:offset], '\n')
	return strconv.Itoa(line+1) + ":" + strconv.Itoa(column)
}

// stringLiteral reads the literal whose quotation begins at i.
func stringLiteral(q string, i int, raw, isBytes bool) (value string, end int, err error) {
	quote := q[i : i+1]
	triple := strings.HasPrefix(q[i:], strings.Repeat(quote, 3))
	if triple {
		quote = q[i : i+3]
	}
	start := i
	var b strings.Builder
	for i += len(quote); i < len(q); {
		switch {
		case strings.HasPrefix(q[i:], quote):
			return b.String(), i + len(quote), nil
		case q[i] == '\n' && !triple:
			return "", 0, invalidQuery("Syntax error: Unclosed string literal at [%s]", position(q, start))
		case q[i] != '\\':
			b.WriteByte(q[i])
			i++
		case raw:
			if i+1 < len(q) {
				b.WriteString(q[i : i+2])
			}
			i += 2
		default:
			n, ok := escape(&b, q[i:], isBytes)
			if !ok {
				return "", 0, invalidQuery("Syntax error: Illegal escape sequence at [%s]", position(q, i))
			}
			i += n
		}
	}
	return "", 0, invalidQuery("Syntax error: Unclosed string literal at [%s]", position(q, start))
}

var simpleEscapes = map[byte]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '?': '?', '"': '"', '\'': '\'', '`': '`'}

// escape reads one escape sequence and returns its length.
func escape(b *strings.Builder, s string, isBytes bool) (int, bool) {
	if len(s) < 2 {
		return 0, false
	}
	if c, ok := simpleEscapes[s[1]]; ok {
		b.WriteByte(c)
		return 2, true
	}
	digits, base := 0, 16
	switch s[1] {
	case 'x', 'X':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	case '0', '1', '2', '3':
		if len(s) < 4 {
			return 0, false
		}
		n, err := strconv.ParseUint(s[1:4], 8, 8)
		if err != nil {
			return 0, false
		}
		writeCode(b, rune(n), isBytes)
		return 4, true
	default:
		return 0, false
	}
	if len(s) < 2+digits || (isBytes && digits > 2) {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:2+digits], base, 32)
	if err != nil || n > utf8.MaxRune {
		return 0, false
	}
	writeCode(b, rune(n), isBytes)
	return 2 + digits, true
}

func writeCode(b *strings.Builder, r rune, isBytes bool) {
	if isBytes {
		b.WriteByte(byte(r))
		return
	}
	b.WriteRune(r)
}
