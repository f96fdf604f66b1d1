package simulate

import (
	"fmt"
	"strings"
)

// maxTexts is how many written conversations an agent may hold at a time.
const maxTexts = 3

// agent is one worker of an account.
type agent struct {
	sid     string
	account *account
	queues  []*queue
	skills  []*queue // those of queues that are named as skills
	shift   int
	index   int

	first, last, email     string
	department, team, city string
	manager                string
	cost                   float64
	supervisor             bool
	attributes             []byte // escaped
	version                int64
	created                int64

	listed   bool // exists in TaskRouter
	activity int
	since    int64 // start of the activity
	turn     int   // counts changes of activity, so that timers know they are stale
	onShift  bool
	wish     int // activity wanted as soon as no work is left; none: -1
	phone    bool
	texts    int
	stale    int // conversations that nobody closed
	capacity int // of written conversations
}

const noWish = -1

func newAgent(d dice, acc *account, index, inAccount int) *agent {
	a := &agent{
		sid: d.sid("WK"), account: acc, index: index, shift: shiftOf(inAccount),
		first: pick(d, firstNames), last: pick(d, lastNames),
		city: pick(d, cities).name, cost: float64(d.between(18, 52)) + 0.5*float64(d.IntN(2)),
		supervisor: index%12 == 5, wish: noWish, capacity: maxTexts, activity: offline,
	}
	a.email = fmt.Sprintf("%s.%s%d@example.com", ascii(a.first), ascii(a.last), index)
	topics := acc.topics()
	main := inAccount % len(topics)
	a.skills = append(a.skills, topics[main], topics[(main+1+inAccount/len(topics)%(len(topics)-1))%len(topics)])
	a.queues = append(append(a.queues, acc.everyone), a.skills...) // who waits for everyone has waited longest
	for _, q := range a.queues {
		q.members = append(q.members, a)
	}
	a.department = pick(d, departments)
	a.team = pick(d, teams)
	a.manager = pick(d, firstNames) + " " + pick(d, lastNames)
	a.describe()
	return a
}

// name is the friendly name, which Flex takes from the identity at login.
func (a *agent) name() string { return a.email }

func (a *agent) contact() string {
	return "client:" + strings.NewReplacer("@", "_40", ".", "_2E").Replace(a.email)
}

// can tells whether a task of the channel may be offered to the agent now.
func (a *agent) can(ch *channel) bool {
	if !a.onShift || a.activity != available || a.wish != noWish || a.phone {
		return false
	}
	if ch.phone {
		return a.texts <= 1
	}
	return a.texts+a.stale < a.capacity
}

func (a *agent) idle() bool { return !a.phone && a.texts == 0 }

func (a *agent) take(ch *channel) {
	if ch.phone {
		a.phone = true
	} else {
		a.texts++
	}
}

func (a *agent) drop(ch *channel) {
	if ch.phone {
		a.phone = false
	} else {
		a.texts--
	}
}

// describe writes the worker attributes anew.
func (a *agent) describe() {
	var x text
	x.begin()
	x.str("full_name", a.first+" "+a.last)
	x.plain("email", a.email)
	x.plain("contact_uri", a.contact())
	x.list("roles")
	x.item("agent")
	if a.supervisor {
		x.item("supervisor")
	}
	if a.index%5 == 0 {
		x.item("wfo.full_access")
	}
	x.closeList()
	x.str("department", a.department)
	if a.index%4 == 1 {
		x.str("agent_team", a.team)
	} else {
		x.str("team", a.team)
	}
	x.str("location", a.city)
	if a.index%3 == 0 { // kept up by the personnel department
		x.str("manager", a.manager)
		x.plain("organization", "Example Group")
		x.decimal("cost_per_hour", a.cost, 2)
		x.plain("agent_id", fmt.Sprintf("A-%05d", a.index))
		x.open("routing")
		x.list("skills")
		for _, q := range a.skills {
			x.item(q.skill)
		}
		x.closeList()
		x.close()
	}
	x.close()
	x.trim()
	a.attributes = appendEscapedText(a.attributes[:0], x.b)
	a.version++
}

// ascii keeps the letters that an e-mail address is built from.
func ascii(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, name))
}
