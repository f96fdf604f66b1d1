package kinesis

import "time"

// bundle is what a runner commits at once.
type bundle struct{ _ byte }

// place is where the reading of a shard stands in this process. Its control's lock guards it.
type place struct {
	stream, shard string
	begin         int64   // ms since 1970: nothing that is to be read arrived before
	mark          int64   // ms since 1970: what arrived before was handed on
	held          int64   // mark before the batches of in
	in            *bundle // the bundle that the last batches belong to, until the runner has committed it
	reader        *reader // nil: none, at the moment
	reported      int64
	emitted       time.Time
	behind        int64
	waits         int  // the listing up to which its end waits for the shards that go on there; 0: it is not at its end
	done          bool // read to its end
}

// newPlace returns the place of a shard in which nothing that is to be read arrived before a time in ms.
func newPlace(stream, shard string, begin int64) *place {
	return &place{stream: stream, shard: shard, begin: begin, mark: begin, held: begin, reported: unknown}
}

// back sets the place back to a position.
func (p *place) back(at Position) {
	p.mark, p.done, p.waits, p.emitted = max(p.begin, from(at)), false, 0, time.Time{}
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
