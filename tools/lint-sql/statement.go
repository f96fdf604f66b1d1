package main

import "strings"

// A statement is one statement of a file, without its semicolon.
type statement struct {
	line int // its first
	text string
}

// statements cuts a text at the semicolons that end a line.
func statements(text string) []statement {
	var all []statement
	var b strings.Builder
	first := 0
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if b.Len() == 0 {
			if trimmed == "" || strings.HasPrefix(trimmed, "--") {
				continue
			}
			first = i + 1
		}
		body, end := strings.CutSuffix(strings.TrimRight(line, " \t"), ";")
		b.WriteString(body + "\n")
		if end {
			all = append(all, statement{first, strings.TrimSpace(b.String())})
			b.Reset()
		}
	}
	if b.Len() > 0 {
		all = append(all, statement{first, strings.TrimSpace(b.String())})
	}
	return all
}

// blocks returns the statements in the blocks of SQL of a Markdown text.
func blocks(text string) []statement {
	var all []statement
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if strings.TrimSpace(lines[i]) != "```sql" {
			continue
		}
		start := i + 1
		for i = start; i < len(lines) && strings.TrimSpace(lines[i]) != "```"; i++ {
		}
		for _, s := range statements(strings.Join(lines[start:i], "\n")) {
			s.line += start
			all = append(all, s)
		}
	}
	return all
}
