package doctor

import (
	"time"

	"flexbeam/internal/eventstreams"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/sink"
	"flexbeam/transforms/keyed/local"
)

// facts are what checks find out for others. They are guarded by the lock of the examination.
type facts struct {
	surveys     []survey
	streams     []streamFacts
	inspections map[string]sink.Inspection // by URI
	states      []stateFacts
}

// A survey is what an account has of Event Streams.
type survey struct {
	account *Account
	state   eventstreams.State
}

// streamFacts are what is known of a stream.
type streamFacts struct {
	stream    kinesisio.Stream
	arn       string // empty: it could not be described
	missing   bool   // there is none of that name in its region
	retention time.Duration
	open      map[string]bool // shards
	accounts  map[string]int  // of events that were looked at, how many of each account
}

// stateFacts are what a state directory says.
type stateFacts struct {
	state  State
	peeked local.Peeked
}
