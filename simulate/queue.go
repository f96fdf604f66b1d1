package simulate

// queue is one task queue: its members and the tasks that wait in it, calls apart from written
// conversations.
type queue struct {
	sid, name, expression, skill string

	members []*agent
	turn    int // member to ask first, so that work goes round
	waiting [2]line
}

// find gives a member that can take a task of the channel, other than the excepted one.
func (q *queue) find(ch *channel, except *agent) *agent {
	n := len(q.members)
	for i := range n {
		k := q.turn + i
		if k >= n {
			k -= n
		}
		if a := q.members[k]; a != except && a.can(ch) {
			q.turn = (k + 1) % n
			return a
		}
	}
	return nil
}

func (q *queue) line(ch *channel) *line {
	if ch.phone {
		return &q.waiting[0]
	}
	return &q.waiting[1]
}

// line is a first-in first-out list of tasks. A task that left is recognized by its ticket and
// skipped.
type line struct {
	places []place
	head   int
}

type place struct {
	task   *task
	ticket int
}

func (l *line) push(t *task) {
	t.ticket++
	t.waits = true
	l.places = append(l.places, place{t, t.ticket})
}

// pop gives the first task that still waits and that the agent has not just refused.
func (l *line) pop(a *agent) *task {
	for l.head < len(l.places) {
		p := l.places[l.head]
		live := p.task.waits && p.task.ticket == p.ticket
		if live && p.task.avoid == a {
			return nil
		}
		l.places[l.head] = place{}
		l.head++
		if l.head > 64 && l.head > len(l.places)/2 {
			l.places = l.places[:copy(l.places, l.places[l.head:])]
			l.head = 0
		}
		if live {
			p.task.waits = false
			return p.task
		}
	}
	l.places, l.head = l.places[:0], 0
	return nil
}

// leave takes the task out of its line.
func (t *task) leave() { t.waits = false }
