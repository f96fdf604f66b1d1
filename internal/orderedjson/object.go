// Package orderedjson writes JSON objects whose members keep their order: schemas that people read.
package orderedjson

import (
	"bytes"
	"encoding/json"
)

// An Object is a JSON object.
type Object []Member

// A Member is a name, which is a text, and its value.
type Member [2]any

// MarshalJSON implements json.Marshaler.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(m[0]); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(m[1]); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Document returns the object as a text with two blanks for each level. Its values are texts, numbers,
// lists and objects, which can always be written.
func (o Object) Document() []byte {
	compact, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		panic(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}
