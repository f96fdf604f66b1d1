package control

import (
	"sort"
	"strings"
	"time"
)

// leastRetention is the shortest time for which a stream keeps its records.
const leastRetention = 24 * time.Hour

// Saved is what matters of a saved position here.
type Saved struct {
	UpTo int64 // ms since 1970: what arrived before was handed on
	Done bool  // the shard was read to its end
}

// Over returns the keys of saved positions that nothing needs any more, in order, so that what a
// job saves does not grow with each shard that its streams ever had. A key is the stream's ID, a
// slash and the shard's. Give it all that are saved, and forget those that it names only behind
// what was saved before.
//
// It names the position of a shard that was read to its end longer ago than the shortest time for
// which a stream keeps records, and that is listed no longer: none of the last complete listings of
// its stream named it, of which there were ten in this process. A listing that lags behind shows
// the stream as it was a little earlier. It leaves out a shard that is new and still has one that
// is gone, so what is missing so often, a day after its end, stays away. If it did not, all of it
// would be read once more at the next start, and nothing lost.
//
// Of each stream the position that goes furthest stays, whatever it is of. So a stream that was
// read does not begin anew where its start says, with records left out, and a job that continues
// knows how far this one had come. Positions of streams that the job does not read stay as well.
func (c *Control) Over(positions map[string]Saved) []string {
	furthest := map[string]string{}
	for key, at := range positions {
		stream, _ := split(key)
		if other, ok := furthest[stream]; !ok || at.UpTo > positions[other].UpTo || at.UpTo == positions[other].UpTo && key > other {
			furthest[stream] = key
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var over []string
	for key, at := range positions {
		stream, shard := split(key)
		l := c.listings[stream]
		if at.Done && key != furthest[stream] && l != nil && l.gone(shard) && at.UpTo < l.upTo-leastRetention.Milliseconds() {
			over = append(over, key)
		}
	}
	sort.Strings(over)
	return over
}

// split returns the stream and the shard that a key names. The ID of a stream may have slashes.
func split(key string) (stream, shard string) {
	i := strings.LastIndexByte(key, '/')
	return key[:max(i, 0)], key[i+1:]
}
