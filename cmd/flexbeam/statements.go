package main

import "strings"

// splitSQL cuts SQL at the semicolons outside of strings, quoted names and comments, and leaves out
// statements that hold none of anything else.
func splitSQL(sql string) []string {
	var all []string
	start, empty := 0, true
	add := func(end int) {
		if !empty {
			all = append(all, strings.TrimSpace(sql[start:end]))
		}
		start, empty = end+1, true
	}
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == ';':
			add(i)
			i++
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
		case strings.HasPrefix(sql[i:], "--"):
			i = after(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*"):
			i = afterComment(sql, i)
		default:
			empty = false
			i = afterToken(sql, i)
		}
	}
	add(len(sql))
	return all
}

// afterToken returns the index behind the token that begins at i: a string, a quoted name, a word,
// or one byte.
func afterToken(sql string, i int) int {
	switch c := sql[i]; {
	case c == '\'', c == '"':
		return afterQuote(sql, i, false)
	case (c == 'e' || c == 'E') && strings.HasPrefix(sql[i+1:], "'"):
		return afterQuote(sql, i+1, true)
	case c == '$':
		if tag := dollarTag(sql[i:]); tag != "" {
			return after(sql, i+len(tag), tag)
		}
	case isWord(c):
		for i < len(sql) && (isWord(sql[i]) || sql[i] == '$') {
			i++
		}
		return i
	}
	return i + 1
}

// after returns the index behind the next end, or the length of the text.
func after(sql string, i int, end string) int {
	if j := strings.Index(sql[i:], end); j >= 0 {
		return i + j + len(end)
	}
	return len(sql)
}

// afterQuote returns the index behind the quoted text that begins at i. A doubled quote reads as
// two texts beside each other.
func afterQuote(sql string, i int, escapes bool) int {
	for j := i + 1; j < len(sql); j++ {
		switch {
		case escapes && sql[j] == '\\':
			j++
		case sql[j] == sql[i]:
			if escapes && strings.HasPrefix(sql[j+1:], "'") {
				j++
				continue
			}
			return j + 1
		}
	}
	return len(sql)
}

// afterComment returns the index behind the comment that begins at i; comments nest.
func afterComment(sql string, i int) int {
	for depth := 0; i < len(sql); {
		switch {
		case strings.HasPrefix(sql[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(sql[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return len(sql)
}

// dollarTag returns the $tag$ that sql begins with, "" when it begins with none.
func dollarTag(sql string) string {
	for j := 1; j < len(sql); j++ {
		switch c := sql[j]; {
		case c == '$':
			return sql[:j+1]
		case !isWord(c) || j == 1 && c >= '0' && c <= '9':
			return ""
		}
	}
	return ""
}

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
