// Package event holds a TaskRouter event as the folds see it, and the compact encoding in which
// events travel.
//
// A decoded event keeps only the fields and attribute paths that some rule reads, which is about a
// tenth of its record. Events travel as blocks of many, because one element for every event would
// cost more than the event itself (docs/adr/0001-blocks.md).
package event

import (
	"crypto/sha256"
	"math"
	"strings"

	"flexbeam/schemas/attribute"
)

// A Field is a text field of an event's payload.
type Field uint8

// The fields that rules read, by the payload names in Fields.
const (
	AccountSID Field = iota
	TaskSID
	ReservationSID
	WorkerSID
	WorkerName
	WorkspaceSID
	WorkflowSID
	WorkflowName
	QueueSID
	QueueName
	Channel
	Reason
	CanceledReason
	CompletedReason
	TransferFailedReason
	ReasonCode
	TransferType
	TransferTo
	ActivitySID
	ActivityName
	PreviousActivitySID
	PreviousActivityName
	NumFields
)

// Fields gives the payload name of each field.
var Fields = [NumFields]string{
	"account_sid", "task_sid", "reservation_sid", "worker_sid", "worker_name", "workspace_sid", "workflow_sid", "workflow_name",
	"task_queue_sid", "task_queue_name", "task_channel_unique_name", "reason", "task_canceled_reason", "task_completed_reason",
	"transfer_failed_reason", "reservation_reason_code", "transfer_type", "transfer_to",
	"worker_activity_sid", "worker_activity_name", "worker_previous_activity_sid", "worker_previous_activity_name",
}

// Millis is a time in ms since 1970 UTC, or a span in ms.
type Millis int64

// None stands for a missing time or duration.
const None = math.MinInt64

// A Tristate is a bool that may be unknown.
type Tristate uint8

// The states of a Tristate.
const (
	Unknown Tristate = iota
	No
	Yes
)

// An Event is one TaskRouter event.
type Event struct {
	ID     string // identifies the event within its task or worker
	Time   Millis
	Kind   Kind
	Stream bool   // its record came from Event Streams, not from the REST log
	Schema uint32 // version of the record's dataschema, 0 when there is none
	OfTask bool   // it names a task, even where its part of a block does not keep which
	Sum    uint64 // tells texts of records apart; without a Place the first 64 bits of the text's SHA-256
	Place  Place  // where the record's text can be read again; without a File it cannot

	Text              [NumFields]string // trimmed; empty when missing
	QueueEnteredAt    Millis            // task_queue_entered_date; None when missing
	InPreviousFor     Millis            // time in the previous activity; None when missing
	WorkerAvailable   Tristate
	HasTaskAttributes bool // the record holds a parsable task_attributes object, maybe an empty one
	HasWorkerAttrs    bool
	TaskAttributes    attribute.Snapshot
	WorkerAttributes  attribute.Snapshot
}

// A Place is where the text of a record lies. Few events need the SHA-256 of their text, and hashing
// every text would take a third of the decoder's time. So where the text can be read again, it is
// hashed only when the hash is needed.
type Place struct {
	File   string
	Offset int64
	Length int64
}

// Before orders the events of one task or worker: by time, rank of kind, id (contract, section 1).
func (e *Event) Before(f *Event) bool { return Compare(e, f) < 0 }

// Compare is negative when e comes before f in the order of Before.
func Compare(e, f *Event) int {
	switch {
	case e.Time != f.Time:
		return sign(e.Time < f.Time)
	case e.Kind.Rank() != f.Kind.Rank():
		return sign(e.Kind.Rank() < f.Kind.Rank())
	}
	return strings.Compare(e.ID, f.ID)
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}

// Stamp is the event stamp: it orders events across tasks and is the row_version of agents and
// customers (contract, section 1).
func (e *Event) Stamp() int64 {
	h := sha256.Sum256([]byte(e.ID))
	s := int64(e.Time)*4096 + int64(h[0])<<3 + int64(h[1])>>5
	if e.Stream {
		s += 2048
	}
	return s
}

// NewerThan orders by (stamp, id): the newest event is the greatest. A nil event is older than any.
func (e *Event) NewerThan(f *Event) bool {
	if f == nil {
		return true
	}
	if e.Time != f.Time {
		return e.Time > f.Time
	}
	if e.Stream != f.Stream {
		return e.Stream
	}
	a, b := e.Stamp(), f.Stamp()
	if a != b {
		return a > b
	}
	return e.ID > f.ID
}
