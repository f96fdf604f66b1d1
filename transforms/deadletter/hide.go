package deadletter

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

func init() {
	register.DoFn2x1[[]byte, func([]byte), error](&HideFn{})
	register.Emitter1[[]byte]()
}

// HideFn takes the payload out of dead letters. Changes of other tables pass as they are.
type HideFn struct{}

// ProcessElement takes a block of changes.
func (fn *HideFn) ProcessElement(block []byte, emit func([]byte)) error {
	payload := model.DeadLetters.Col("payload")
	var out change.Block
	err := change.Block(block).Each(func(c change.Change) error {
		if c.Table == model.DeadLettersID {
			c.Row[payload] = model.Value{}
		}
		out = out.Append(c)
		return nil
	})
	if err == nil && len(out) > 0 {
		emit(out)
	}
	return err
}

// Hide returns the blocks of changes without the payload of dead letters, which may hold all that a contact key hides elsewhere
// (contract, section 9).
func Hide(s beam.Scope, changes beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("deadletter.Hide"), &HideFn{}, changes)
}
