package taskrouter

import (
	"encoding/json"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

// A plan is encoded as JSON, by the names of its fields, so that another version reads it, too.
func init() { beam.RegisterCoder(reflect.TypeFor[Plan](), encodePlan, decodePlan) }

func encodePlan(p Plan) ([]byte, error) { return json.Marshal(p) }

func decodePlan(b []byte) (p Plan, err error) {
	err = json.Unmarshal(b, &p)
	return p, err
}
