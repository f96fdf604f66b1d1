package kinesis

import (
	"sync/atomic"
	"time"
)

// bundle is what a runner commits at once. The lock of its places' control guards it.
type bundle struct {
	number    int64 // of this process, from 1
	committed bool  // as far as is known
}

var bundles atomic.Int64

func newBundle() *bundle { return &bundle{number: bundles.Add(1)} }

// place is where the reading of a shard stands in this process. Its control's lock guards it.
type place struct {
	stream, shard string
	begin         int64   // ms since 1970: nothing that is to be read arrived before
	mark          int64   // ms since 1970: what arrived before was handed on
	held          int64   // mark before the batches of in
	in            *bundle // the bundle that the last batches belong to
	reader        *reader // nil: none, at the moment
	reported      int64   // watermark
	settled       int64   // reported before in
	emitted       time.Time
	behind        int64
	waits         int  // the listing up to which its end waits for the shards that go on there; 0: it is not at its end
	done          bool // read to its end, and all of it is committed

	answered atomic.Int64 // ms since 1970, when the service last answered; 0: not yet. Not guarded
}

// newPlace returns the place of a shard in which nothing that is to be read arrived before a time in ms.
func newPlace(stream, shard string, begin int64) *place {
	return &place{stream: stream, shard: shard, begin: begin, mark: begin, held: begin, reported: unknown, settled: unknown}
}

// back sets the place back to a position.
func (p *place) back(at Position) {
	p.mark, p.waits, p.emitted = max(p.begin, from(at)), 0, time.Time{}
}

// resumed notes that a runner comes to a place again, and what that says about the last bundle there. If the runner has stored how far it came, all that
// it handed on is committed, from whichever place; if not, it failed and is repeated.
func (c *Control) resumed(p *place, at progress) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case p.in == nil:
	case p.in.number == at.Bundle:
		p.in.committed, p.settled = true, p.reported
	default:
		p.reported, p.emitted = p.settled, time.Time{}
	}
	p.done = at.At.Done
}

// bound returns a time in ms: what arrived in the shard before is committed, or belongs to the bundle; or, with any, to whichever bundle.
func (p *place) bound(b *bundle, any bool) int64 {
	if p.in != nil && p.in != b && !p.in.committed && !any {
		return p.held
	}
	if p.reader != nil {
		return max(p.mark, p.reader.bound())
	}
	return p.mark
}
