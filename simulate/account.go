package simulate

import "fmt"

// account is one Flex instance with its TaskRouter configuration.
type account struct {
	sid, name             string
	parentSid, parentName string
	source                string
	workspaceSid          string
	number                string // the number that customers call
	queues                []*queue
	everyone              *queue // where waiting tasks go when their first queue does not answer
	inbound, direct       *workflow
	channels              [len(channels)]string // SIDs
	activities            [len(activities)]string
	agents                []*agent
}

const workspaceName = "Flex Task Assignment"

type workflow struct {
	sid, name, filter, expression string
	reservationTimeout            int64 // seconds
	taskTimeout                   int64 // seconds
}

// queueNames are the queues of every account; the last one takes everybody.
var queueNames = []struct{ name, skill, expression string }{
	{"Sales", "sales", `routing.skills HAS "sales"`},
	{"Support", "support", `routing.skills HAS "support" AND routing.levels.support >= 2`},
	{"Billing", "billing", `routing.skills HAS "billing"`},
	{"Service Á La Carte", "service", `routing.skills HAS "service" OR department == 'Service'`},
	{"Everyone", "", "1==1"},
}

// channel is a task channel; phone channels fill an agent's only call.
type channel struct {
	name, title string
	phone       bool
}

const (
	voiceChannel = iota
	chatChannel
	smsChannel
	emailChannel
	callbackChannel
)

var channels = [...]channel{
	voiceChannel:    {"voice", "Voice", true},
	chatChannel:     {"chat", "Programmable Chat", false},
	smsChannel:      {"sms", "SMS", false},
	emailChannel:    {"email", "Email", false},
	callbackChannel: {"callback", "Callback", true},
}

func newAccount(d dice, i int) *account {
	a := &account{
		sid:          d.sid("AC"),
		name:         fmt.Sprintf("Flex %s %d", pick(d, cities).name, i+1),
		source:       d.sid("AB"),
		workspaceSid: d.sid("WS"),
		number:       fmt.Sprintf("+1800555%04d", 1000+i),
	}
	for _, q := range queueNames {
		a.queues = append(a.queues, &queue{sid: d.sid("WQ"), name: q.name, expression: q.expression, skill: q.skill})
	}
	a.everyone = a.queues[len(a.queues)-1]
	a.inbound = &workflow{d.sid("WW"), "Assign to Anyone", "By topic", `direction == "inbound" AND topic != null`, 30, 3600}
	a.direct = &workflow{d.sid("WW"), "Outbound and internal", "Known agent", `targetWorker != null`, 120, 86400}
	for i := range a.channels {
		a.channels[i] = d.sid("TC")
	}
	for i := range a.activities {
		a.activities[i] = d.sid("WA")
	}
	return a
}

// topics are the queues that a contact can ask for.
func (a *account) topics() []*queue { return a.queues[:len(a.queues)-1] }
