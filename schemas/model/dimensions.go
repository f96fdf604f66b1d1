package model

// Agents has the newest state of every agent.
var Agents = Table{
	ID:          AgentsID,
	Name:        "agents",
	Description: "One row for each agent (TaskRouter worker), as its newest attributes say.",
	Columns: []Column{
		{Name: "account_sid", Type: String, Key: true, Sources: payload("account_sid"), Description: "Twilio account.", Rule: "3"},
		{Name: "agent_id", Type: String, Key: true, Sources: payload("worker_sid"), Description: "Worker SID.", Rule: "3"},
		{Name: "agent_name", Type: String, Sources: join(worker("full_name"), ruled("worker_attributes.first_name and .last_name"), payload("worker_name")), Description: "Full name, else first and last name, else the worker's friendly name.", Rule: "3, 9"},
		{Name: "email", Type: String, Sources: worker("email"), Description: "E-mail address.", Rule: "3"},
		{Name: "department", Type: String, Sources: worker("department", "department_name"), Description: "Current department.", Rule: "3, 9"},
		{Name: "location", Type: String, Sources: worker("location"), Description: "Current location.", Rule: "3"},
		{Name: "manager", Type: String, Sources: worker("manager"), Description: "Current manager.", Rule: "3"},
		{Name: "team", Type: String, Sources: worker("team", "agent_team", "team_name"), Description: "Current team.", Rule: "3, 9"},
		{Name: "organization", Type: String, Sources: worker("organization"), Description: "Current organization.", Rule: "3"},
		{Name: "role", Type: String, Sources: worker("role", "roles"), Description: "Highest of admin, supervisor, agent; else the first role.", Rule: "6, 9"},
		{Name: "roles", Type: String, Sources: worker("roles", "role"), Description: "All roles, joined with a comma and a blank.", Rule: "6, 9"},
		{Name: "cost_per_hour", Type: Float, Sources: worker("cost_per_hour"), Description: "Cost of an hour.", Rule: "3, 9"},
		{Name: "cost_per_engagement", Type: Float, Sources: worker("cost_per_engagement"), Description: "Cost of an engagement.", Rule: "3, 9"},
		{Name: "state", Type: String, Required: true, Sources: ruled("newest event of the worker"), Description: "`Active`, or `Inactive` once the worker was deleted.", Rule: "3"},
		{Name: "agent_type", Type: String, Required: true, Sources: ruled("constant"), Description: "`User`.", Rule: "6"},
	},
}

// AgentStatus has the time of every agent in every activity, by quarter hour.
var AgentStatus = Table{
	ID:          AgentStatusID,
	Name:        "agent_status",
	Description: "Seconds that an agent spent in an activity within a quarter hour (UTC). Offline time is not kept.",
	Owner:       Owner{Kind: WorkerKind, Account: "account_sid", SID: "agent_id", Time: "interval_start"},
	Columns: []Column{
		{Name: "account_sid", Type: String, Key: true, Sources: payload("account_sid"), Description: "Twilio account.", Rule: "4"},
		{Name: "agent_id", Type: String, Key: true, Sources: payload("worker_sid"), Description: "Worker SID.", Rule: "4"},
		{Name: "interval_start", Type: Timestamp, Key: true, Sources: ruled("start of the quarter hour"), Description: "Start of the quarter hour, UTC.", Rule: "4"},
		{Name: "activity", Type: String, Key: true, Sources: payload("worker_previous_activity_name", "worker_activity_name"), Description: "Name of the activity.", Rule: "4"},
		{Name: "activity_sid", Type: String, Sources: payload("worker_previous_activity_sid", "worker_activity_sid"), Description: "SID of the activity.", Rule: "4, 9"},
		{Name: "availability", Type: String, Required: true, Sources: join(payload("worker_available"), ruled("name of the activity")), Description: "`Available` or `Unavailable` for new tasks.", Rule: "4"},
		{Name: "seconds", Type: Float, Required: true, Sources: ruled("time in the activity, cut at quarter hours"), Description: "Seconds in the activity, at most 900 over all activities of a quarter hour.", Rule: "4"},
	},
}

// Customers has the newest state of every contact.
var Customers = Table{
	ID:          CustomersID,
	Name:        "customers",
	Description: "One row for each contact of a customer, over all accounts; a task without any contact has an isolated row of its own.",
	Owner:       Owner{Kind: TaskKind, SID: "contact_id", Only: "isolated"}, // a contact of its own has the task's SID for its id
	Columns: []Column{
		{Name: "contact_id", Type: String, Key: true, Sources: join(task("customers.external_id", "customerId", "customers.phone", "customerPhone", "conversations.customers.phone"), ruled("customers.phone of each of conversations.media"),
			task("customers.email", "customerEmail", "pre_engagement_data.email", "conversations.customers.email"), ruled("inbound: from, customerAddress, caller, name; outbound: to, outbound_to, called, customerAddress; else task_sid")), Description: "Normalized contact, or its keyed hash.", Rule: "3, 9"},
		{Name: "contact_kind", Type: String, Required: true, Sources: ruled("which source gave the contact"), Description: "`external_id`, `phone`, `email`, `address` or `task`.", Rule: "3"},
		{Name: "state", Type: String, Sources: join(task("customers.state"), ruled("inbound: from_state; outbound: to_state")), Description: "State or province.", Rule: "3"},
		{Name: "country", Type: String, Sources: join(task("customers.country"), ruled("inbound: from_country; outbound: to_country")), Description: "Country.", Rule: "3"},
		{Name: "category", Type: String, Sources: task("customers.category"), Description: "Category of the customer.", Rule: "3"},
		{Name: "organization", Type: String, Sources: task("customers.organization"), Description: "Organization of the customer.", Rule: "3"},
		{Name: "region", Type: String, Sources: task("customers.region"), Description: "Region.", Rule: "3"},
		{Name: "segment", Type: String, Sources: task("customers.segment", "customers.market_segment"), Description: "Market segment.", Rule: "3"},
		{Name: "isolated", Type: Bool, Required: true, Sources: ruled("no event of the task names a contact"), Description: "True for a task without any contact.", Rule: "3"},
	},
}
