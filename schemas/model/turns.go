package model

// Turns has a row for each message of a conversation, without its text.
var Turns = Table{
	ID:   TurnsID,
	Name: "turns",
	Description: "One row for each message of a non-voice conversation, and for each recording of an agent's call; " +
		"texts are in turn_contents.",
	Owner: Owner{Kind: ConversationKind, Account: "account_sid", SID: "conversation_sid"},
	Columns: []Column{
		{Name: "account_sid", Type: String, Key: true, Sources: ruled("account of the task"), Description: "Twilio account.", Rule: "5"},
		{Name: "turn_id", Type: String, Key: true, Sources: ruled("message sid"), Description: "Message SID (IM); of a recording the reservation's SID.", Rule: "5"},
		{Name: "conversation_id", Type: String, Required: true, Sources: ruled("engagements.conversation_id"), Description: "Conversation, as in engagements.", Rule: "5"},
		{Name: "conversation_sid", Type: String, Sources: join(task("conversationSid", "conversations.media"), task("channelSid")), Description: "Twilio conversation (CH); null for a recording.", Rule: "5"},
		{Name: "task_sid", Type: String, Required: true, Sources: ruled("task of the engagement"), Description: "Task.", Rule: "5"},
		{Name: "engagement_id", Type: String, Sources: ruled("engagement open at the message's time"), Description: "Engagement that the message belongs to.", Rule: "5"},
		{Name: "agent_id", Type: String, Sources: ruled("author"), Description: "Worker SID of an agent's message.", Rule: "5"},
		{Name: "turn_time", Type: Timestamp, Required: true, Sources: ruled("message date_created"), Description: "Time of the message.", Rule: "5"},
		{Name: "author_type", Type: String, Sources: ruled("author"), Description: "`Agent`, `Customer` or `Bot`; null for a recording.", Rule: "5"},
		{Name: "turn_type", Type: String, Required: true, Sources: ruled("message body and media"), Description: "`Message`, `Image`, `File` or `Recording`.", Rule: "5"},
		{Name: "turn_index", Type: Int, Sources: ruled("message index"), Description: "Index of the message in its conversation.", Rule: "5"},
		{Name: "length", Type: Int, Sources: ruled("message body"), Description: "Characters of the text.", Rule: "5"},
	},
}

// TurnContents has the texts of turns, apart from their metadata so that access can differ.
var TurnContents = Table{
	ID:          TurnContentsID,
	Name:        "turn_contents",
	Description: "Text of a turn, apart from its metadata so that access to it can be restricted.",
	Columns: []Column{
		{Name: "account_sid", Type: String, Key: true, Sources: ruled("account of the task"), Description: "Twilio account.", Rule: "5"},
		{Name: "turn_id", Type: String, Key: true, Sources: ruled("message sid"), Description: "Message SID (IM).", Rule: "5"},
		{Name: "text", Type: String, Sources: ruled("message body"), Description: "Text of the message.", Rule: "5"},
	},
}

// DeadLetters has the records that could not be used.
var DeadLetters = Table{
	ID:          DeadLettersID,
	Name:        "dead_letters",
	Description: "One row for each record that could not be used, with its bytes and the reason.",
	Columns: []Column{
		{Name: "source", Type: String, Key: true, Sources: ruled("kind and name of the source"), Description: "Which source read the record: `file`, or `kinesis:` and the stream.", Rule: "1, 6"},
		{Name: "position", Type: String, Key: true, Sources: ruled("place in the source"), Description: "`file:line` or `shard:sequence number`; `+1`, `+2` … behind it for values behind the first on a line or in a record, `:index` behind that in an array.", Rule: "1, 6"},
		{Name: "error_class", Type: String, Required: true, Sources: ruled("decoder"), Description: "Kind of the fault, one of a fixed list.", Rule: "1"},
		{Name: "error", Type: String, Required: true, Sources: ruled("decoder"), Description: "What is wrong, in words, and what to do.", Rule: "1"},
		{Name: "payload", Type: Bytes, Sources: ruled("record"), Description: "The record as it was read; of the rest of a line that cannot be read on the first 1 MiB.", Rule: "1"},
		{Name: "received_at", Type: Timestamp, Sources: ruled("source"), Description: "When the source received it; null for files.", Rule: "6"},
	},
}
