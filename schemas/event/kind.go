package event

import "strings"

// A Kind is the kind of a TaskRouter event.
type Kind uint8

// The kinds that decide something. Others are told apart only by what they belong to.
const (
	Other            Kind = iota // a kind without a rule: it counts as an event of its task or worker
	OtherReservation             // reservation.* without a rule
	OtherWorker                  // worker.* without a rule
	TaskCreated
	TaskUpdated
	TaskCanceled
	TaskWrapup
	TaskCompleted
	TaskDeleted
	TaskSystemDeleted
	TransferInitiated
	TransferAttemptFailed
	TransferFailed
	TransferCanceled
	TransferCompleted
	QueueEntered
	QueueTimeout
	QueueMoved
	WorkflowEntered
	WorkflowTargetMatched
	ReservationCreated
	ReservationAccepted
	ReservationRejected
	ReservationTimeout
	ReservationCanceled
	ReservationRescinded
	ReservationFailed
	ReservationWrapup
	ReservationCompleted
	WorkerActivityUpdate
	WorkerDeleted
	kinds
)

// lastRank is the rank of a kind without one.
const lastRank = 99

// known names the kinds and gives their ranks among events of the same millisecond (contract,
// section 1).
var known = [kinds]struct {
	name string
	rank uint8
}{
	Other:                 {"", lastRank},
	OtherReservation:      {"", lastRank},
	OtherWorker:           {"", lastRank},
	TaskCreated:           {"task.created", 0},
	WorkflowEntered:       {"workflow.entered", 1},
	WorkflowTargetMatched: {"workflow.target-matched", 2},
	QueueTimeout:          {"task-queue.timeout", 3},
	QueueMoved:            {"task-queue.moved", 4},
	QueueEntered:          {"task-queue.entered", 5},
	TransferInitiated:     {"task.transfer-initiated", 6},
	ReservationCreated:    {"reservation.created", 7},
	ReservationAccepted:   {"reservation.accepted", 8},
	ReservationRejected:   {"reservation.rejected", 8},
	ReservationTimeout:    {"reservation.timeout", 8},
	ReservationCanceled:   {"reservation.canceled", 8},
	ReservationRescinded:  {"reservation.rescinded", 8},
	ReservationFailed:     {"reservation.failed", 8},
	TransferAttemptFailed: {"task.transfer-attempt-failed", 9},
	TransferFailed:        {"task.transfer-failed", 9},
	TransferCanceled:      {"task.transfer-canceled", 9},
	TransferCompleted:     {"task.transfer-completed", 9},
	ReservationWrapup:     {"reservation.wrapup", 10},
	TaskWrapup:            {"task.wrapup", 11},
	ReservationCompleted:  {"reservation.completed", 12},
	TaskCompleted:         {"task.completed", 13},
	TaskCanceled:          {"task.canceled", 13},
	TaskUpdated:           {"task.updated", 14},
	TaskDeleted:           {"task.deleted", 15},
	TaskSystemDeleted:     {"task.system-deleted", 15},
	WorkerActivityUpdate:  {"worker.activity.update", lastRank},
	WorkerDeleted:         {"worker.deleted", lastRank},
}

var byName = func() map[string]Kind {
	m := map[string]Kind{"worker.activity": WorkerActivityUpdate}
	for k, v := range known {
		if v.name != "" {
			m[v.name] = Kind(k)
		}
	}
	return m
}()

// Kinds returns the names of all kinds in the order of their values, by which encoded events tell them.
func Kinds() []string {
	var names []string
	for k := range kinds {
		names = append(names, k.String())
	}
	return names
}

// ParseKind returns the kind with TaskRouter's name for it, such as reservation.accepted.
func ParseKind(name []byte) Kind {
	if k, ok := byName[string(name)]; ok {
		return k
	}
	switch s := string(name); {
	case strings.HasPrefix(s, "reservation."):
		return OtherReservation
	case strings.HasPrefix(s, "worker."):
		return OtherWorker
	}
	return Other
}

// String returns TaskRouter's name of the kind.
func (k Kind) String() string {
	switch k {
	case Other:
		return "(other)"
	case OtherReservation:
		return "reservation.(other)"
	case OtherWorker:
		return "worker.(other)"
	}
	return known[k].name
}

// Rank orders events of the same millisecond.
func (k Kind) Rank() uint8 { return known[k].rank }

// OfReservation tells whether the kind is one of reservation.*.
func (k Kind) OfReservation() bool {
	return k == OtherReservation || k >= ReservationCreated && k <= ReservationCompleted
}

// OfWorker tells whether the kind is one of worker.*.
func (k Kind) OfWorker() bool {
	return k == OtherWorker || k == WorkerActivityUpdate || k == WorkerDeleted
}

// EndsTask tells whether a task ends with an event of the kind.
func (k Kind) EndsTask() bool {
	return k == TaskCompleted || k == TaskCanceled || k == TaskDeleted || k == TaskSystemDeleted
}

// Needs returns the fields that an event of the named kind cannot do without (contract, section 1).
func Needs(name []byte) []Field {
	s := string(name)
	switch {
	case strings.HasPrefix(s, "task."):
		return needsTask
	case strings.HasPrefix(s, "reservation."):
		return needsReservation
	case strings.HasPrefix(s, "worker."):
		return needsWorker
	}
	switch s {
	case "workflow.entered", "workflow.target-matched", "workflow.timeout", "workflow.skipped",
		"task-queue.entered", "task-queue.timeout", "task-queue.moved":
		return needsTask
	}
	return nil
}

var (
	needsTask        = []Field{TaskSID}
	needsReservation = []Field{TaskSID, ReservationSID}
	needsWorker      = []Field{WorkerSID}
)
