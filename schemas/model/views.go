package model

import (
	"fmt"
	"regexp"
	"strings"
)

// A View is a question that the store answers under a name: one text for every dialect, so that all
// stores give the same answer.
type View struct {
	Name        string
	Description string

	columns []viewColumn
	from    string // SQL, see fill
	group   string // the columns that a row stands for
}

// A viewColumn is an expression over the rows of a group, or the column whose first or last value
// by start_time it takes.
type viewColumn struct{ name, expr, first, last, description string }

// Views lists the views of the model.
var Views = []*View{&Conversations, &ServiceLevel, &Abandonment, &AgentOccupancy, &HandlingTime}

// Conversations has a row for each conversation.
var Conversations = View{
	Name:        "conversations",
	Description: "One row for each conversation: the engagements that share an account and a conversation_id.",
	from: "{engagements} AS e\nLEFT JOIN (\n" +
		"  SELECT account_sid, conversation_id, " + countIf("author_type = 'Customer'") + " AS by_customer, " + countIf("author_type = 'Agent'") + " AS by_agent,\n" +
		"    " + countIf("author_type = 'Bot'") + " AS by_bot, MIN(CASE WHEN author_type = 'Agent' AND turn_time >= asked THEN {epoch turn_time} END) - MIN({epoch asked}) AS answered\n" +
		"  FROM (SELECT account_sid, conversation_id, author_type, turn_time,\n" +
		"    MIN(CASE WHEN author_type = 'Customer' THEN turn_time END) OVER (PARTITION BY account_sid, conversation_id) AS asked FROM {turns}) AS m\n" +
		"  GROUP BY account_sid, conversation_id\n" +
		") AS t USING (account_sid, conversation_id)",
	group: "account_sid, conversation_id",
	columns: []viewColumn{
		{name: "account_sid", expr: "account_sid", description: "Twilio account (Flex instance)."},
		{name: "conversation_id", expr: "conversation_id", description: "Conversation; several tasks may share one."},
		{name: "contact_id", last: "contact_id", description: "Customer contact of the last engagement."},
		{name: "start_time", expr: "MIN(start_time)", description: "Start of the first engagement."},
		{name: "end_time", expr: "CASE WHEN COUNT(end_time) = COUNT(*) THEN MAX(end_time) END",
			description: "End of the engagement that ended last; null while one is open."},
		{name: "status", expr: "CASE WHEN " + countIf("status = 'In Progress'") + " > 0 THEN 'In Progress' WHEN " +
			countIf("status = 'Corrupted'") + " > 0 THEN 'Corrupted' ELSE 'Completed' END",
			description: "`In Progress` while an engagement is, else `Corrupted` when one is, else `Completed`."},
		{name: "tasks", expr: "COUNT(DISTINCT task_sid)", description: "Number of tasks."},
		{name: "agent_engagements", expr: countIf(ofAgent), description: "Number of engagements of agents, but for virtual tasks."},
		{name: "queue_engagements", expr: countIf(stay), description: "Number of stays in queues, but for outbound, internal and virtual tasks."},
		{name: "invitations", expr: countIf("engagement_type = 'Invitation' AND " + offered), description: "Number of offers that were not taken, but for outbound, internal and virtual tasks."},
		{name: "agents", expr: "COUNT(DISTINCT CASE WHEN " + ofAgent + " THEN agent_id END)", description: "Number of different agents who were engaged, but for virtual tasks."},
		{name: "first_queue", first: "queue", description: "Queue of the first engagement that has one."},
		{name: "last_queue", last: "queue", description: "Queue of the last engagement that has one."},
		{name: "channel_type", last: "channel_type", description: "Channel type of the last engagement that has one."},
		{name: "direction", first: "direction", description: "Direction of the first engagement."},
		{name: "wait_time_seconds", expr: sumIf(stay, "wait_time_seconds"), description: "Time in queues, seconds, over the stays that queue_engagements counts."},
		{name: "engagement_time_seconds", expr: sumIf(ofAgent, "engagement_time_seconds"), description: "Time of agents with the customer, seconds, over all agents."},
		{name: "wrap_up_time_seconds", expr: sumIf(ofAgent, "wrap_up_time_seconds"), description: "After-call work, seconds, over all agents."},
		{name: "abandoned", expr: countIf(stay+" AND "+left) + " > 0 AND " +
			countIf(ofAgent) + " = 0", description: "True when the customer left a queue, of no outbound, internal or virtual task, and no agent was ever engaged."},
		{name: "updated_at", expr: "MAX(updated_at)", description: "Time of the newest event behind the conversation."},
		{name: "customer_messages", expr: "COALESCE(MAX(t.by_customer), 0)", description: "Number of messages of customers, of those in turns."},
		{name: "agent_messages", expr: "COALESCE(MAX(t.by_agent), 0)", description: "Number of messages of agents."},
		{name: "bot_messages", expr: "COALESCE(MAX(t.by_bot), 0)", description: "Number of messages of bots and of the system."},
		{name: "first_response_time_seconds", expr: "MAX(t.answered)", description: "Time from the first message of a customer to the first of an agent behind it, seconds; null while there is none."},
	},
}

