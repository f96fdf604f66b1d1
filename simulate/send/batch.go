package send

import (
	"bytes"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Limits of a PutRecords call, and how long its first record waits for others.
const (
	maxEntries = 500
	maxBytes   = 5 << 20 // of data and partition keys
	maxWait    = 200 * time.Millisecond
)

// batch is what the next call sends.
type batch struct {
	entries []types.PutRecordsRequestEntry
	bytes   int
	leave   time.Time // when it goes at the latest
}

// fits tells that a text can still be added.
func (b *batch) fits(text []byte) bool {
	return len(b.entries) == 0 || len(b.entries) < maxEntries && b.bytes+len(text)+keyLength <= maxBytes
}

// due tells that the batch has waited long enough.
func (b *batch) due(now time.Time) bool { return len(b.entries) > 0 && !now.Before(b.leave) }

// add adds a copy of the text.
func (b *batch) add(text []byte, now time.Time) {
	if len(b.entries) == 0 {
		b.leave = now.Add(maxWait)
	}
	key := partitionKey(text)
	b.entries = append(b.entries, types.PutRecordsRequestEntry{Data: bytes.Clone(text), PartitionKey: &key})
	b.bytes += len(text) + len(key)
}

const keyLength = 16 // at most

// partitionKey is the same for copies of one text, and Kinesis hashes it once more.
func partitionKey(text []byte) string {
	h := fnv.New64a()
	h.Write(text)
	return strconv.FormatUint(h.Sum64(), 16)
}
