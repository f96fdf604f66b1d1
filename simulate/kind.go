package simulate

import "strings"

// group is a set of payload fields.
type group uint16

const (
	taskFields group = 1 << iota
	queueFields
	workflowFields
	filterFields
	movedFields
	reservationFields
	workerFields
	activityFields
	capacityFields
	transferFields
	targetFields // how the queue chooses its workers
	laterFields  // optional fields of newer schemas
)

const (
	ofWorker      = workerFields | laterFields
	ofTask        = taskFields | queueFields | workflowFields
	ofReservation = ofTask | reservationFields | workerFields
)

// kind is a type of event and the field groups that it carries.
type kind struct {
	name   string // after com.twilio.taskrouter.
	title  string // data.name
	group  string // data.group and resource type
	fields group
}

const typePrefix = "com.twilio.taskrouter."

var (
	taskCreated        = &kind{"task.created", "TaskCreated", "task", taskFields | workflowFields}
	taskUpdated        = &kind{"task.updated", "TaskUpdated", "task", ofTask | laterFields}
	taskCanceled       = &kind{"task.canceled", "TaskCanceled", "task", ofTask}
	taskWrapup         = &kind{"task.wrapup", "TaskWrapup", "task", ofTask}
	taskCompleted      = &kind{"task.completed", "TaskCompleted", "task", ofTask}
	taskDeleted        = &kind{"task.deleted", "TaskDeleted", "task", ofTask}
	taskSystemDeleted  = &kind{"task.system-deleted", "TaskSystemDeleted", "task", ofTask}
	transferInitiated  = &kind{"task.transfer-initiated", "TaskTransferInitiated", "task", ofTask | transferFields}
	transferAttempt    = &kind{"task.transfer-attempt-failed", "TaskTransferAttemptFailed", "task", ofTask | transferFields}
	transferFailed     = &kind{"task.transfer-failed", "TaskTransferFailed", "task", ofTask | transferFields}
	transferCanceled   = &kind{"task.transfer-canceled", "TaskTransferCanceled", "task", ofTask | transferFields}
	transferCompleted  = &kind{"task.transfer-completed", "TaskTransferCompleted", "task", ofTask | transferFields}
	queueEntered       = &kind{"task-queue.entered", "TaskQueueEntered", "task-queue", ofTask | targetFields}
	queueTimeout       = &kind{"task-queue.timeout", "TaskQueueTimeout", "task-queue", ofTask | targetFields}
	queueMoved         = &kind{"task-queue.moved", "TaskQueueMoved", "task-queue", ofTask | targetFields | movedFields}
	workflowEntered    = &kind{"workflow.entered", "WorkflowEntered", "workflow", taskFields | workflowFields}
	workflowMatched    = &kind{"workflow.target-matched", "WorkflowTargetMatched", "workflow", taskFields | workflowFields | filterFields}
	workflowTimeout    = &kind{"workflow.timeout", "WorkflowTimeout", "workflow", taskFields | workflowFields}
	workflowSkipped    = &kind{"workflow.skipped", "WorkflowSkipped", "workflow", taskFields | workflowFields}
	reservationCreated = &kind{"reservation.created", "ReservationCreated", "reservation", ofReservation}
	reservationAccept  = &kind{"reservation.accepted", "ReservationAccepted", "reservation", ofReservation}
	reservationReject  = &kind{"reservation.rejected", "ReservationRejected", "reservation", ofReservation}
	reservationTimeout = &kind{"reservation.timeout", "ReservationTimeout", "reservation", ofReservation}
	reservationCancel  = &kind{"reservation.canceled", "ReservationCanceled", "reservation", ofReservation}
	reservationRescind = &kind{"reservation.rescinded", "ReservationRescinded", "reservation", ofReservation}
	reservationWrapup  = &kind{"reservation.wrapup", "ReservationWrapup", "reservation", ofReservation}
	reservationDone    = &kind{"reservation.completed", "ReservationCompleted", "reservation", ofReservation}
	reservationFailed  = &kind{"reservation.failed", "ReservationFailed", "reservation", ofReservation &^ workerFields}
	workerCreated      = &kind{"worker.created", "WorkerCreated", "worker", ofWorker}
	workerDeleted      = &kind{"worker.deleted", "WorkerDeleted", "worker", ofWorker}
	workerAttributes   = &kind{"worker.attributes.update", "WorkerAttributesUpdate", "worker", ofWorker}
	workerActivity     = &kind{"worker.activity.update", "WorkerActivityUpdate", "worker", ofWorker | activityFields}
	workerCapacity     = &kind{"worker.capacity.update", "WorkerCapacityUpdate", "worker", ofWorker | capacityFields}
	workerAvailability = &kind{"worker.channel.availability.update", "WorkerChannelAvailabilityUpdate", "worker", ofWorker | capacityFields}
)

// verb is the last part of the name, for descriptions.
func (k *kind) verb() string { return k.name[strings.LastIndexByte(k.name, '.')+1:] }
