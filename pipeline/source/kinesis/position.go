package kinesis

import "strings"

// A Position is where a shard is read on.
type Position struct {
	Sequence string // number of the last record that was handed on; empty: none yet
	Sub      int64  // more than 0: of Sequence, an aggregated record, only so many user records were handed on
	UpTo     int64  // ms since 1970: what arrived before was handed on. Without a Sequence the reading begins here; 0: at the oldest record
	Done     bool   // the shard is closed and was read to its end
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
