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
// version can read them.
func Layout() string {
	return strings.Join([]string{
		"task " + strings.Join(taskPaths, " "), "worker " + strings.Join(workerPaths, " "),
		"fields " + strings.Join(event.Fields[:], " "), "kinds " + strings.Join(event.Kinds(), " "),
	}, "\n")
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

// Translate returns what reads events of a layout; nil for the present one.
func Translate(layout string) (*Translation, error) {
	if layout == keptOfLayout2 {
		layout = strings.TrimSpace(layout2)
	}
	if layout == Layout() {
		return nil, nil
	}
	parts := map[string][]string{}
	for line := range strings.Lines(layout) {
		if words := strings.Fields(line); len(words) > 0 {
			parts[words[0]] = words[1:]
		}
	}
	if len(parts["task"]) == 0 || len(parts["worker"]) == 0 {
		return nil, fmt.Errorf("%w: %.80q", ErrLayout, layout)
	}
	for name, now := range map[string][]string{"fields": event.Fields[:], "kinds": event.Kinds()} {
		if old := parts[name]; len(old) > len(now) || !slices.Equal(old, now[:len(old)]) {
			return nil, fmt.Errorf("%w: its %s are %v", ErrLayout, name, old)
		}
	}
	return &Translation{
		attribute.Translate(attribute.NewTree(parts["task"]...), TaskTree),
		attribute.Translate(attribute.NewTree(parts["worker"]...), WorkerTree),
	}, nil
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
