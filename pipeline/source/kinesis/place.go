package kinesis

import "time"

// bundle is what a runner commits at once.
type bundle struct{ _ byte }

// place is where the reading of a shard stands in this process. Its control's lock guards it.
type place struct {
	stream, shard string
	mark          int64   // ms since 1970: what arrived before was handed on
	held          int64   // mark before the batches of in
	in            *bundle // the bundle that the last batches belong to, until the runner has committed it
	reader        *reader // nil: none, at the moment
	emitted       time.Time
	behind        int64
	done          bool // read to its end
}

func newPlace(stream, shard string, from Position) *place {
	mark := unknown
	if from.UpTo > 0 {
		mark = from.UpTo
	}
	return &place{stream: stream, shard: shard, mark: mark, held: mark, done: from.Done}
}

// bound returns a time in ms: what arrived in the shard before is committed, or belongs to the bundle; or, with any, to whichever bundle.
func (p *place) bound(b *bundle, any bool) int64 {
	if p.in != nil && p.in != b && !any {
		return p.held
	}
	if p.reader != nil {
		return max(p.mark, p.reader.bound())
	}
	return p.mark
}
