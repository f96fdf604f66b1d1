// Package conversation folds the transcript of a conversation into turns: one for each message. It
// is the kind of key conversation (logic.go): an account and the SID of a conversation, fed by the
// tasks that share it.
//
// Who wrote a message, which engagement it belongs to and what its text is are plain functions of
// the transcript and of what the tasks tell (author.go, place.go, text.go). Order of arrival, how
// often a transcript was fetched, and what it lacked then, cannot show in the rows: what was seen
// once is kept (contract, section 5).
package conversation

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
	"unicode/utf8"

	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/schemas/turn"
)

// A Conversation is what is known of a conversation: its tasks, by their SIDs, and what was ever
// seen of its transcript.
type Conversation struct {
	Account, SID string
	Tasks        []Task
	Participants []turn.Participant
	Messages     []Message // by their SIDs

	noText bool // texts are left out
}

// A Message is what is kept of a message: all but its text.
type Message struct {
	SID, Author, Participant string
	Index                    int64
	Created, Updated         event.Millis
	Type                     string // turn_type
	Length                   int64  // code points of the text

	text    uint64 // hash of the text
	written uint64 // hash of its turn as it was written, versions aside; 0: it was not
}

// Take takes a transcript, and appends to block what of the texts is new.
func (c *Conversation) Take(t *turn.Transcript, block change.Block) change.Block {
	for _, p := range t.Participants {
		i := slices.IndexFunc(c.Participants, func(q turn.Participant) bool { return q.SID == p.SID })
		if i < 0 {
			c.Participants = append(c.Participants, p)
		} else {
			c.Participants[i] = p
		}
	}
	for i := range t.Messages {
		block = c.take(&t.Messages[i], block)
	}
	return block
}

func (c *Conversation) take(m *turn.Message, block change.Block) change.Block {
	text := textOf(m)
	h := hashOf([]byte(text))
	updated := m.Updated
	if updated == event.None {
		updated = m.Created
	}
	now := Message{
		SID: m.SID, Author: m.Author, Participant: m.Participant, Index: m.Index, Created: m.Created, Updated: updated,
		Type: typeOf(m), Length: int64(utf8.RuneCountInString(text)), text: h,
	}
	i, known := slices.BinarySearchFunc(c.Messages, m.SID, func(k Message, sid string) int { return strings.Compare(k.SID, sid) })
	switch {
	case !known:
		c.Messages = slices.Insert(c.Messages, i, now)
	case c.Messages[i].Updated > updated, m.Unread:
		return block // another fetch knew better
	default:
		now.written = c.Messages[i].written
		same := c.Messages[i].text == h
		c.Messages[i] = now
		if same {
			return block
		}
	}
	r := model.TurnContents.NewRow()
	r[contents.account], r[contents.id] = model.Text(c.Account), model.Text(m.SID)
	if !c.noText {
		r[contents.text] = model.Text(text)
	}
	r[contents.updatedAt], r[contents.version] = model.Millis(updated), model.Integer(c.version(&now))
	return block.Append(change.Change{Table: model.TurnContentsID, Row: r})
}

// version returns the row_version of a message's rows.
func (c *Conversation) version(m *Message) int64 { return int64(m.Updated)*4096 + c.known() }

// Turns appends to block the turns that are new or differ from what was written, but for those whose author
// the workers of the account decide: it returns what is asked of their names. Without tasks there are
// neither.
func (c *Conversation) Turns(block change.Block) (_ change.Block, asks []question) {
	if len(c.Tasks) == 0 {
		return block, nil
	}
	row := model.Turns.NewRow()
	for i := range c.Messages {
		m := &c.Messages[i]
		a := c.authorOf(m)
		if a.name != "" {
			m.written = 0
			asks = c.ask(asks, m, a)
			continue
		}
		block = c.write(m, a, row, block)
	}
	return block, asks
}

