package attribute

import (
	"encoding/json"
	"strconv"
	"strings"
)

// An Overlay is the deep merge of snapshots, in the order in which they were added.
type Overlay struct {
	tree  *Tree
	cells []cell
	stars []starCell

	// what mediaIn read last: the snapshots of a task hold the same text again and again
	mediaText string
	media     []Medium
}

type cell struct {
	kind kind
	text string
}

type starCell struct {
	key         string
	self, below cell
}

// NewOverlay returns an empty overlay of snapshots of t.
func NewOverlay(t *Tree) *Overlay {
	return &Overlay{tree: t, cells: make([]cell, len(t.nodes))}
}

// Reset makes the overlay empty.
func (o *Overlay) Reset() {
	clear(o.cells)
	o.stars = o.stars[:0]
}

// Add lays a snapshot over what is there.
func (o *Overlay) Add(s Snapshot) {
	r := reader{string(s)}
	for len(r.s) > 0 {
		id := ID(r.byte())
		n := &o.tree.nodes[id]
		if o.isStar(id) {
			o.addStar(r.text(), r.entry(), r.entry())
			continue
		}
		c := r.cell()
		if n.children != nil && (c.kind != object || o.cells[id].kind != object) {
			clearAt(o.tree, id, o.cells)
			if n.each {
				o.stars = o.stars[:0]
			}
		}
		o.cells[id] = c
	}
}

func (o *Overlay) isStar(id ID) bool { return id > 0 && o.tree.nodes[id-1].each }

func (o *Overlay) addStar(key string, self, below cell) {
	at := -1
	for i := range o.stars {
		if o.stars[i].key == key {
			at = i
		}
	}
	if at < 0 {
		at = len(o.stars)
		o.stars = append(o.stars, starCell{key: key})
	}
	s := &o.stars[at]
	if self.kind == absent {
		return
	}
	if self.kind != object || s.self.kind != object {
		s.below = cell{}
	}
	s.self = self
	if below.kind != absent {
		s.below = below
	}
}

// Has tells whether the value at id is not empty: not missing, null, blank, an object or an empty
// array.
func (o *Overlay) Has(id ID) bool {
	c := o.cells[id]
	return c.kind != absent && c.kind != object && c.text != ""
}

// Text returns the value at id as text, empty when there is none. Numbers are written without
// exponent, arrays joined.
func (o *Overlay) Text(id ID) string {
	c := o.cells[id]
	switch c.kind {
	case absent, object, raw:
		return ""
	case number:
		return Plain(c.text)
	}
	return c.text
}

// First returns the text at the first of the ids that is not empty.
func (o *Overlay) First(ids ...ID) string {
	for _, id := range ids {
		if s := o.Text(id); s != "" {
			return s
		}
	}
	return ""
}

// True tells whether the value at id is true, 1 or yes: as a boolean, a number or text in any case,
// but not in an array.
func (o *Overlay) True(id ID) bool {
	switch o.cells[id].kind {
	case number:
		f, ok := o.Number(id)
		return ok && f == 1
	case text, boolean:
	default:
		return false
	}
	switch strings.ToLower(o.Text(id)) {
	case "true", "1", "yes":
		return true
	}
	return false
}

// Number returns the value at id as a number: a JSON number or decimal text. ok is false for
// everything else.
func (o *Overlay) Number(id ID) (f float64, ok bool) {
	c := o.cells[id]
	if c.kind != number && c.kind != text {
		return 0, false
	}
	return Decimal(c.text)
}

// List returns the elements of a joined array, or the parts between commas of a text.
func (o *Overlay) List(id ID) []string {
	var parts []string
	for _, p := range strings.Split(o.Text(id), ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

// Medium is one element of a media list.
type Medium struct {
	Type  string
	URL   string
	Phone string // customers.phone

	SID          string // sid
	Conversation string // conversation_sid
}

// Media returns the objects of the array at id, which the tree must keep as JSON text.
func (o *Overlay) Media(id ID) []Medium { return o.mediaIn(o.cells[id]) }

// MediaOf returns the objects of the array behind the star for one key.
func (o *Overlay) MediaOf(key string) []Medium {
	for _, s := range o.stars {
		if s.key == key && s.self.kind == object {
			return o.mediaIn(s.below)
		}
	}
	return nil
}

func (o *Overlay) mediaIn(c cell) []Medium {
	if c.kind != raw {
		return nil
	}
	if o.mediaText != c.text {
		o.mediaText, o.media = c.text, media(c.text)
	}
	return o.media
}

// media reads the elements of an array.
func media(text string) []Medium {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var elements []any
	if d.Decode(&elements) != nil {
		return nil // the parser has checked the grammar
	}
	var m []Medium
	for _, e := range elements {
		if o, ok := e.(map[string]any); ok {
			t, _ := o["type"].(string)
			u, _ := o["url"].(string)
			who, _ := o["customers"].(map[string]any)
			m = append(m, Medium{strings.TrimSpace(t), strings.TrimSpace(u), plainText(who["phone"]), plainText(o["sid"]), plainText(o["conversation_sid"])})
		}
	}
	return m
}

// plainText returns a decoded JSON value as Overlay.Text gives it.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return Plain(string(v))
	case bool:
		return strconv.FormatBool(v)
	case []any:
		var parts []string
		for _, e := range v {
			if s := plainText(e); s != "" {
				parts = append(parts, s)
			}
		}
		return strings.Join(parts, ", ")
	}
	return ""
}

// Decimal parses decimal text: sign, digits, point, exponent. Infinities, NaN, hexadecimal and
// decimal commas are no decimal text (contract, section 9).
func Decimal(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c-'0' <= 9, c == '+', c == '-', c == '.', c == 'e', c == 'E':
		default:
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false
	}
	return f, true
}

// reader reads the encoding that Parser.Append writes.
type reader struct{ s string }

func (r *reader) byte() byte {
	c := r.s[0]
	r.s = r.s[1:]
	return c
}

func (r *reader) text() string {
	n, shift := 0, 0
	for {
		c := r.byte()
		n |= int(c&0x7f) << shift
		if c < 0x80 {
			break
		}
		shift += 7
	}
	t := r.s[:n]
	r.s = r.s[n:]
	return t
}

func (r *reader) cell() cell {
	c := cell{kind: kind(r.byte())}
	switch c.kind {
	case absent, object:
		return c
	}
	c.text = r.text()
	return c
}

// entry reads a value that carries an id which says nothing.
func (r *reader) entry() cell {
	r.byte()
	return r.cell()
}