// The bounds that the views count by, in seconds. Stays that the customer left within shortAbandon
// count neither for nor against the service level: nobody could have answered them.
const (
	serviceSeconds = "20"
	shortAbandon   = "5"
)

// The conditions that the views count by. A task that an application made only to report is no work
// of anybody; and nobody was offered, missed or waited for where an agent called out.
const (
	left      = "outcome_type = 'Customer Left'"
	leftLater = left + " AND wait_time_seconds > " + shortAbandon
	taken     = "outcome_type = 'Accepted'"
	inTime    = taken + " AND wait_time_seconds <= " + serviceSeconds
	real      = "is_virtual IS NOT TRUE" // rows of older tables have null
	offered   = real + " AND direction NOT IN ('Outbound', 'Internal')"
	stay      = "engagement_type = 'Queue' AND " + offered
	ofAgent   = "engagement_type = 'Agent' AND " + real
	handled   = "COALESCE(engagement_time_seconds, 0) + COALESCE(wrap_up_time_seconds, 0)"
)

// ServiceLevel has a row for each queue and quarter hour.
var ServiceLevel = View{
	Name:        "service_level",
	Description: "One row for each queue and quarter hour in which stays in it began, but for outbound, internal and virtual tasks: how many were taken, and how soon.",
	from:        "{engagements} AS e\nWHERE " + stay,
	group:       "account_sid, queue_sid, queue, interval_start",
	columns: []viewColumn{
		{name: "account_sid", expr: "account_sid", description: "Twilio account (Flex instance)."},
		{name: "queue_sid", expr: "queue_sid", description: "Queue SID."},
		{name: "queue", expr: "queue", description: "Queue name at the time."},
		{name: "interval_start", expr: "{quarter start_time}", description: "Start of the quarter hour, UTC, in which the stays began."},
		{name: "offered", expr: "COUNT(*)", description: "Stays in the queue that began."},
		{name: "accepted", expr: countIf(taken), description: "Stays that ended with an agent."},
		{name: "accepted_in_time", expr: countIf(inTime), description: "Of these, those that waited " + serviceSeconds + " seconds or less."},
		{name: "abandoned", expr: countIf(left), description: "Stays that the customer ended."},
		{name: "abandoned_late", expr: countIf(leftLater), description: "Of these, those that lasted more than " + shortAbandon + " seconds."},
		{name: "waiting", expr: countIf("end_time IS NULL"), description: "Stays that are not over."},
		{name: "service_level", expr: countIf(inTime) + " / NULLIF(" + countIf(taken) + " + " + countIf(leftLater) + ", 0)",
			description: "accepted_in_time among accepted and abandoned_late, from 0 to 1; null without any."},
		{name: "average_wait_time_seconds", expr: mean("wait_time_seconds"), description: "Average wait of the stays that are over, seconds."},
		{name: "longest_wait_time_seconds", expr: "MAX(wait_time_seconds)", description: "Longest wait, seconds."},
	},
}

// Abandonment has a row for each day, queue and channel type.
var Abandonment = View{
	Name:        "abandonment",
	Description: "One row for each day, queue, channel type and direction: how many customers left before an agent took them, and after how long. Outbound, internal and virtual tasks are left out.",
	from:        "{engagements} AS e\nWHERE " + stay + " AND end_time IS NOT NULL",
	group:       "account_sid, day, queue_sid, queue, channel_type, direction",
	columns: []viewColumn{
		{name: "account_sid", expr: "account_sid", description: "Twilio account (Flex instance)."},
		{name: "day", expr: "{day start_time}", description: "Day, UTC, on which the stays began."},
		{name: "queue_sid", expr: "queue_sid", description: "Queue SID."},
		{name: "queue", expr: "queue", description: "Queue name at the time."},
		{name: "channel_type", expr: "channel_type", description: "Channel type."},
		{name: "direction", expr: "direction", description: "Direction of the conversation."},
		{name: "offered", expr: "COUNT(*)", description: "Stays in the queue that are over."},
		{name: "abandoned", expr: countIf(left), description: "Stays that the customer ended."},
		{name: "abandoned_late", expr: countIf(leftLater), description: "Of these, those that lasted more than " + shortAbandon + " seconds."},
		{name: "abandonment_rate", expr: countIf(left) + " / COUNT(*)", description: "abandoned among offered, from 0 to 1."},
		{name: "average_patience_seconds", expr: mean("CASE WHEN " + left + " THEN wait_time_seconds END"), description: "How long those who left had waited, on average, seconds."},
	},
}

