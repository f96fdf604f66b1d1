package conversation

import (
	"fmt"
	"slices"
	"strings"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/keyed"
)

// A Namer finds the names by which workers may write messages: those that events show for them. It reuses
// its memory and serves one goroutine.
type Namer struct{ overlay *attribute.Overlay }

// NewNamer returns a Namer. a are the attributes of the job; nil: the built-in ones.
func NewNamer(a *model.Attributes) *Namer { return &Namer{attribute.NewOverlay(a.Worker())} }

// Of returns the names that events of one worker show, as identities are compared by them.
func (n *Namer) Of(events []*event.Event) (names []string) {
	var last *event.Event
	for _, e := range events {
		again := last != nil && e.Text[event.WorkerName] == last.Text[event.WorkerName] &&
			(!e.HasWorkerAttrs || last.HasWorkerAttrs && e.WorkerAttributes == last.WorkerAttributes)
		if !again {
			names = n.add(names, e)
		}
		last = e
	}
	return names
}

// add adds the names that an event shows for its worker.
func (n *Namer) add(names []string, e *event.Event) []string {
	names = addName(names, e.Text[event.WorkerName])
	if e.HasWorkerAttrs {
		n.overlay.Reset()
		n.overlay.Add(e.WorkerAttributes)
		names = addName(names, n.overlay.Text(contactURI))
	}
	return names
}

func addName(names []string, text string) []string {
	if name := workerName(text); name != "" && !slices.Contains(names, name) {
		return append(names, name)
	}
	return names
}

// workerName returns a name or contact URI of a worker as identities are compared by: without
// Twilio's prefix, read back, in lower case.
func workerName(text string) string {
	return strings.ToLower(agent.Identity(strings.TrimPrefix(text, "client:")))
}

// toldVersion is that of the encoding of the names that were told.
const toldVersion = 1

// AppendTold appends the encoding of names.
func AppendTold(b []byte, names []string) []byte { return appendTexts(append(b, toldVersion), names) }

// ReadTold reads what AppendTold wrote; of no bytes, no names. Its errors wrap ErrCorrupt.
func ReadTold(b []byte) ([]string, error) {
	if len(b) == 0 {
		return nil, nil
	}
	r := keyed.NewReader(b)
	if v := r.Byte(); v != toldVersion {
		return nil, fmt.Errorf("%w: encoding %d of a worker's names; this version reads %d", ErrCorrupt, v, toldVersion)
	}
	names := readTexts(r)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return names, nil
}
