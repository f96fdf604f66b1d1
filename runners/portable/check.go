package portable

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/protobuf/proto"
)

// The errors of Check.
var (
	ErrRow       = errors.New("a value has no coder of its own but is encoded by reflection: an update that changes its fields would not read it")
	ErrState     = errors.New("a DoFn has more than one state cell: each access is a round trip to the runner")
	ErrTimers    = errors.New("a DoFn has more than one timer family: bundles of Beam's Go SDK hang then")
	ErrFinalize  = errors.New("a DoFn asks for finalization of bundles: Beam's Go SDK calls back for the first bundle only")
	ErrWindows   = errors.New("a collection has windows of its own: their panes come late on Flink once a job was restored")
	ErrSameName  = errors.New("two steps have one name: an update could give one the state of the other")
	ErrInProcess = errors.New("a DoFn works on a store in the process that began the job, which a remote worker has not")
	ErrFound     = errors.New("the graph holds what must not travel with a job")
)

// inProcess is where the DoFns are that need the process which began the job.
const inProcess = "flexbeam/transforms/keyed/local."

// A Forbidden is a text that must not travel with a job, such as a secret or a path of this machine.
type Forbidden struct {
	What string // for the error, which does not tell the text
	Text string // empty: there is none
}

// Check returns all that is wrong with a graph for a remote runner.
func Check(graph *pipepb.Pipeline, forbidden ...Forbidden) error {
	steps, err := Steps(graph)
	if err != nil {
		return err
	}
	var found []error
	for id, c := range graph.GetComponents().GetCoders() {
		if c.GetSpec().GetUrn() == urnRow {
			found = append(found, fmt.Errorf("coder %s: %w", id, ErrRow))
		}
	}
	for id, w := range graph.GetComponents().GetWindowingStrategies() {
		if w.GetWindowFn().GetUrn() != graphx.URNGlobalWindowsWindowFn {
			found = append(found, fmt.Errorf("windowing strategy %s: %w", id, ErrWindows))
		}
	}
	names := map[string]bool{}
	for _, s := range steps {
		for _, fault := range []struct {
			is  bool
			err error
		}{
			{len(s.States) > 1, ErrState}, {len(s.Timers) > 1, ErrTimers}, {s.Finalizes, ErrFinalize},
			{names[s.Name], ErrSameName}, {strings.HasPrefix(s.DoFn, inProcess), ErrInProcess},
		} {
			if fault.is {
				found = append(found, fmt.Errorf("%s: %w", s.Name, fault.err))
			}
		}
		names[s.Name] = true
	}
	b, err := proto.Marshal(graph)
	if err != nil {
		return fmt.Errorf("marshal the graph: %w", err)
	}
	for _, f := range forbidden {
		if f.Text != "" && holds(b, []byte(f.Text), mostNested) {
			found = append(found, fmt.Errorf("%w: %s", ErrFound, f.What))
		}
	}
	return errors.Join(found...)
}

// mostNested is how many times a value may be encoded one within another: a DoFn is base64 within the
// graph, elements of a Create are base64 within their DoFn.
const mostNested = 4

var encoded = regexp.MustCompile(`[A-Za-z0-9+/_-]{16,}={0,2}`)

// holds tells whether bytes hold a text, as it stands or encoded as base64.
func holds(b, text []byte, depth int) bool {
	if bytes.Contains(b, text) {
		return true
	}
	if depth == 0 {
		return false
	}
	for _, part := range encoded.FindAll(b, -1) {
		part = bytes.TrimRight(part, "=")
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			// What stands in front of base64 may look like it, so it is read from any of four places.
			for from := range min(4, len(part)) {
				inner := make([]byte, e.DecodedLen(len(part)-from))
				n, _ := e.Decode(inner, part[from:]) // up to what is no base64
				if n >= len(text) && holds(inner[:n], text, depth-1) {
					return true
				}
			}
		}
	}
	return false
}
