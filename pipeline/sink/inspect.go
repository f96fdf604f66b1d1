package sink

import (
	"context"
	"strings"
	"sync"

	"flexbeam/internal/finding"
)

// An Inspection is what was found at the place of a sink, without changing it.
type Inspection struct {
	Findings []finding.Finding
	ID       string   // as Sink.ID; empty: there is no store yet, or it could not be read
	Shape    Shape    // as Sink.Shape
	Holder   string   // number of the process that has the store locked, "?" if it is not known; empty: none has
	Folders  []string // of this machine that a job writes to
}

// An Inspector looks at the place that the part of a URI behind its scheme names. It makes and changes
// nothing, and ends with ctx.
type Inspector func(ctx context.Context, rest string) Inspection

var inspectors sync.Map // by scheme

// RegisterInspector makes it known how the place of a sink is inspected.
func RegisterInspector(scheme string, f Inspector) { inspectors.Store(scheme, f) }

// Inspect looks at the place of the sink that uri names. One that has no Inspector gives an empty
// Inspection. Errors wrap ErrUnknown or ErrURI: uri names no sink.
func Inspect(ctx context.Context, uri string) (Inspection, error) {
	_, rest, err := registry.Find(uri)
	if err != nil {
		return Inspection{}, err
	}
	scheme, _, _ := strings.Cut(uri, ":")
	f, ok := inspectors.Load(scheme)
	if !ok {
		return Inspection{}, nil
	}
	return f.(Inspector)(ctx, rest), nil
}
