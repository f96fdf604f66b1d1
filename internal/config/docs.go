package config

import (
	_ "embed"
	"fmt"
	"reflect"
	"strings"
)

// prose is what docs/configuration.md says besides its tables.
//
//go:embed docs.md
var prose string

// The marks in prose where the generated parts stand.
const (
	exampleMark = "{{example}}\n"
	keysMark    = "{{keys}}\n"
)

// Docs returns the reference of the file in Markdown.
func Docs() []byte {
	var b strings.Builder
	tables(&b, "The file", reflect.TypeFor[File](), "")
	text := strings.Replace(prose, exampleMark, "```yaml\n"+Example+"```\n", 1)
	return []byte(strings.Replace(text, keysMark, strings.TrimPrefix(b.String(), "\n"), 1))
}

// tables appends a table of the keys of a struct, and those of the structs in it.
func tables(b *strings.Builder, title string, t reflect.Type, path string) {
	fmt.Fprintf(b, "\n### %s\n\n| key | takes | what it is for |\n| --- | --- | --- |\n", title)
	for _, f := range fieldsOf(t) {
		doc := f.doc
		if f.flag != "" {
			doc += " Flag `--" + f.flag + "`, variable `" + Variable(f.flag) + "`."
		}
		if f.required {
			doc += " Required."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.key, takes(t.Field(f.index).Type, f), doc)
	}
	for _, f := range fieldsOf(t) {
		part, at := t.Field(f.index).Type, path+f.key
		if part.Kind() == reflect.Slice {
			part, at = part.Elem(), at+"[]"
		}
		if part.Kind() == reflect.Struct {
			tables(b, "`"+at+"`", part, at+".")
		}
	}
}

// takes says what a key takes.
func takes(t reflect.Type, f field) string {
	what := ""
	switch {
	case t == typeOfReference:
		what = "a reference"
	case t == typeOfDuration:
		what = "a time"
	case t.Kind() == reflect.Struct:
		return "keys, see below"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return "a list, see below"
	case t.Kind() == reflect.Slice:
		what = "a list of texts"
	case t.Kind() == reflect.Map:
		what = "names and their texts"
	case t.Kind() == reflect.Bool:
		return "`true` or `false`"
	case t.Kind() == reflect.Int:
		what = "a number"
	case len(f.enum) > 0:
		return "`" + strings.Join(f.enum, "`, `") + "`"
	default:
		what = "a text"
	}
	if f.example != "" {
		what += ", such as `" + f.example + "`"
	}
	return what
}
