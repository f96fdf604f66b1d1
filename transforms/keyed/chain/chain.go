// Package chain links the transforms of a driver, kind by kind: each kind gets its part of the
// batches, and what the kinds before it gave.
package chain

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/transforms/keyed"
	"flexbeam/transforms/write"
)

// Transforms are those that a driver has for each kind.
type Transforms struct {
	Scope  string              // begins the names of the kinds' scopes
	Split  func(kind byte) any // a DoFn that gives the inputs of a kind in a keyed.Batch
	Select func(kind byte) any // a DoFn that gives the inputs of a kind among those of other kinds
	// Process turns the inputs of a kind into blocks of changes, and inputs for later kinds.
	Process func(s beam.Scope, spec keyed.Spec, inputs beam.PCollection) (changes, later beam.PCollection)
}

// Link adds the transforms of all kinds, in their order, and returns the blocks of changes of each. It
// fails if there is no kind of a name.
func Link(s beam.Scope, t Transforms, kinds []keyed.Spec, batches beam.PCollection) (all []write.Blocks, err error) {
	var fed []write.Blocks // inputs that earlier kinds gave, of all kinds
	for _, spec := range kinds {
		kind, err := spec.Kind()
		if err != nil {
			return nil, err
		}
		s := s.Scope(t.Scope + "." + kind.Name)
		var inputs []beam.PCollection
		if kind.Route != nil {
			inputs = append(inputs, beam.ParDo(s, t.Split(kind.ID), batches))
		}
		for _, f := range fed {
			inputs = append(inputs, beam.ParDo(s.Scope("Of."+f.Name), t.Select(kind.ID), f.PCollection))
		}
		gathered := inputs[0]
		if len(inputs) > 1 {
			gathered = beam.Flatten(s, inputs...)
		}
		changes, later := t.Process(s, spec, gathered)
		all, fed = append(all, write.Blocks{Name: kind.Name, PCollection: changes}), append(fed, write.Blocks{Name: kind.Name, PCollection: later})
	}
	return all, nil
}
