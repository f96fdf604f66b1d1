package simulate

import "time"

// Record is one record of the stream, handed over in order of arrival.
type Record struct {
	Text    []byte    // one line without the newline; valid until the callback returns
	Arrival time.Time // the event's time, unless the record is delayed, sent again or part of an array
	Key     string    // task or worker SID of the (first) event, to partition by
}

// Stats counts what was drawn and what was handed over.
type Stats struct {
	Events     int64 // distinct events drawn, those lost included, broken records not
	Records    int64 // an array of several envelopes is one
	Bytes      int64 // of the lines with their newlines
	Tasks      int64 // tasks created, sequels included
	Duplicates int64 // events sent again
	Lost       int64 // events that never arrive
	Dirty      int64 // broken records added
	Joined     int64 // records that stand on the line of the one before them
}
