// Package attribute holds what the pipeline keeps of task and worker attributes: the values at the
// paths that the mapping of fields reads, in a compact form, and how snapshots of them are laid
// over each other.
//
// Attributes are free JSON of up to a few kilobytes, repeated on every event of a task. A Tree
// names the paths that matter; a Snapshot is one JSON object cut down to them; an Overlay is the
// deep merge of several snapshots (contract, section 2): a null or blank string never overwrites,
// arrays and scalars replace, objects merge. It makes no difference to the values at the tree's
// paths whether objects are cut down before they are merged, or after.
package attribute

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ID names a path of a Tree. The root has ID 0.
type ID uint8

// A Tree is a set of paths into attributes, with the objects on the way to them.
type Tree struct {
	nodes []node
	ids   map[string]ID
}

type node struct {
	path     string
	parent   ID
	children map[string]ID
	last     ID   // the nodes id+1..last lie below this one, and so do more
	more     []ID // that Extend has added
	each     bool // its children are named by the input: `reservation_attributes.*.media`
	raw      bool // an array here is kept as JSON text, not joined
	opened   bool // text of a JSON object here is read like the object
}

// most is how many paths a tree may have: an ID is a byte.
const most = 255

// Star in a path stands for any key: "reservation_attributes.*.media". It may stand once in a path,
// with exactly one name behind it.
const Star = "*"

// NewTree returns the tree of the given dotted paths. An ending "[]" keeps an array as JSON text
// rather than joined text. "{}" behind a name on the way says that the object may also be written as
// text of JSON: "pre_engagement_data{}.email". NewTree panics on more than 255 nodes: paths are
// written in code.
func NewTree(paths ...string) *Tree {
	type branch struct {
		names    []string
		children map[string]*branch
		raw      bool
		opened   bool
	}
	root := &branch{children: map[string]*branch{}}
	for _, p := range paths {
		b := root
		raw := strings.HasSuffix(p, "[]")
		for _, name := range strings.Split(strings.TrimSuffix(p, "[]"), ".") {
			name, opened := strings.CutSuffix(name, "{}")
			c := b.children[name]
			if c == nil {
				c = &branch{children: map[string]*branch{}}
				b.children[name] = c
				b.names = append(b.names, name)
			}
			b = c
			b.opened = b.opened || opened
		}
		b.raw = raw
	}
	t := &Tree{ids: map[string]ID{}}
	var add func(b *branch, path string, parent ID) ID
	add = func(b *branch, path string, parent ID) ID {
		if len(t.nodes) > most {
			panic("attribute: more than 255 paths")
		}
		id := ID(len(t.nodes))
		t.nodes = append(t.nodes, node{path: path, parent: parent, raw: b.raw, opened: b.opened})
		t.ids[path] = id
		if len(b.names) > 0 {
			t.nodes[id].children = map[string]ID{}
		}
		for _, name := range b.names {
			p := name
			if path != "" {
				p = path + "." + name
			}
			c := add(b.children[name], p, id)
			t.nodes[id].children[name] = c
			if name == Star {
				t.nodes[id].each = true
			}
		}
		t.nodes[id].last = ID(len(t.nodes) - 1)
		return id
	}
	add(root, "", 0)
	return t
}

// ErrPath says that a path cannot be a part of a tree.
var ErrPath = errors.New("the attribute path cannot be read")

// Extend returns a tree that has further paths, of which none ends with "[]" or has a Star. The nodes of
// t keep their ids. Errors wrap ErrPath.
func (t *Tree) Extend(paths ...string) (*Tree, error) {
	e := &Tree{nodes: slices.Clone(t.nodes), ids: maps.Clone(t.ids)}
	for i := range e.nodes {
		n := &e.nodes[i]
		n.children, n.more = maps.Clone(n.children), slices.Clone(n.more)
	}
	for _, path := range paths {
		at, above := ID(0), ""
		for name := range strings.SplitSeq(path, ".") {
			if name == "" || strings.ContainsAny(name, "*[]{} \t\n") {
				return nil, fmt.Errorf("%w: %q: write names with dots between, such as conversations.language", ErrPath, path)
			}
			if e.nodes[at].each {
				return nil, fmt.Errorf("%w: %q: %s has a list of its own for each name in it", ErrPath, path, above)
			}
			if above != "" {
				above += "."
			}
			above += name
			next, known := e.nodes[at].children[name]
			if !known {
				if len(e.nodes) > most {
					return nil, fmt.Errorf("%w: %q: there are more than %d paths", ErrPath, path, most)
				}
				next = e.add(at, name, above)
			}
			at = next
		}
	}
	return e, nil
}

// add adds a node behind all others, below another one.
func (t *Tree) add(parent ID, name, path string) ID {
	id := ID(len(t.nodes))
	t.nodes = append(t.nodes, node{path: path, parent: parent, last: id})
	t.ids[path] = id
	if t.nodes[parent].children == nil {
		t.nodes[parent].children = map[string]ID{}
	}
	t.nodes[parent].children[name] = id
	for at := parent; ; at = t.nodes[at].parent {
		t.nodes[at].more = append(t.nodes[at].more, id)
		if at == 0 {
			return id
		}
	}
}

// clearAt clears what there is of a node and of all below it.
func clearAt[T any](t *Tree, id ID, of []T) {
	n := &t.nodes[id]
	clear(of[id : n.last+1])
	for _, m := range n.more {
		clear(of[m : m+1])
	}
}

// ID returns the id of a path of the tree. It panics when there is none.
func (t *Tree) ID(path string) ID {
	id, ok := t.ids[strings.TrimSuffix(path, "[]")]
	if !ok {
		panic(fmt.Sprintf("attribute: no path %q in the tree", path))
	}
	return id
}

// Path returns the dotted path of an id.
func (t *Tree) Path(id ID) string { return t.nodes[id].path }

// Len returns the number of nodes, the root included.
func (t *Tree) Len() int { return len(t.nodes) }
