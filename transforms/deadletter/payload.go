package deadletter

import (
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

var payload = model.DeadLetters.Col("payload")

// WithoutPayload returns a block of changes without the payload of dead letters, which may hold all
// that a contact key hides elsewhere (contract, section 9). Changes of other tables stay as they
// are.
func WithoutPayload(block change.Block) (out change.Block, err error) {
	err = block.Each(func(c change.Change) error {
		if c.Table == model.DeadLettersID {
			c.Row[payload] = model.Value{}
		}
		out = out.Append(c)
		return nil
	})
	return out, err
}
