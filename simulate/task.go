package simulate

import "slices"

// Task states.
const (
	pending      = "pending"
	reserved     = "reserved"
	assigned     = "assigned"
	transferring = "transferring"
	wrapping     = "wrapping"
	completed    = "completed"
	canceled     = "canceled"
)

// task is one task from its creation to its last event.
type task struct {
	sid      string
	plan     plan
	account  *account
	channel  *channel
	customer customer

	created, entered, virtual int64
	queue                     *queue // nil: none was entered
	workflow                  *workflow
	step                      int
	status                    string
	version                   int64
	priority                  int64
	over                      bool

	reason          string // of the last reservation event or the end
	completedReason string
	canceledReason  string
	reevaluated     string
	target          *agent // routing target

	waits  bool
	ticket int
	avoid  *agent // refused the task last, or hands it over
	open   []*reservation
	trans  *transfer

	story story
	text  []byte // attributes, escaped
}

// reservation offers a task to an agent, or ties them once accepted.
type reservation struct {
	sid      string
	task     *task
	agent    *agent
	created  int64
	accepted int64
	status   string
	version  int64
	code     int64
	timeout  int64 // seconds
	transfer *transfer
	open     bool
}

// transfer hands a task over inside TaskRouter.
type transfer struct {
	sid, kind, mode, to string
	started             int64
	status, failure     string
	from                *reservation
}

func (t *task) remove(r *reservation) {
	t.open = slices.DeleteFunc(t.open, func(o *reservation) bool { return o == r })
	r.open = false
}

// engaged gives the reservations that were accepted and are not completed.
func (t *task) engaged() (n int) {
	for _, r := range t.open {
		if r.accepted > 0 {
			n++
		}
	}
	return n
}
