// Package turn holds what Twilio shows of a conversation: its messages and participants, as they
// were fetched. What becomes of them is decided in transforms/conversation.
package turn

import "flexbeam/schemas/event"

// A Transcript is what one fetch of a conversation gave.
type Transcript struct {
	Messages     []Message
	Participants []Participant

	// Fault says why the transcript may lack messages, as text for a dead letter; empty: it is
	// complete. Again says that another fetch may mend it.
	Fault string
	Again bool
	// Gone says that every chat service answered that it has no such conversation.
	Gone bool

	// Conversation is the SID of the conversation that an Interaction led to, if it was asked for. There is
	// nothing else then.
	Conversation string
}

// A Message is a message as it is now: edited ones do not tell what they were.
type Message struct {
	SID         string
	Index       int64  // rises from message to message, with gaps
	Author      string // empty: none, or null
	Participant string // SID of the participant who wrote it; empty: null
	Body        string
	Subject     string // of an e-mail, where the message itself tells it
	Attributes  string // JSON text
	Created     event.Millis
	Updated     event.Millis // event.None: it was not
	Media       []Medium
	Unread      bool   // its text stands elsewhere and could not be read: one that is known stays
	Template    string // body of the content template that was sent, variables unfilled; empty: none, or it could not be read
}

// A Medium is something that hangs on a message.
type Medium struct {
	Type     string // content type
	Category string // body and history of e-mails, else media or empty
	Text     string // of a body that was read
}

// A Participant is one who takes part in a conversation, or who did when it was fetched.
type Participant struct {
	SID        string
	Identity   string // of one who uses an SDK: an agent, or a customer in a web chat
	Address    string // of one who writes over a messaging channel, and where he is reached
	Proxy      string // the company's address towards him
	Projected  string // the company's address that stands for one who uses an SDK
	MemberType string // of the attributes: agent, supervisor, guest; empty: not told
}
