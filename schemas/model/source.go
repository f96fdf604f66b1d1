package model

import (
	"strings"

	"flexbeam/schemas/attribute"
)

// Origin says where a Source reads.
type Origin uint8

// The origins of a value.
const (
	FromTask   Origin = iota // task_attributes: the overlay of a task's snapshots
	FromWorker               // worker_attributes of one event
	FromEvent                // a field of an event's payload
	FromRule                 // computed by the fold, as the column's Rule says
)

// A Source is one place that a column's value may come from.
type Source struct {
	Origin Origin
	Path   string       // dotted path of the attribute or the payload field; for FromRule a few words
	ID     attribute.ID // of an attribute path, in TaskTree or WorkerTree
}

// String returns the source as the documents write it.
func (s Source) String() string {
	switch s.Origin {
	case FromTask:
		return "task_attributes." + s.Path
	case FromWorker:
		return "worker_attributes." + s.Path
	}
	return s.Path
}

// TaskTree holds the paths that are read from task_attributes.
var TaskTree = attribute.NewTree(taskPaths...)

// WorkerTree holds the paths that are read from worker_attributes.
var WorkerTree = attribute.NewTree(workerPaths...)

var taskPaths = strings.Fields(`
	direction internal client_call channelType customChannelType conferenceSid
	from to customerAddress caller called outbound_to name twilioNumber
	customerId customerPhone customerEmail pre_engagement_data{}.email
	callBackData.numberToCallFrom callBackData.recordingUrl
	from_country to_country from_state to_state
	conversationSid channelSid
	reservation_attributes.*.media[]
	customers.external_id customers.phone customers.email
	customers.state customers.country customers.category customers.organization customers.region
	customers.segment customers.market_segment
	conversations.conversation_id conversations.conversation_jd
	conversations.campaign conversations.campain conversations.case conversations.category conversations.language
	conversations.outcome conversations.outcome_category conversations.priority conversations.reason
	conversations.channel conversations.company_contact conversations.external_contact conversations.direction
	conversations.queue conversations.virtual conversations.abandoned
	conversations.customers.phone conversations.customers.email
	conversations.attribute_1 conversations.attribute_2 conversations.attribute_3
	conversations.conversation_attribute_1 conversations.conversation_attribute_2 conversations.conversation_attribute_3
	conversations.fact_01 conversations.fact_02 conversations.fact_03
	conversations.fact_1 conversations.fact_2 conversations.fact_3
	conversations.conversation_measure_1 conversations.conversation_measure_2 conversations.conversation_measure_3
	conversations.focus_time conversations.hold_time
	conversations.segment_link conversations.sgement_link conversations.media[]
`)

var workerPaths = strings.Fields(`
	full_name first_name last_name contact_uri email location manager organization
	department department_name
	team agent_team team_name
	role roles
	cost_per_hour cost_per_engagement
`)

func task(paths ...string) []Source {
	s := make([]Source, len(paths))
	for i, p := range paths {
		s[i] = Source{FromTask, p, TaskTree.ID(p)}
	}
	return s
}

func worker(paths ...string) []Source {
	s := make([]Source, len(paths))
	for i, p := range paths {
		s[i] = Source{FromWorker, p, WorkerTree.ID(p)}
	}
	return s
}

func payload(fields ...string) []Source {
	s := make([]Source, len(fields))
	for i, f := range fields {
		s[i] = Source{Origin: FromEvent, Path: f}
	}
	return s
}

func ruled(text string) []Source { return []Source{{Origin: FromRule, Path: text}} }

func join(lists ...[]Source) []Source {
	var all []Source
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
