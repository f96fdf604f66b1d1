package kinesis

import "sort"

// Over returns the keys of saved positions that nothing needs any more, in order, so that what a job saves does not grow with each shard that its streams ever had. Give it
// all that are saved, and forget those that it names only behind what was saved before.
//
// It names the position of a shard that was read to its end, longer ago than the shortest time for which a stream keeps records, and that is listed no longer: none of
// the last complete listings of its stream named it, of which there were ten in this process. A listing that lags behind shows the stream as it was a little earlier. It leaves out a
// shard that is new and still has one that is gone, so what is missing so often, a day after its end, stays away. If it did not, all of it would be read once more at the next
// start, and nothing lost.
//
// Of each stream the position that goes furthest stays, whatever it is of. So a stream that was read does not begin anew where its Start says, with records left out; and a
// job that continues knows how far this one had come.
//
// Positions of streams that the job does not read stay as well.
func (c *Control) Over(positions map[string]Position) []string {
	furthest := map[string]string{}
	for key, at := range positions {
		stream, _ := splitKey(key)
		if other, ok := furthest[stream]; !ok || at.UpTo > positions[other].UpTo || at.UpTo == positions[other].UpTo && key > other {
			furthest[stream] = key
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var over []string
	for key, at := range positions {
		stream, shard := splitKey(key)
		o := c.listings[stream]
		if at.Done && key != furthest[stream] && o != nil && o.gone(shard) && at.UpTo < o.upTo-leastRetention.Milliseconds() {
			over = append(over, key)
		}
	}
	sort.Strings(over)
	return over
}
