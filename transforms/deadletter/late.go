package deadletter

import (
	"bytes"
	"fmt"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/change"
	"flexbeam/transforms/keyed"
)

// LateBlock returns the dead letters of the events of an input that came too late, and counts them.
// late holds the places of these events. An event that counts with a key of another kind has its
// dead letter there, if it is late for that key too.
func LateBlock(in *keyed.Input, late []int, count *telemetry.Counters) (block change.Block) {
	kind := keyed.ByID(in.Kind)
	n := int64(0)
	for _, i := range late {
		if i >= len(in.Records) || !in.Events[i].Owned {
			continue
		}
		r, e := &in.Records[i], in.Events[i]
		block = Letter{
			Position: r.Position, Index: r.Index, Class: Late, Payload: bytes.Clone(r.Text), Received: int64(e.Arrival),
			Error: fmt.Sprintf("%s came late: %s; a batch job over all events of that time, into the same sink, brings its rows up to date", e.Kind, kind.LateError),
		}.Append(block, in.Source, in.Name, 0)
		n++
	}
	count.DeadLetter(Late, n)
	count.Events.Add(-n)
	return block
}
