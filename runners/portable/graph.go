// Package portable looks at a job in the form in which remote runners get it: Beam's marshalled
// pipeline. It tells what is in it, and finds what would fail only on a cluster, or once the job is
// updated.
package portable

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	v1pb "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx/v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/protox"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/protobuf/proto"
)

// The URNs that matter here.
const (
	urnParDo  = "beam:transform:pardo:v1"
	urnRow    = "beam:coder:row:v1"
	urnCustom = "beam:go:coder:custom:v1"
)

// Marshal returns a pipeline as a runner gets it, with the environment of its workers. Names of steps
// are stable: they depend on nothing but the scopes and transforms that they are in.
func Marshal(p *beam.Pipeline, workers *pipepb.Environment) (*pipepb.Pipeline, error) {
	edges, _, err := p.Build()
	if err != nil {
		return nil, fmt.Errorf("build the graph: %w", err)
	}
	graph, err := graphx.Marshal(edges, &graphx.Options{Environment: workers})
	if err != nil {
		return nil, fmt.Errorf("marshal the graph: %w", err)
	}
	for _, t := range graph.GetComponents().GetTransforms() {
		t.UniqueName = numbered.ReplaceAllString(t.GetUniqueName(), "/$1")
	}
	return graph, nil
}

// numbered is the end of the names of a Reshuffle's parts. Beam puts the number of its edge into them,
// which any transform in front of it changes.
var numbered = regexp.MustCompile(`/e[0-9]+_(gbk|reifyts|unreify)$`)

// A Step is a transform of a graph that has no parts.
type Step struct {
	Name        string // unique and stable: a runner finds the step's state by it when a job is updated
	URN         string
	DoFn        string   // its type, or its name where it is a function; empty of what is no ParDo
	Payload     []byte   // what travels of the DoFn, as JSON
	Restriction string   // its coder; empty if it is not splittable
	States      []string // of each state cell its name and kind
	Timers      []string // of each family its name and the coder of its keys
	Finalizes   bool     // it asks for finalization of bundles
	Outputs     []string // of each output its name, coder and boundedness
}

// Steps returns the steps of a graph by their names.
func Steps(graph *pipepb.Pipeline) ([]Step, error) {
	c := graph.GetComponents()
	var all []Step
	for _, t := range c.GetTransforms() {
		if len(t.GetSubtransforms()) > 0 {
			continue
		}
		s := Step{Name: t.GetUniqueName(), URN: t.GetSpec().GetUrn()}
		for tag, id := range t.GetOutputs() {
			out := c.GetPcollections()[id]
			s.Outputs = append(s.Outputs, fmt.Sprintf("%s %s %s", tag, coder(c, out.GetCoderId()), strings.ToLower(out.GetIsBounded().String())))
		}
		slices.Sort(s.Outputs)
		if s.URN == urnParDo {
			if err := s.parDo(c, t.GetSpec().GetPayload()); err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Step) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func (s *Step) parDo(c *pipepb.Components, payload []byte) error {
	var p pipepb.ParDoPayload
	if err := proto.Unmarshal(payload, &p); err != nil {
		return fmt.Errorf("its payload: %w", err)
	}
	s.Finalizes = p.GetRequestsFinalization()
	if id := p.GetRestrictionCoderId(); id != "" {
		s.Restriction = coder(c, id)
	}
	for name, spec := range p.GetStateSpecs() {
		s.States = append(s.States, fmt.Sprintf("%s %s", name, strings.TrimPrefix(fmt.Sprintf("%T", spec.GetSpec()), "*pipeline_v1.StateSpec_")))
	}
	slices.Sort(s.States)
	for name, spec := range p.GetTimerFamilySpecs() {
		s.Timers = append(s.Timers, fmt.Sprintf("%s %s %s", name, strings.ToLower(spec.GetTimeDomain().String()), coder(c, spec.GetTimerFamilyCoderId())))
	}
	slices.Sort(s.Timers)
	var t v1pb.TransformPayload
	if err := protox.DecodeBase64(string(p.GetDoFn().GetPayload()), &t); err != nil {
		return fmt.Errorf("its DoFn: %w", err)
	}
	fn := t.GetEdge().GetFn()
	s.Payload = []byte(fn.GetOpt())
	switch {
	case fn.GetFn() != nil:
		s.DoFn = fn.GetFn().GetName()
	case fn.GetDynfn() != nil:
		s.DoFn = fn.GetDynfn().GetName()
	default:
		s.DoFn = typeName(fn.GetType())
	}
	return nil
}

// typeName returns the name under which a type is registered.
func typeName(t *v1pb.Type) string {
	if e := t.GetElement(); e != nil {
		return typeName(e)
	}
	return t.GetExternalKey()
}

// coder tells what a coder is made of. Beam's own are told by their names, those of flexbeam by the
// function that encodes.
func coder(c *pipepb.Components, id string) string {
	spec := c.GetCoders()[id].GetSpec()
	name := strings.TrimSuffix(strings.TrimPrefix(spec.GetUrn(), "beam:coder:"), ":v1")
	if spec.GetUrn() == urnCustom {
		var custom v1pb.CustomCoder
		if protox.DecodeBase64(string(spec.GetPayload()), &custom) == nil {
			return custom.GetEnc().GetName()
		}
	}
	var parts []string
	for _, part := range c.GetCoders()[id].GetComponentCoderIds() {
		parts = append(parts, coder(c, part))
	}
	if len(parts) == 0 {
		return name
	}
	return name + "<" + strings.Join(parts, ", ") + ">"
}

// Describe tells the steps of a graph to a person, and what each keeps. Nothing in it changes from
// one run of a job to the next.
func Describe(graph *pipepb.Pipeline) (string, error) {
	steps, err := Steps(graph)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(s.Name + "\n")
		line := func(name string, values ...string) {
			for _, v := range values {
				if v != "" {
					fmt.Fprintf(&b, "    %-11s %s\n", name, v)
				}
			}
		}
		if s.URN == urnParDo {
			line("dofn", s.DoFn)
		} else {
			line("urn", s.URN)
		}
		line("restriction", s.Restriction)
		line("state", s.States...)
		line("timer", s.Timers...)
		line("output", s.Outputs...)
	}
	return b.String(), nil
}
