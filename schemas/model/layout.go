package model

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
)

// Layout says what encoded events keep, in words: the paths of attributes, the fields, the kinds,
// each in the order by which blocks tell them. A log of events begins with it, so that another
// version, or a job with other paths of its own, can read them.
func Layout() string { return (*Attributes)(nil).Layout() }

// Layout is the layout of a job with these attributes.
func (a *Attributes) Layout() string {
	var own [2][]string
	if a != nil {
		own = a.own
	}
	return strings.Join([]string{
		layoutLine("task", taskPaths, own[FromTask]), layoutLine("worker", workerPaths, own[FromWorker]),
		"fields " + strings.Join(event.Fields[:], " "), "kinds " + strings.Join(event.Kinds(), " "),
	}, "\n")
}

// layoutLine names paths: those of a tree, and those by which it was extended. With these its name is
// another one, which versions that know nothing of them refuse.
func layoutLine(name string, paths, own []string) string {
	if len(own) == 0 {
		return name + " " + strings.Join(paths, " ")
	}
	return name + "+ " + strings.Join(paths, " ") + " | " + strings.Join(own, " ")
}

// layout2 is the layout of the version before logs had one, which named it by keptOfLayout2.
//
//go:embed layout2.txt
var layout2 string

const keptOfLayout2 = "49cb0c7afc2eb578"

// ErrLayout says that events were kept in a way that this version cannot read.
var ErrLayout = errors.New("events in an unknown layout")

// A Translation reads blocks of events that another version wrote. Attributes that that version did
// not keep are absent.
type Translation struct {
	task, worker func(attribute.Snapshot) attribute.Snapshot
}

// Translate returns what reads events of a layout; nil for that of a.
func Translate(layout string, a *Attributes) (*Translation, error) {
	if layout == keptOfLayout2 {
		layout = strings.TrimSpace(layout2)
	}
	if layout == a.Layout() {
		return nil, nil
	}
	parts := map[string][]string{}
	for line := range strings.Lines(layout) {
		if words := strings.Fields(line); len(words) > 0 {
			parts[words[0]] = words[1:]
		}
	}
	task, worker := treeOf(parts, "task"), treeOf(parts, "worker")
	if task == nil || worker == nil {
		return nil, fmt.Errorf("%w: %.80q", ErrLayout, layout)
	}
	for name, now := range map[string][]string{"fields": event.Fields[:], "kinds": event.Kinds()} {
		if old := parts[name]; len(old) > len(now) || !slices.Equal(old, now[:len(old)]) {
			return nil, fmt.Errorf("%w: its %s are %v", ErrLayout, name, old)
		}
	}
	return &Translation{attribute.Translate(task, a.Task()), attribute.Translate(worker, a.Worker())}, nil
}

// Own names the paths of a job beside the built-in ones; empty if there are none.
func (a *Attributes) Own() string {
	if a == nil {
		return ""
	}
	return strings.Join(a.own[FromTask], " ") + "|" + strings.Join(a.own[FromWorker], " ")
}

// TranslateOwn returns what reads events that this version wrote for a job with other paths of its own.
func TranslateOwn(own string, a *Attributes) (*Translation, error) {
	ofTask, ofWorker, _ := strings.Cut(own, "|")
	task, err := TaskTree.Extend(strings.Fields(ofTask)...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLayout, err)
	}
	worker, err := WorkerTree.Extend(strings.Fields(ofWorker)...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLayout, err)
	}
	return &Translation{attribute.Translate(task, a.Task()), attribute.Translate(worker, a.Worker())}, nil
}

// treeOf returns the tree that a line of a layout names; nil if there is none.
func treeOf(parts map[string][]string, name string) *attribute.Tree {
	if paths := parts[name]; len(paths) > 0 {
		return attribute.NewTree(paths...)
	}
	paths := parts[name+"+"]
	at := slices.Index(paths, "|")
	if at < 0 {
		return nil
	}
	tree, err := attribute.NewTree(paths[:at]...).Extend(paths[at+1:]...)
	if err != nil {
		return nil
	}
	return tree
}

// Block returns a block in the present layout. t may be nil.
func (t *Translation) Block(b event.Block, part event.Part) (event.Block, error) {
	if t == nil || len(b) == 0 {
		return b, nil
	}
	events, err := event.Decode(b, nil)
	if err != nil {
		return nil, err
	}
	var to event.Builder
	for i := range events {
		e := &events[i]
		e.TaskAttributes, e.WorkerAttributes = t.task(e.TaskAttributes), t.worker(e.WorkerAttributes)
		to.Add(e, part)
	}
	return to.Append(nil), nil
}
