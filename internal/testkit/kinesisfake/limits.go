package kinesisfake

import "time"

// Limits of the API: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html,
// the pages of PutRecords and GetRecords, and
// https://docs.aws.amazon.com/streams/latest/dev/large-records.html.
const (
	maxPutRecords       = 500
	maxPutBytes         = 10 << 20 // data and partition keys of one PutRecords
	maxRecordBytes      = 10 << 20 // data and partition key, once the stream allows it
	defaultRecordBytes  = 1 << 20
	maxPartitionKey     = 256 // characters
	maxGetRecords       = 10_000
	maxGetBytes         = 10 << 20
	maxListed           = 1000
	defaultStreams      = 100
	maxCreating         = 5
	maxConsumers        = 20
	minRetention        = 24 * time.Hour
	maxRetention        = 8760 * time.Hour
	iteratorLifetime    = 5 * time.Minute
	tokenLifetime       = 300 * time.Second
	subscriptionTime    = 5 * time.Minute
	resubscribeAfter    = 5 * time.Second
	onDemandShards      = 4
	readsPerSecond      = 5
	readBytesPerSecond  = 2 << 20
	writeBytesPerSecond = 1 << 20
	writesPerSecond     = 1000
)

// A window counts the calls of the running second.
type window struct {
	start int64
	calls int
}

// take counts a call and tells whether it is one of the first n of its second.
func (w *window) take(now int64, n int) bool {
	if now-w.start >= 1000 {
		w.start, w.calls = now, 0
	}
	w.calls++
	return w.calls <= n
}

// A bucket holds what may be used at once: at most the amount of a second, refilled as time passes.
type bucket struct {
	full    bool // has been filled
	level   float64
	since   int64
	blocked int64 // nothing before this time
}

func (b *bucket) fill(now int64, perSecond float64) {
	if !b.full {
		b.full, b.level = true, perSecond
	} else {
		b.level = min(perSecond, b.level+float64(now-b.since)*perSecond/1000)
	}
	b.since = now
}

// take uses n, if there is that much.
func (b *bucket) take(now int64, n, perSecond float64) bool {
	b.fill(now, perSecond)
	if b.level < n {
		return false
	}
	b.level -= n
	return true
}

// spend uses n, after the fact. Who uses more than there is waits until that much has flowed in:
// five seconds for 10 MiB of 2 MiB/s, as the page of GetRecords says.
func (b *bucket) spend(now int64, n, perSecond float64) {
	b.fill(now, perSecond)
	if b.level -= n; b.level < 0 {
		b.blocked = now + int64(n/perSecond*1000)
		b.level = 0
	}
}
