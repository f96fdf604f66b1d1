package simulate

// medium is the way in which a contact comes.
type medium uint8

const (
	voice medium = iota
	message
	email
	callback
)

// fate is what becomes of a task.
type fate uint8

const (
	answered        fate = iota
	abandoned            // the customer hangs up
	calledBack           // the customer asks to be called back
	voicemail            // the customer leaves a message
	timedOut             // the workflow ends without an agent
	skipped              // the workflow skips its last step
	expired              // the task's time to live is over
	withdrawn            // canceled through the API
	reported             // a task that an application makes only to report, such as time in an IVR
	chatEnded            // the visitor ends a chat before anybody answers
	deleted              // deleted while it waits
	deletedAssigned      // deleted during the talk
	forgotten            // accepted and never completed; Twilio deletes it after a day
)

// queued tells that the fate strikes before anybody accepts.
func (f fate) queued() bool { return f >= abandoned && f <= deleted }

// handover is a native transfer that an agent begins.
type handover uint8

const (
	noHandover handover = iota
	toQueue
	toWorker
)

// verdict is how a native transfer ends.
type verdict uint8

const (
	handedOver verdict = iota
	refused            // the other agent rejects
	reoffered          // an agent of the queue rejects, the next one accepts
	recalled           // the initiator cancels
	lost               // the customer hangs up meanwhile
)

// onward is what follows the end of the talk outside of the task.
type onward uint8

const (
	nothing  onward = iota
	newTask         // a second task of the same conversation
	parked          // the conversation rests, and goes on in a second task
	external        // the agent connects a number and leaves
)

// plan is drawn for a task when it arrives. The load of the centre may still change its course:
// callers lose patience, routing steps time out, transfers find nobody.
type plan struct {
	medium    medium
	direction string // empty: inbound
	fate      fate
	ringing   bool // the fate strikes while a reservation is open
	moves     bool // the first queue times out
	refusals  int
	lapses    int
	failures  int
	crowd     int // reservations at the same time, beyond the first
	noWrapup  bool
	taken     bool // a supervisor or a script takes the task from the first agent, for another one
	handover  handover
	warm      bool
	verdict   verdict
	onward    onward
}
