package pipeline

import (
	"bytes"
	"math"

	"flexbeam/schemas/event"
	"flexbeam/schemas/record"
	"flexbeam/transforms/decode"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

func init() { beam.RegisterFunction(newestEvent) }

// newestEvent returns the time of the newest event in a batch of a file, in ms since 1970;
// math.MinInt64 if there is none. The watermark of a replay with a lateness follows it.
func newestEvent(b record.Batch) int64 {
	v := newestVisitor(math.MinInt64)
	d := decode.New()
	if b.Values {
		d.Line(b.Data, &v) // which asks for no line
		return int64(v)
	}
	for line := range bytes.SplitSeq(b.Data, []byte{'\n'}) {
		d.Line(line, &v)
	}
	return int64(v)
}

type newestVisitor int64

func (v *newestVisitor) Event(e *event.Event)                       { *v = max(*v, newestVisitor(e.Time)) }
func (v *newestVisitor) Dropped()                                   { /* it has no time that counts */ }
func (v *newestVisitor) Refused(*decode.Error, []byte, decode.Spot) { /* it has no time */ }
