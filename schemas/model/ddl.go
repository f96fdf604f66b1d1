package model

import (
	"fmt"
	"strings"
)

// DDL returns the statements that create the tables of the model and the view conversations, in the SQL of "duckdb" or of
// "bigquery". Each statement ends its last line with a semicolon. Tables that exist are left alone, the view is replaced.
func DDL(dialect string) (string, error) {
	var b strings.Builder
	switch dialect {
	case "duckdb":
		for _, t := range Tables {
			duckdbTable(&b, t)
		}
		duckdbView(&b)
	case "bigquery":
		for _, t := range Tables {
			bigqueryTable(&b, t)
		}
		bigqueryView(&b)
	default:
		return "", fmt.Errorf("ddl: unknown dialect %q: take duckdb or bigquery", dialect)
	}
	return b.String(), nil
}

var (
	duckdbTypes   = [...]string{String: "VARCHAR", Timestamp: "TIMESTAMPTZ", Float: "DOUBLE", Int: "BIGINT", Bool: "BOOLEAN", Bytes: "BLOB"}
	bigqueryTypes = [...]string{String: "STRING", Timestamp: "TIMESTAMP", Float: "FLOAT64", Int: "INT64", Bool: "BOOL", Bytes: "BYTES"}
)

// days names the column by whose day a table is partitioned in BigQuery.
var days = map[TableID]string{EngagementsID: "start_time", AgentStatusID: "interval_start", TurnsID: "turn_time"}

// conversations are the columns of the view: an expression over the engagements of one conversation, or the column whose
// first or last value by start_time it takes.
var conversations = []struct{ name, expr, first, last, description string }{
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
	{name: "agent_engagements", expr: countIf("engagement_type = 'Agent'"), description: "Number of engagements of agents."},
	{name: "queue_engagements", expr: countIf("engagement_type = 'Queue'"), description: "Number of stays in queues."},
	{name: "invitations", expr: countIf("engagement_type = 'Invitation'"), description: "Number of offers that were not taken."},
	{name: "agents", expr: "COUNT(DISTINCT CASE WHEN engagement_type = 'Agent' THEN agent_id END)", description: "Number of different agents who were engaged."},
	{name: "first_queue", first: "queue", description: "Queue of the first engagement that has one."},
	{name: "last_queue", last: "queue", description: "Queue of the last engagement that has one."},
	{name: "channel_type", last: "channel_type", description: "Channel type of the last engagement that has one."},
	{name: "direction", first: "direction", description: "Direction of the first engagement."},
	{name: "wait_time_seconds", expr: sumIf("Queue", "wait_time_seconds"), description: "Time in queues, seconds, over all stays."},
	{name: "engagement_time_seconds", expr: sumIf("Agent", "engagement_time_seconds"), description: "Time of agents with the customer, seconds, over all agents."},
	{name: "wrap_up_time_seconds", expr: sumIf("Agent", "wrap_up_time_seconds"), description: "After-call work, seconds, over all agents."},
	{name: "abandoned", expr: countIf("engagement_type = 'Queue' AND outcome_type = 'Customer Left'") + " > 0 AND " +
		countIf("engagement_type = 'Agent'") + " = 0", description: "True when the customer left a queue and no agent was ever engaged."},
	{name: "updated_at", expr: "MAX(updated_at)", description: "Time of the newest event behind the conversation."},
}

const conversationsDescription = "One row for each conversation: the engagements that share an account and a conversation_id."

func countIf(cond string) string { return "COUNT(CASE WHEN " + cond + " THEN 1 END)" }

// sumIf sums milliseconds that are written as seconds; rounded, since the order of the addition is open.
func sumIf(kind, column string) string {
	return "ROUND(SUM(CASE WHEN engagement_type = '" + kind + "' THEN " + column + " END), 3)"
}

func keyNames(t *Table) string {
	var s []string
	for _, i := range t.Keys() {
		s = append(s, t.Columns[i].Name)
	}
	return strings.Join(s, ", ")
}

