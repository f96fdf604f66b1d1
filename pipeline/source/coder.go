package source

import (
	"encoding/json"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/schemas/record"
)

func init() {
	beam.RegisterCoder(reflect.TypeFor[record.Batch](), encodeBatch, decodeBatch)
	beam.RegisterCoder(reflect.TypeFor[record.Agent](), encodeAgent, decodeAgent)
}

func encodeBatch(b record.Batch) []byte                   { return b.Append() }
func decodeBatch(data []byte) (b record.Batch, err error) { return record.Read(data) }

// An agent is encoded as JSON, by the names of its fields, so that another version reads it, too.
func encodeAgent(a record.Agent) ([]byte, error) { return json.Marshal(a) }

func decodeAgent(data []byte) (a record.Agent, err error) {
	err = json.Unmarshal(data, &a)
	return a, err
}
