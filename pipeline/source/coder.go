package source

import (
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/schemas/record"
)

func init() {
	beam.RegisterCoder(reflect.TypeFor[record.Batch](), encodeBatch, decodeBatch)
}

func encodeBatch(b record.Batch) []byte                   { return b.Append() }
func decodeBatch(data []byte) (b record.Batch, err error) { return record.Read(data) }