func duckdbText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func duckdbTable(b *strings.Builder, t *Table) {
	fmt.Fprintf(b, "CREATE TABLE IF NOT EXISTS %s (\n", t.Name)
	for _, c := range t.Columns {
		fmt.Fprintf(b, "  %s %s", c.Name, duckdbTypes[c.Type])
		if c.Required {
			b.WriteString(" NOT NULL")
		}
		b.WriteString(",\n")
	}
	fmt.Fprintf(b, "  PRIMARY KEY (%s)\n);\n", keyNames(t))
	fmt.Fprintf(b, "COMMENT ON TABLE %s IS %s;\n", t.Name, duckdbText(t.Description))
	for _, c := range t.Columns {
		fmt.Fprintf(b, "COMMENT ON COLUMN %s.%s IS %s;\n", t.Name, c.Name, duckdbText(c.Description))
	}
	b.WriteByte('\n')
}

func duckdbView(b *strings.Builder) {
	b.WriteString("CREATE OR REPLACE VIEW conversations AS\n")
	conversationsQuery(b, "FIRST(%[1]s ORDER BY start_time, engagement_id) FILTER (WHERE %[1]s IS NOT NULL)",
		"FIRST(%[1]s ORDER BY start_time DESC, engagement_id DESC) FILTER (WHERE %[1]s IS NOT NULL)")
	fmt.Fprintf(b, "COMMENT ON VIEW conversations IS %s;\n", duckdbText(conversationsDescription))
	for _, c := range conversations {
		fmt.Fprintf(b, "COMMENT ON COLUMN conversations.%s IS %s;\n", c.name, duckdbText(c.description))
	}
}

func bigqueryText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'"
}

func bigqueryTable(b *strings.Builder, t *Table) {
	fmt.Fprintf(b, "CREATE TABLE IF NOT EXISTS %s (\n", t.Name)
	for _, c := range t.Columns {
		fmt.Fprintf(b, "  %s %s", c.Name, bigqueryTypes[c.Type])
		if c.Required {
			b.WriteString(" NOT NULL")
		}
		fmt.Fprintf(b, " OPTIONS (description = %s),\n", bigqueryText(c.Description))
	}
	fmt.Fprintf(b, "  PRIMARY KEY (%s) NOT ENFORCED\n)\n", keyNames(t))
	if day, ok := days[t.ID]; ok {
		fmt.Fprintf(b, "PARTITION BY DATE(%s)\n", day)
	}
	fmt.Fprintf(b, "CLUSTER BY %s\nOPTIONS (description = %s);\n\n", keyNames(t), bigqueryText(t.Description))
}

func bigqueryView(b *strings.Builder) {
	b.WriteString("CREATE OR REPLACE VIEW conversations (\n")
	for i, c := range conversations {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(b, "  %s OPTIONS (description = %s)", c.name, bigqueryText(c.description))
	}
	fmt.Fprintf(b, "\n)\nOPTIONS (description = %s) AS\n", bigqueryText(conversationsDescription))
	conversationsQuery(b, "ARRAY_AGG(%s IGNORE NULLS ORDER BY start_time, engagement_id LIMIT 1)[SAFE_OFFSET(0)]",
		"ARRAY_AGG(%s IGNORE NULLS ORDER BY start_time DESC, engagement_id DESC LIMIT 1)[SAFE_OFFSET(0)]")
}

func conversationsQuery(b *strings.Builder, first, last string) {
	b.WriteString("SELECT\n")
	for i, c := range conversations {
		if i > 0 {
			b.WriteString(",\n")
		}
		switch {
		case c.first != "":
			c.expr = fmt.Sprintf(first, "e."+c.first)
		case c.last != "":
			c.expr = fmt.Sprintf(last, "e."+c.last)
		}
		fmt.Fprintf(b, "  %s AS %s", c.expr, c.name)
	}
	b.WriteString("\nFROM engagements AS e\nGROUP BY account_sid, conversation_id;\n")
}
