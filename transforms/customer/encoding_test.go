package customer

import (
	"testing"

	"flexbeam/internal/testkit/golden"
	"flexbeam/schemas/model"
)

// An observation is kept in the state of its contact, and compared with later ones byte by byte.
func TestAnObservationIsEncodedAsItWas(t *testing.T) {
	r := model.Customers.NewRow()
	for i, c := range model.Customers.Columns {
		if c.Type == model.String {
			r[i] = model.Text(c.Name)
		}
	}
	r[len(r)-1] = model.Integer(12)
	golden.Encodings(t, golden.Encoding{Name: "observation", Bytes: Observe("EV1", r, 1000).Value})
}
