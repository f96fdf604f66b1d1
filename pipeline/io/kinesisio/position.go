package kinesisio

import "strings"

// A Position is where a shard is read on.
type Position struct {
	Sequence string // number of the last record that was handed on; empty: none yet
	Sub      int64  // more than 0: of Sequence, an aggregated record, only so many user records were handed on
	UpTo     int64  // ms since 1970: what arrived before was handed on. Without a Sequence the reading begins here; 0: at the oldest record
	Done     bool   // the shard is closed and was read to its end
}

// outlived tells whether a position is of a stream that was there before one that was made at a
// time in ms. Streams of one name may follow one another, with shards of the same IDs. Times of the
// service that are closer together than its clocks, or the whole seconds of some servers, tell
// nothing.
func (p Position) outlived(made int64) bool {
	if p.Sequence != "" && p.UpTo == 0 {
		return false // nobody knows when its record arrived
	}
	return made > p.UpTo+clockDistance
}

// Key names a shard of a stream, by the stream's ID.
func Key(stream, shard string) string { return stream + "/" + shard }

// splitKey returns the stream and the shard that a key names.
func splitKey(key string) (stream, shard string) {
	i := strings.LastIndexByte(key, '/')
	if i < 0 {
		return "", key
	}
	return key[:i], key[i+1:]
}

// compareSequences compares two sequence numbers: decimal numbers of any length.
func compareSequences(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
