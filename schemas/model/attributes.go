package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flexbeam/schemas/attribute"
)

// An Extra is attribute paths that a configuration adds to those of a column.
type Extra struct {
	Column string   // table and column: engagements.language
	Before []string // paths that count before the built-in ones
	Behind []string // paths that count where the built-in ones are empty
}

// Attributes are the paths that a job reads from attributes, and what they stand for: the built-in ones
// and those of its configuration. The nil Attributes have the built-in ones alone. IDs of built-in paths
// are those of TaskTree and WorkerTree.
type Attributes struct {
	extra        []Extra
	task, worker *attribute.Tree
	own          [2][]string // the further paths of task and worker attributes
	paths        map[string]Paths
}

// Paths are those that a column is read from: the first that is not empty counts.
type Paths struct{ Before, BuiltIn, Behind []attribute.ID }

// All returns the paths in order.
func (p Paths) All() []attribute.ID { return slices.Concat(p.Before, p.BuiltIn, p.Behind) }

// ErrColumn says that a column takes no further paths.
var ErrColumn = errors.New("the column takes no attribute paths of your own")

// fixed are columns of attributes whose rule is more than a list of paths.
var fixed = strings.Fields("engagements.direction engagements.recording_url engagements.is_virtual engagements.engaged_role agents.role agents.roles " +
	"customers.contact_id customers.contact_kind")

// NewAttributes returns the attributes with further paths; nil if there are none. Errors wrap ErrColumn
// or attribute.ErrPath.
func NewAttributes(extra []Extra) (a *Attributes, err error) {
	if len(extra) == 0 {
		return nil, nil
	}
	a = &Attributes{extra: extra, paths: map[string]Paths{}}
	for _, e := range extra {
		c, err := extended(e.Column)
		if err != nil {
			return nil, err
		}
		if _, twice := a.paths[e.Column]; twice {
			return nil, fmt.Errorf("%w: %s stands twice", ErrColumn, e.Column)
		}
		a.paths[e.Column] = Paths{BuiltIn: c.ids()}
		own := &a.own[c.origin()]
		*own = append(append(*own, e.Before...), e.Behind...)
	}
	if a.task, err = TaskTree.Extend(a.own[FromTask]...); err != nil {
		return nil, err
	}
	if a.worker, err = WorkerTree.Extend(a.own[FromWorker]...); err != nil {
		return nil, err
	}
	for _, e := range extra {
		c, _ := extended(e.Column) // it was right above
		tree := a.task
		if c.origin() == FromWorker {
			tree = a.worker
		}
		p := a.paths[e.Column]
		for _, path := range e.Before {
			p.Before = append(p.Before, tree.ID(path))
		}
		for _, path := range e.Behind {
			p.Behind = append(p.Behind, tree.ID(path))
		}
		a.paths[e.Column] = p
	}
	return a, nil
}

// extended returns a column by its name and that of its table, if it takes further paths.
func extended(name string) (*Column, error) {
	of, column, _ := strings.Cut(name, ".")
	t := Lookup(of)
	if t == nil {
		return nil, fmt.Errorf("%w: there is no table %q: write such as engagements.language", ErrColumn, of)
	}
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == column })
	if i < 0 {
		return nil, fmt.Errorf("%w: the table %s has no column %q: flexbeam schema docs lists them", ErrColumn, of, column)
	}
	c := &t.Columns[i]
	if slices.Contains(fixed, name) || len(c.ids()) == 0 || t.ID == TurnsID {
		return nil, fmt.Errorf("%w: %s is not read from attributes alone", ErrColumn, name)
	}
	return c, nil
}

// origin returns whether a column is read from task or from worker attributes.
func (c *Column) origin() Origin {
	for _, s := range c.Sources {
		if s.Origin == FromWorker {
			return FromWorker
		}
	}
	return FromTask
}

// ids returns the built-in paths of a column.
func (c *Column) ids() (ids []attribute.ID) {
	for _, s := range c.Sources {
		if s.Origin == FromTask || s.Origin == FromWorker {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// Task returns the tree of the paths of task attributes.
func (a *Attributes) Task() *attribute.Tree {
	if a == nil {
		return TaskTree
	}
	return a.task
}

// Worker returns the tree of the paths of worker attributes.
func (a *Attributes) Worker() *attribute.Tree {
	if a == nil {
		return WorkerTree
	}
	return a.worker
}

// Paths returns the paths that a column is read from.
func (a *Attributes) Paths(t *Table, column string) Paths {
	if a != nil {
		if p, ok := a.paths[t.Name+"."+column]; ok {
			return p
		}
	}
	return Paths{BuiltIn: t.Columns[t.Col(column)].ids()}
}

// Text returns what ReadAttributes reads; empty for the built-in paths.
func (a *Attributes) Text() string {
	if a == nil {
		return ""
	}
	b, err := json.Marshal(a.extra)
	if err != nil { // texts always marshal
		panic(err)
	}
	return string(b)
}

// ReadAttributes returns the attributes of a Text.
func ReadAttributes(text string) (*Attributes, error) {
	if text == "" {
		return nil, nil
	}
	var extra []Extra
	if err := json.Unmarshal([]byte(text), &extra); err != nil {
		return nil, fmt.Errorf("the columns of the job: %w", err)
	}
	return NewAttributes(extra)
}