// write appends the turn of a message if it is new or differs from what was written. row is memory.
func (c *Conversation) write(m *Message, a author, row model.Row, block change.Block) change.Block {
	c.fill(row, m, a)
	from := len(block)
	block = block.Append(change.Change{Table: model.TurnsID, Row: row})
	h := hashOf(block[from:])
	block = block[:from]
	if h == m.written {
		return block
	}
	m.written = h
	row[turns.updatedAt], row[turns.version] = model.Millis(m.Updated), model.Integer(c.version(m))
	return block.Append(change.Change{Table: model.TurnsID, Row: row})
}

// fill fills a row of turns, but for what tells its version.
func (c *Conversation) fill(r model.Row, m *Message, a author) {
	clear(r)
	r[turns.account], r[turns.id], r[turns.sid] = model.Text(c.Account), model.Text(m.SID), model.Text(c.SID)
	task := c.first()
	if p := c.placeOf(m.Created, a.worker); p != nil {
		task = p.task
		r[turns.engagement] = model.Text(p.ID)
	}
	r[turns.conversation], r[turns.task] = model.Text(task.Conversation), model.Text(task.SID)
	r[turns.agent] = model.Text(a.worker)
	r[turns.time] = model.Millis(m.Created)
	r[turns.author], r[turns.kind] = model.Text(a.kind), model.Text(m.Type)
	r[turns.index], r[turns.length] = model.Integer(m.Index), model.Integer(m.Length)
}

// RecordingTurn calls emit with the rows of the turn that stands for the recording of an agent's
// engagement, if that has one. e is a row of engagements of a voice task. With noText the text is left
// out.
func RecordingTurn(e model.Row, noText bool, emit func(model.TableID, model.Row)) {
	get := func(name string) model.Value { return model.Engagements.Get(e, name) }
	url := get("recording_url")
	if get("engagement_type").Str != Agent || url.IsNull() {
		return
	}
	r, text := model.Turns.NewRow(), model.TurnContents.NewRow()
	r[turns.account], r[turns.id], r[turns.engagement] = get("account_sid"), get("reservation_sid"), get("engagement_id")
	r[turns.conversation], r[turns.task], r[turns.time] = get("conversation_id"), get("task_sid"), get("start_time")
	r[turns.kind] = model.Text(Recording)
	r[turns.updatedAt], r[turns.version] = get("updated_at"), get("row_version")
	text[contents.account], text[contents.id] = r[turns.account], r[turns.id]
	if !noText {
		text[contents.text] = url
	}
	text[contents.updatedAt], text[contents.version] = r[turns.updatedAt], r[turns.version]
	emit(model.TurnsID, r)
	emit(model.TurnContentsID, text)
}

// Faults returns what is wrong with a transcript as it stands: an index that does not rise. Gaps
// mean nothing.
func Faults(t *turn.Transcript) string {
	for i := 1; i < len(t.Messages); i++ {
		if cmp.Compare(t.Messages[i].Index, t.Messages[i-1].Index) <= 0 {
			return "the index of message " + t.Messages[i].SID + " is not greater than that of the one before it"
		}
	}
	return ""
}

func hashOf(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return max(h.Sum64(), 1)
}

var turns = struct {
	account, id, conversation, sid, task, engagement, agent, time, author, kind, index, length, updatedAt, version int
}{
	account: model.Turns.Col("account_sid"), id: model.Turns.Col("turn_id"), conversation: model.Turns.Col("conversation_id"),
	sid: model.Turns.Col("conversation_sid"), task: model.Turns.Col("task_sid"), engagement: model.Turns.Col("engagement_id"),
	agent: model.Turns.Col("agent_id"), time: model.Turns.Col("turn_time"), author: model.Turns.Col("author_type"),
	kind: model.Turns.Col("turn_type"), index: model.Turns.Col("turn_index"), length: model.Turns.Col("length"),
	updatedAt: model.Turns.Col("updated_at"), version: model.Turns.Col("row_version"),
}

var contents = struct{ account, id, text, updatedAt, version int }{
	account: model.TurnContents.Col("account_sid"), id: model.TurnContents.Col("turn_id"), text: model.TurnContents.Col("text"),
	updatedAt: model.TurnContents.Col("updated_at"), version: model.TurnContents.Col("row_version"),
}
