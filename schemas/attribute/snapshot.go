package attribute

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"flexbeam/internal/jsonscan"
)

// A Snapshot is one JSON object of attributes cut down to a tree's paths, in a compact encoding.
// The empty Snapshot is `{}`. Null and blank values are left out: they say nothing.
type Snapshot string

// kind is what a value is; it decides what may be read from it.
type kind byte

const (
	absent  kind = iota
	text         // a JSON string, trimmed
	number       // a JSON number
	boolean      // true or false
	list         // an array, its scalars joined with ", "
	raw          // an array, as JSON text
	object       // an object: merges; as a value it counts as empty
)

type value struct {
	kind kind
	text []byte
}

type starred struct {
	key   []byte
	self  value // the value under the key
	below value // the value under the one name behind the star
}

// A Parser cuts JSON objects down to snapshots of one tree. It reuses its memory and serves one
// goroutine.
type Parser struct {
	tree    *Tree
	values  []value
	stars   []starred
	scratch []byte
}

// NewParser returns a parser for snapshots of t.
func NewParser(t *Tree) *Parser {
	return &Parser{tree: t, values: make([]value, len(t.nodes))}
}

// Append parses JSON text and appends its snapshot to dst. ok is false when the text is not a JSON
// object: such attributes count as none (contract, section 9). Of equal names the last one counts.
func (p *Parser) Append(dst, b []byte) (_ []byte, ok bool) {
	clear(p.values)
	p.stars = p.stars[:0]
	p.scratch = p.scratch[:0]
	i := jsonscan.Space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return dst, false
	}
	end, err := p.object(b, i, 0, 0)
	if err != nil || jsonscan.Space(b, end) != len(b) {
		return dst, false
	}
	return p.tree.append(dst, p.values, p.stars), true
}

// append appends the encoding of the values at the nodes of a tree.
func (t *Tree) append(dst []byte, values []value, stars []starred) []byte {
	for id := 1; id < len(values); id++ {
		v := values[id]
		if v.kind == absent {
			continue
		}
		dst = appendValue(dst, ID(id), v)
		if t.nodes[id].each && v.kind == object {
			for _, s := range stars {
				dst = append(dst, byte(id)+1)
				dst = appendText(dst, s.key)
				dst = appendValue(dst, 0, s.self)
				dst = appendValue(dst, 0, s.below)
			}
		}
	}
	return dst
}

// Join returns the text of a JSON array where one text is due: its scalars joined with a comma and
// a blank (contract, section 2.15). The caller has checked the grammar.
func Join(array []byte) string {
	var p Parser
	return string(p.join(array, 0, 0))
}

func appendValue(dst []byte, id ID, v value) []byte {
	dst = append(dst, byte(id), byte(v.kind))
	switch v.kind {
	case absent, object:
		return dst
	}
	return appendText(dst, v.text)
}

func appendText(dst, s []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func (p *Parser) object(b []byte, i int, id ID, depth int) (int, error) {
	n := &p.tree.nodes[id]
	if n.each {
		return p.each(b, i, depth)
	}
	o := jsonscan.OpenObject(b, i, depth)
	for o.Next() {
		c, known := n.children[string(o.Key)]
		if !known {
			o.Skip()
			continue
		}
		child := &p.tree.nodes[c]
		clearAt(p.tree, c, p.values)
		if child.each {
			p.stars = p.stars[:0]
		}
		if o.At < len(b) && b[o.At] == '{' && child.children != nil {
			p.values[c].kind = object
			o.Seek(p.object(b, o.At, c, o.Depth()))
			continue
		}
		if child.opened && p.open(b, o.At, c) {
			o.Skip()
			continue
		}
		p.values[c] = p.value(b, o.At, o.Depth(), o.Take(), child.raw)
	}
	return o.End()
}

// open walks the object that the text at b[i] holds as JSON. It returns false where b[i] is no such
// text.
func (p *Parser) open(b []byte, i int, id ID) bool {
	end, err := jsonscan.Value(b, i, 0)
	if err != nil || b[i] != '"' {
		return false
	}
	inner := p.unquote(b[i:end])
	if len(inner) == 0 || inner[0] != '{' {
		return false
	}
	if end, err := jsonscan.Value(inner, 0, 0); err != nil || end != len(inner) {
		return false
	}
	p.values[id].kind = object
	_, err = p.object(inner, 0, id, 0)
	return err == nil
}

// each walks an object whose names the input chooses.
func (p *Parser) each(b []byte, i, depth int) (int, error) {
	star := &p.tree.nodes[0]
	for id := range p.tree.nodes {
		if p.tree.nodes[id].each {
			star = &p.tree.nodes[id+1]
		}
	}
	var name string
	for k := range star.children {
		name = k
	}
	o := jsonscan.OpenObject(b, i, depth)
	for o.Next() {
		s := starred{key: o.Key}
		if o.At < len(b) && b[o.At] == '{' {
			s.self.kind = object
			in := jsonscan.OpenObject(b, o.At, o.Depth())
			for in.Next() {
				if string(in.Key) != name {
					in.Skip()
					continue
				}
				s.below = p.value(b, in.At, in.Depth(), in.Take(), true)
			}
			o.Seek(in.End())
		} else {
			s.self = p.value(b, o.At, o.Depth(), o.Take(), false)
		}
		at := len(p.stars)
		for k := range p.stars {
			if string(p.stars[k].key) == string(s.key) {
				at = k
			}
		}
		if at == len(p.stars) {
			p.stars = append(p.stars, s)
		} else {
			p.stars[at] = s
		}
	}
	return o.End()
}

// value returns the value with the JSON text t, which starts at b[i].
func (p *Parser) value(b []byte, i, depth int, t []byte, keepRaw bool) value {
	if len(t) == 0 {
		return value{}
	}
	switch t[0] {
	case '"':
		if s := p.unquote(t); len(s) > 0 {
			return value{text, s}
		}
		return value{}
	case '{':
		return value{kind: object}
	case '[':
		if keepRaw {
			return value{raw, t}
		}
		return value{list, p.join(b, i, depth)}
	case 't', 'f':
		return value{boolean, t}
	case 'n':
		return value{}
	}
	return value{number, t}
}

// unquote returns the trimmed text of a quoted string.
func (p *Parser) unquote(t []byte) []byte {
	start := len(p.scratch)
	p.scratch = jsonscan.AppendUnquoted(p.scratch, t)
	return bytes.TrimSpace(p.scratch[start:])
}

// join returns the scalars of an array, trimmed and joined with a comma and a blank; nested arrays
// are joined in their place; null, blank and objects are left out.
func (p *Parser) join(b []byte, i, depth int) []byte {
	var out []byte
	a := jsonscan.OpenArray(b, i, depth)
	for a.Next() {
		at := a.At
		v := p.value(b, at, a.Depth(), a.Take(), false)
		switch v.kind {
		case absent, object, raw:
			continue
		case number:
			v.text = []byte(Plain(string(v.text)))
		}
		if len(v.text) == 0 {
			continue
		}
		if len(out) > 0 {
			out = append(out, ", "...)
		}
		out = append(out, v.text...)
	}
	return out
}

// Plain returns a JSON number written without an exponent.
func Plain(s string) string {
	if !strings.ContainsAny(s, "eE") {
		return s
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