// AgentOccupancy has a row for each agent and day.
var AgentOccupancy = View{
	Name:        "agent_occupancy",
	Description: "One row for each agent and day: time in each kind of activity, time with customers, and the share of the available time that it is. Virtual tasks are left out.",
	from: "(\n" +
		"  SELECT account_sid, agent_id, {day interval_start} AS day, CASE WHEN availability = 'Available' THEN seconds ELSE 0 END AS available,\n" +
		"    CASE WHEN availability = 'Available' THEN 0 ELSE seconds END AS unavailable, 0 AS engagement, 0 AS busy\n" +
		"  FROM {agent_status}\n" +
		"  UNION ALL\n" +
		"  SELECT account_sid, agent_id, {day start_time} AS day, 0 AS available, 0 AS unavailable, 1 AS engagement, " + handled + " AS busy\n" +
		"  FROM {engagements} WHERE " + ofAgent + " AND agent_id IS NOT NULL\n" +
		") AS p\nLEFT JOIN {agents} AS a USING (account_sid, agent_id)",
	group: "account_sid, agent_id, day",
	columns: []viewColumn{
		{name: "account_sid", expr: "account_sid", description: "Twilio account (Flex instance)."},
		{name: "agent_id", expr: "agent_id", description: "Worker SID."},
		{name: "agent_name", expr: "MAX(a.agent_name)", description: "Name of the agent, as it is now."},
		{name: "team", expr: "MAX(a.team)", description: "Team of the agent, as it is now."},
		{name: "day", expr: "p.day", description: "Day, UTC; an engagement counts on the day on which it began."},
		{name: "available_seconds", expr: sum("available"), description: "Time in activities in which the agent was available, seconds."},
		{name: "unavailable_seconds", expr: sum("unavailable"), description: "Time in other activities, without those that agent_status leaves out, seconds."},
		{name: "engagements", expr: countIf("engagement = 1"), description: "Engagements that began."},
		{name: "busy_seconds", expr: sum("busy"), description: "Engagement and wrap-up time of these engagements, seconds; it adds up when they overlap."},
		// LEAST passes over a null in DuckDB and is null with one in BigQuery.
		{name: "occupancy", expr: "CASE WHEN SUM(available) > 0 THEN LEAST(1, " + sum("busy") + " / NULLIF(" + sum("available") + ", 0)) END", description: "busy_seconds as a share of available_seconds, at most 1; null without available time."},
	},
}

// HandlingTime has a row for each day, queue and channel type.
var HandlingTime = View{
	Name:        "handling_time",
	Description: "One row for each day, queue, channel type and direction: how long agents were engaged with customers and in after-call work. Virtual tasks are left out.",
	from:        "{engagements} AS e\nWHERE " + ofAgent + " AND end_time IS NOT NULL",
	group:       "account_sid, day, queue_sid, queue, channel_type, direction",
	columns: []viewColumn{
		{name: "account_sid", expr: "account_sid", description: "Twilio account (Flex instance)."},
		{name: "day", expr: "{day start_time}", description: "Day, UTC, on which the engagements began."},
		{name: "queue_sid", expr: "queue_sid", description: "Queue SID."},
		{name: "queue", expr: "queue", description: "Queue name at the time."},
		{name: "channel_type", expr: "channel_type", description: "Channel type."},
		{name: "direction", expr: "direction", description: "Direction of the conversation."},
		{name: "engagements", expr: "COUNT(*)", description: "Engagements of agents that are over."},
		{name: "average_engagement_time_seconds", expr: mean("engagement_time_seconds"), description: "Average time with the customer, seconds."},
		{name: "average_wrap_up_time_seconds", expr: mean("wrap_up_time_seconds"), description: "Average after-call work of those that had any, seconds."},
		{name: "average_hold_time_seconds", expr: mean("hold_time_seconds"), description: "Average time on hold of those that tell it, seconds."},
		{name: "average_handling_time_seconds", expr: mean(handled), description: "Average of both together, seconds."},
		{name: "longest_handling_time_seconds", expr: "ROUND(MAX(" + micros(handled) + ") / 1000) / 1000", description: "Longest of both together, seconds."},
	},
}

func countIf(cond string) string { return "COUNT(CASE WHEN " + cond + " THEN 1 END)" }

// micros makes whole microseconds of seconds. Whole numbers below 2^53 have one sum in whatever
// order they are added, and ROUND to whole numbers is the same in every store, which ROUND to
// decimals is not: 1.0005 is a little less than it reads.
func micros(expr string) string { return "ROUND((" + expr + ") * 1000000)" }

// sum sums seconds with their milliseconds.
func sum(expr string) string { return "ROUND(SUM(" + micros(expr) + ") / 1000) / 1000" }

