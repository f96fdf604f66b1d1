package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Fault is something in a file that is wrong.
type Fault struct {
	File string
	Position
	Key  string // path of the key, such as accounts[0].secret; empty: the file as a whole
	Text string // what is wrong, and what to do
}

// String writes a fault as editors find it: FILE:LINE:COLUMN: KEY: TEXT.
func (f Fault) String() string {
	s := f.File
	if f.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d", f.File, f.Line, max(f.Column, 1))
	}
	if f.Key != "" {
		s += ": " + f.Key
	}
	return s + ": " + f.Text
}

// Faults are all that is wrong with a file, in the order of its lines.
type Faults []Fault

// Sort puts faults into the order of their places.
func (f Faults) Sort() {
	slices.SortStableFunc(f, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

// Error tells the first fault, and how many others there are.
func (f Faults) Error() string {
	s := f[0].String()
	if n := len(f) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more: flexbeam config check shows them)", n)
	}
	return s
}

// ErrRead says that a file cannot be read.
var ErrRead = errors.New("the configuration cannot be read")

// Load reads a file. Errors are Faults, or wrap ErrRead. Beside Faults the File holds what is right.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("%w: %s: %w", ErrRead, path, err)
	}
	return Parse(path, data)
}

// Parse reads the text of a file, which errors call by a name. Errors are Faults, beside which the File
// holds what is right.
func Parse(name string, data []byte) (*File, error) {
	f := &File{name: name, at: map[string]Position{}}
	p := &parser{file: f}
	var top yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	switch err := d.Decode(&top); {
	case errors.Is(err, io.EOF): // an empty file
		return f, nil
	case err != nil:
		p.syntax(err)
		return f, p.faults
	}
	p.value(top.Content[0], reflect.ValueOf(f).Elem(), field{}, "")
	if err := d.Decode(new(yaml.Node)); err == nil {
		p.fault(&top, "", "the file has several documents: leave out what is behind ---")
	} else if !errors.Is(err, io.EOF) {
		p.syntax(err)
	}
	p.check()
	if len(p.faults) > 0 {
		p.faults.Sort()
		return f, p.faults
	}
	return f, nil
}

// parser fills a File from nodes and gathers what is wrong.
type parser struct {
	file   *File
	faults Faults
}

func (p *parser) fault(n *yaml.Node, key, format string, args ...any) {
	p.faultAt(Position{n.Line, n.Column}, key, format, args...)
}

func (p *parser) faultAt(at Position, key, format string, args ...any) {
	p.faults = append(p.faults, Fault{p.file.name, at, key, fmt.Sprintf(format, args...)})
}

var syntaxLine = regexp.MustCompile(`^yaml: line (\d+): `)

// syntax adds the fault of a text that is no YAML.
func (p *parser) syntax(err error) {
	text, at := strings.TrimPrefix(err.Error(), "yaml: "), Position{1, 1}
	if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
		at.Line, _ = strconv.Atoi(m[1])
		text = strings.TrimPrefix(err.Error(), m[0])
	}
	p.faultAt(at, "", "the file is no YAML: %s", text)
}

// kindOf says what a node is, in words.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

// value sets a value from a node.
func (p *parser) value(n *yaml.Node, v reflect.Value, f field, key string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if key != "" {
		p.file.at[key] = Position{n.Line, n.Column}
	}
	want, what := yaml.ScalarNode, "a single value"
	switch v.Kind() {
	case reflect.Struct, reflect.Map:
		want, what = yaml.MappingNode, "keys and values, each on a line of its own"
	case reflect.Slice:
		want, what = yaml.SequenceNode, "a list, each element behind a dash"
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		delete(p.file.at, key)
		if key != "" {
			p.fault(n, key, "is empty: give it a value, or leave the key out")
		}
		return
	case n.Kind != want:
		p.fault(n, key, "is %s: write %s", kindOf(n), what)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		p.mapping(n, v, key)
	case reflect.Map:
		p.named(n, v, f, key)
	case reflect.Slice:
		for i, element := range n.Content {
			e := reflect.New(v.Type().Elem()).Elem()
			p.value(element, e, f, fmt.Sprintf("%s[%d]", key, i))
			v.Set(reflect.Append(v, e))
		}
	default:
		if err := f.set(v, n.Value); err != nil {
			p.fault(n, key, "%v", err)
		}
	}
}

// pairs calls do with the keys and values of a mapping, and tells of keys that stand twice.
func (p *parser) pairs(n *yaml.Node, key string, do func(name *yaml.Node, value *yaml.Node, path string)) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		path := within(key, name.Value)
		if line, twice := first[name.Value]; twice {
			p.fault(name, path, "stands here and in line %d: leave one out", line)
			continue
		}
		first[name.Value] = name.Line
		do(name, n.Content[i+1], path)
	}
}

// within returns the path of a key among those of another; "" is the file.
func within(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// mapping sets the fields of a struct.
func (p *parser) mapping(n *yaml.Node, v reflect.Value, key string) {
	fields := fieldsOf(v.Type())
	p.pairs(n, key, func(name, value *yaml.Node, path string) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == name.Value })
		if i < 0 {
			p.fault(name, path, "is not a key here: %s", nearest(name.Value, fields))
			return
		}
		p.value(value, v.Field(fields[i].index), fields[i], path)
	})
	for _, f := range fields {
		path := within(key, f.key)
		if _, given := p.file.at[path]; f.required && !given && !p.told(path) {
			p.fault(n, path, "is missing: %s", f.such())
		}
	}
}

// told tells whether a key has a fault already.
func (p *parser) told(key string) bool {
	return slices.ContainsFunc(p.faults, func(f Fault) bool { return f.Key == key })
}

// named sets the texts of a map, whose keys the file chooses.
func (p *parser) named(n *yaml.Node, v reflect.Value, f field, key string) {
	all := reflect.MakeMap(v.Type())
	p.pairs(n, key, func(name, value *yaml.Node, path string) {
		e := reflect.New(v.Type().Elem()).Elem()
		p.value(value, e, f, path)
		all.SetMapIndex(reflect.ValueOf(name.Value), e)
	})
	v.Set(all)
}

// nearest advises which key may be meant: the one that is like what was written, else all that there
// are.
func nearest(written string, fields []field) string {
	best, least := "", len(written)/2+1
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.key
		if d := distance(strings.ReplaceAll(strings.ToLower(written), "-", "_"), f.key); d < least {
			best, least = f.key, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "there are " + strings.Join(names, ", ")
}

// distance returns how many letters have to be changed, added or left out to make one text of the
// other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
