package simulate

// event is what the centre hands to the encoder: the kind, and whom it is about. The encoder reads
// the rest from the task, the reservation, the agent as they are at that moment.
type event struct {
	kind *kind
	lag  int64 // milliseconds after the moment of the action

	task        *task
	reservation *reservation
	agent       *agent
	previous    *queue // of queueMoved
	trans       *transfer

	before, spent int64 // previous activity and time in it, or previous capacity
	channel       int   // of capacity events
	bare          bool  // worker attributes not yet filled

	at    int64  // filled by emit
	id    sid128 // filled by emit
	fault fault
}

func (e *event) account() *account {
	if e.task != nil {
		return e.task.account
	}
	return e.agent.account
}

// key is the SID that the event is partitioned by.
func (e *event) key() string {
	if e.task != nil {
		return e.task.sid
	}
	return e.agent.sid
}

// resource is the SID of what the event happened to.
func (e *event) resource() (kind, sid string) {
	switch {
	case e.kind.group == "reservation":
		return "reservation", e.reservation.sid
	case e.task != nil:
		return "task", e.task.sid
	}
	return "worker", e.agent.sid
}

// name is the type of the event without the prefix.
func (e *event) name() string {
	if e.fault == unknownType {
		return unknownKinds[e.id.hi%uint64(len(unknownKinds))]
	}
	return e.kind.name
}