// mean is the average of seconds with their milliseconds; null of none.
func mean(expr string) string {
	return "ROUND(SUM(" + micros(expr) + ") / NULLIF(COUNT(" + expr + "), 0) / 1000) / 1000"
}

func sumIf(cond, column string) string { return sum("CASE WHEN " + cond + " THEN " + column + " END") }

// A dialect says what SQL of different stores does not share.
type dialect struct {
	first, last  string // format of an aggregate over a column
	quarter, day string // format of an expression over a time
	epoch        string // seconds since 1970
}

var (
	duckdbDialect = dialect{
		first:   "FIRST(%[1]s ORDER BY start_time, engagement_id) FILTER (WHERE %[1]s IS NOT NULL)",
		last:    "FIRST(%[1]s ORDER BY start_time DESC, engagement_id DESC) FILTER (WHERE %[1]s IS NOT NULL)",
		quarter: "TO_TIMESTAMP(900 * FLOOR(EPOCH(%s) / 900))",
		day:     "CAST(%s AT TIME ZONE 'UTC' AS DATE)",
		epoch:   "EPOCH(%s)",
	}
	bigqueryDialect = dialect{
		first:   "ARRAY_AGG(%s IGNORE NULLS ORDER BY start_time, engagement_id LIMIT 1)[SAFE_OFFSET(0)]",
		last:    "ARRAY_AGG(%s IGNORE NULLS ORDER BY start_time DESC, engagement_id DESC LIMIT 1)[SAFE_OFFSET(0)]",
		quarter: "TIMESTAMP_SECONDS(900 * CAST(FLOOR(UNIX_SECONDS(%s) / 900) AS INT64))",
		day:     "DATE(%s)",
		epoch:   "UNIX_MILLIS(%s) / 1000",
	}
)

var marks = regexp.MustCompile(`\{(\w+)(?: (\w+))?\}`)

// fill replaces the marks of a text: {quarter column}, {day column}, {epoch column}, and {table} by what name says.
func (d dialect) fill(text string, name func(string) string) string {
	return marks.ReplaceAllStringFunc(text, func(mark string) string {
		m := marks.FindStringSubmatch(mark)
		switch {
		case m[1] == "quarter" && m[2] != "":
			return fmt.Sprintf(d.quarter, m[2])
		case m[1] == "day" && m[2] != "":
			return fmt.Sprintf(d.day, m[2])
		case m[1] == "epoch" && m[2] != "":
			return fmt.Sprintf(d.epoch, m[2])
		}
		return name(m[1])
	})
}

// query returns the view's SELECT.
func (v *View) query(d dialect, name func(string) string) string {
	var b strings.Builder
	b.WriteString("SELECT\n")
	for i, c := range v.columns {
		if i > 0 {
			b.WriteString(",\n")
		}
		switch {
		case c.first != "":
			c.expr = fmt.Sprintf(d.first, "e."+c.first)
		case c.last != "":
			c.expr = fmt.Sprintf(d.last, "e."+c.last)
		}
		fmt.Fprintf(&b, "  %s AS %s", d.fill(c.expr, name), c.name)
	}
	fmt.Fprintf(&b, "\nFROM %s\nGROUP BY %s", d.fill(v.from, name), v.group)
	return b.String()
}

// Columns returns the names of the view's columns in order.
func (v *View) Columns() []string {
	var s []string
	for _, c := range v.columns {
		s = append(s, c.name)
	}
	return s
}

func (v *View) duckdb(b *strings.Builder) {
	fmt.Fprintf(b, "CREATE OR REPLACE VIEW %s AS\n%s;\n", v.Name, v.query(duckdbDialect, func(name string) string { return name }))
	fmt.Fprintf(b, "COMMENT ON VIEW %s IS %s;\n", v.Name, duckdbText(v.Description))
	for _, c := range v.columns {
		fmt.Fprintf(b, "COMMENT ON COLUMN %s.%s IS %s;\n", v.Name, c.name, duckdbText(c.description))
	}
	b.WriteByte('\n')
}

// BigQuery returns the statement that creates or replaces the view in BigQuery, with names of
// tables and of the view as name gives them.
func (v *View) BigQuery(name func(string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE OR REPLACE VIEW %s (\n", name(v.Name))
	for i, c := range v.columns {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "  %s OPTIONS (description = %s)", c.name, bigqueryText(c.description))
	}
	fmt.Fprintf(&b, "\n)\nOPTIONS (description = %s, labels = [('managed_by', 'flexbeam')]) AS\n%s;\n", bigqueryText(v.Description), v.BigQueryText(name))
	return b.String()
}

// BigQueryText returns the view's query in BigQuery's SQL.
func (v *View) BigQueryText(name func(string) string) string { return v.query(bigqueryDialect, name) }
