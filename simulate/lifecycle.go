package simulate

// lifecycle is one course of a task, drawn with its share.
type lifecycle struct {
	name  string
	share float64 // percent of the arriving contacts
	trace string  // for Describe
	plan  plan
}

const (
	ring   = "reservation.created, "
	accept = ring + "accepted, "
	wrapUp = "wrapup, completed"
)

// lifecycles is the table that contacts are drawn from. Every call and message begins with
// workflow.entered, task-queue.entered, task.created, workflow.target-matched; the traces tell what
// follows.
var lifecycles = []lifecycle{
	{"call with wrap-up", 19.5, accept + wrapUp, plan{}},
	{"call without wrap-up", 6, accept + "completed", plan{noWrapup: true}},
	{"call, queue times out", 4, "task-queue.timeout, moved, entered, " + accept + wrapUp, plan{moves: true}},
	{"call abandoned in queue", 4, "task.canceled (hangup)", plan{fate: abandoned}},
	{"call abandoned while ringing", 1.5, ring + "canceled, task.canceled (hangup)", plan{fate: abandoned, ringing: true}},
	{"callback requested", 2, "task.canceled; new task of channel callback, tried again up to twice", plan{fate: calledBack}},
	{"voicemail", 1, "task.completed in the queue; new task of channel callback", plan{fate: voicemail}},
	{"workflow timeout", 1, "workflow.timeout, task.canceled", plan{fate: timedOut}},
	{"workflow timeout while ringing", 0.5, ring + "timeout, workflow.timeout, task.canceled", plan{fate: timedOut, ringing: true}},
	{"workflow skipped", 0.5, "workflow.skipped, task.canceled", plan{fate: skipped}},
	{"time to live exceeded", 0.5, "task.canceled (Task TTL Exceeded)", plan{fate: expired}},
	{"canceled through the API", 0.5, "task.canceled (free text)", plan{fate: withdrawn}},
	{"deleted in queue", 0.5, "task.deleted", plan{fate: deleted}},
	{"deleted while ringing", 0.5, ring + "canceled, task.deleted", plan{fate: deleted, ringing: true}},
	{"deleted during the talk", 0.5, accept + "task.deleted", plan{fate: deletedAssigned}},
	{"rejected once", 2.5, ring + "rejected, " + accept + wrapUp, plan{refusals: 1}},
	{"rejected twice", 0.5, "twice " + ring + "rejected; " + accept + wrapUp, plan{refusals: 2}},
	{"reservation timeout", 2, ring + "timeout, worker to Offline, " + accept + wrapUp, plan{lapses: 1}},
	{"reservation failed", 0.5, ring + "failed, " + accept + wrapUp, plan{failures: 1}},
	{"several reservations", 2, "2 or 3 " + ring + "one accepted, the others rescinded, " + wrapUp, plan{crowd: 2}},
	{"cold transfer to a queue", 2, accept + "task.transfer-initiated, entered, wrapup, second agent, transfer-completed", plan{handover: toQueue}},
	{"warm transfer to a queue", 1, "the same, the first agent stays until the second has accepted", plan{handover: toQueue, warm: true}},
	{"cold transfer to an agent", 1, accept + "task.transfer-initiated, wrapup, second agent, transfer-completed", plan{handover: toWorker}},
	{"warm transfer to an agent", 1.5, "the same, the first agent stays", plan{handover: toWorker, warm: true}},
	{"transfer refused", 0.5, "transfer-initiated, rejected, transfer-failed, " + wrapUp, plan{handover: toWorker, warm: true, verdict: refused}},
	{"transfer refused, offered again", 0.5, "transfer-initiated, rejected, transfer-attempt-failed, second agent, transfer-completed", plan{handover: toQueue, verdict: reoffered}},
	{"transfer canceled", 0.5, "transfer-initiated, reservation.canceled, transfer-canceled, " + wrapUp, plan{handover: toWorker, warm: true, verdict: recalled}},
	{"customer lost in transfer", 0.5, "transfer-initiated, transfer-failed (hangup), completed", plan{handover: toQueue, verdict: lost}},
	{"call transferred by new task", 1, accept + "completed (task transferred); second task of the same conversation", plan{onward: newTask}},
	{"call transferred outside", 1, accept + wrapUp + ", destination in the attributes", plan{onward: external}},
	{"call taken from the agent", 1.5, accept + "canceled, rejected or rescinded; " + accept + wrapUp, plan{taken: true}},
	{"time in an IVR, only reported", 1.5, "task.canceled (IVR task), conversations.virtual; half go on as a call of the same conversation", plan{fate: reported}},
	{"outbound call unanswered", 1, ring + "canceled, task.canceled", plan{direction: "outbound", fate: abandoned}},
	{"outbound call", 6, accept + wrapUp + ", some without a queue", plan{direction: "outbound"}},
	{"internal call", 1.5, accept + "completed; half have a second task for the caller, tied by conferenceSid", plan{direction: "internal", noWrapup: true}},
	{"messaging", 18.5, accept + wrapUp + "; chat, web, WhatsApp, SMS; up to 3 at once", plan{medium: message}},
	{"messaging transferred by new task", 2, accept + "completed; second task of the same conversation", plan{medium: message, onward: newTask}},
	{"messaging parked", 1, accept + "completed; second task later", plan{medium: message, onward: parked}},
	{"messaging rejected", 1, ring + "rejected, " + accept + wrapUp, plan{medium: message, refusals: 1}},
	{"messaging without answer", 0.5, "workflow.timeout, task.canceled", plan{medium: message, fate: timedOut}},
	{"messaging ended by the visitor", 1, "task.canceled (Customer ended chat.)", plan{medium: message, fate: chatEnded}},
	{"messaging taken from the agent", 1, accept + "canceled or rejected; later " + accept + wrapUp, plan{medium: message, taken: true}},
	{"messaging forgotten", 0.5, accept + "nothing; task.system-deleted after 24 h", plan{medium: message, fate: forgotten}},
	{"outbound messaging", 1, accept + wrapUp, plan{medium: message, direction: "outbound"}},
	{"email", 2.5, accept + wrapUp, plan{medium: email}},
}

var courses = newLottery(lifecycles, func(l lifecycle) float64 { return l.share })
