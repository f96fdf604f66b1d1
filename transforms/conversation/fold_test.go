package conversation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/schemas/turn"
)

const (
	chat   = "CH00000000000000000000000000000001"
	minute = event.Millis(60_000)
)

// at is a time of the test's day, in minutes behind its begin.
func at(minutes float64) event.Millis {
	return 1_772_409_600_000 + event.Millis(minutes*float64(minute))
}

func agentStay(id, worker string, from, to float64) Stay {
	return Stay{ID: id, Agent: true, Worker: worker, Start: at(from), End: at(to)}
}

func queueStay(id string, from, to float64) Stay { return Stay{ID: id, Start: at(from), End: at(to)} }

func task(sid string, stays ...Stay) Task {
	t := Task{SID: sid, Conversation: "id of " + sid, Version: 10 * 4096, Start: at(1000), Stays: stays}
	for _, s := range stays {
		t.Start = min(t.Start, s.Start)
		if s.Agent {
			t.Workers = append(t.Workers, Worker{s.Worker, []string{s.Worker + "@example.com"}})
		}
	}
	return t
}

// message returns a message at a minute.
func message(sid, author string, minutes float64, more ...func(*turn.Message)) turn.Message {
	m := turn.Message{SID: sid, Author: author, Body: "hello", Created: at(minutes), Updated: event.None}
	for _, f := range more {
		f(&m)
	}
	return m
}

// rows takes a transcript and returns the rows that it gives, by table and key.
func rows(t *testing.T, c *Conversation, x turn.Transcript) map[string]model.Row {
	t.Helper()
	out := map[string]model.Row{}
	block, asks := c.Turns(c.Take(&x, nil))
	for i := range asks { // of an account without any other workers
		block = asks[i].turns(nil, block)
	}
	err := block.Each(func(k change.Change) error {
		if k.Delete {
			t.Errorf("a turn is deleted: %v", k.Row)
		}
		out[k.Of().Name+" "+k.Of().Get(k.Row, "turn_id").Str] = append(model.Row(nil), k.Row...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func cell(r model.Row, name string) string { return model.Turns.Get(r, name).String() }

func TestAMessageBelongsToTheEngagementThatTheRulesName(t *testing.T) {
	first := task("WT1", queueStay("q1", 0, 5), agentStay("a1", "ann", 5, 20))
	second := task("WT2", queueStay("q2", 20, 22), agentStay("b1", "bob", 22, 40))
	later := task("WT3", queueStay("q3", 200, 202), agentStay("a3", "ann", 202, 220))
	open := task("WT4", Stay{ID: "open", Agent: true, Worker: "ann", Start: at(0), End: event.None})
	odd := task("WT5", Stay{ID: "odd", Agent: true, Worker: "ann", Start: at(10) + 999, End: at(11)})
	twice := task("WT6", agentStay("z", "ann", 5, 20), agentStay("y", "ann", 6, 20), agentStay("x", "bob", 7, 20))
	tests := []struct {
		name   string
		tasks  []Task
		author string
		at     float64
		want   string
	}{
		{"a customer's to the agent who has the task", []Task{first}, "customer", 10, "a1"},
		{"a customer's to the queue while nobody has it", []Task{first}, "customer", 2, "q1"},
		{"an agent's before the queue's, both open", []Task{first}, "customer", 5, "a1"},
		{"the end counts", []Task{first}, "customer", 20, "a1"},
		{"an hour behind the end an agent's own", []Task{first, second}, "ann", 79, "a1"},
		{"more than an hour behind it, the last that ended", []Task{first, second}, "ann", 81, "b1"},
		{"an agent's own, though another has the task", []Task{first, second}, "ann", 30, "a1"},
		{"a customer's to who has the task after a transfer", []Task{first, second}, "customer", 30, "b1"},
		{"the next one, that begins within the hour", []Task{first, second, later}, "customer", 150, "q3"},
		{"else the last one that ended", []Task{first, second, later}, "customer", 130, "b1"},
		{"before everything, the first one", []Task{later}, "customer", 0, "q3"},
		{"behind everything, the last one", []Task{first, second, later}, "customer", 900, "a3"},
		{"one that is open is open for ever", []Task{open}, "customer", 5000, "open"},
		{"a start is known to the second", []Task{first, odd}, "customer", 10, "odd"},
		{"of several the one accepted last", []Task{twice}, "customer", 10, "x"},
		{"of several own ones the one accepted last", []Task{twice}, "ann", 10, "y"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := &Conversation{Account: "AC", SID: chat}
			for _, k := range test.tasks {
				c.add(k)
			}
			author := test.author
			if author != "customer" {
				author += "@example.com"
			}
			r := rows(t, c, turn.Transcript{Messages: []turn.Message{message("IM1", author, test.at)}, Participants: []turn.Participant{{SID: "MB1", Identity: "customer"}}})["turns IM1"]
			if got := cell(r, "engagement_id"); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			for i := range c.Tasks {
				for _, s := range c.Tasks[i].Stays {
					if s.ID == test.want && (cell(r, "task_sid") != c.Tasks[i].SID || cell(r, "conversation_id") != c.Tasks[i].Conversation) {
						t.Errorf("task %s, conversation %s", cell(r, "task_sid"), cell(r, "conversation_id"))
					}
				}
			}
		})
	}
}

func TestAConversationWithoutEngagementsGivesTurnsOfItsFirstTask(t *testing.T) {
	c := &Conversation{Account: "AC", SID: chat}
	for i, sid := range []string{"WT1", "WT2"} {
		k := task(sid)
		k.Start = at(float64(10 - i))
		c.add(k)
	}
	r := rows(t, c, turn.Transcript{Messages: []turn.Message{message("IM1", "x", 1)}})["turns IM1"]
	if got := []string{cell(r, "engagement_id"), cell(r, "task_sid"), cell(r, "conversation_id")}; !cmp.Equal(got, []string{"", "WT2", "id of WT2"}) {
		t.Errorf("%q", got)
	}
}

func TestWhoWroteAMessage(t *testing.T) {
	participants := []turn.Participant{
		{SID: "MB1", Identity: "ann_40example_2Ecom"}, {SID: "MB2", Address: "whatsapp:+15551230000", Proxy: "whatsapp:+15550001111"},
		{SID: "MB3", Identity: "webchat-guest", MemberType: "guest"}, {SID: "MB4", Identity: "chief", MemberType: "Supervisor"},
		{SID: "MB5", Identity: "Shared"}, {SID: "MB6", Identity: "both", Projected: "+15550002222"},
	}
	tests := []struct{ name, author, participant, kind, agent string }{
		{"Studio", chat, "", Bot, ""},
		{"Twilio", "system", "", Bot, ""},
		{"nobody", "", "MB1", Bot, ""},
		{"the company's number", "whatsapp:+15550001111", "", Bot, ""},
		{"a number that stands for an agent", "+15550002222", "", Bot, ""},
		{"a bot of the account's own", "Autopilot", "", Bot, ""},
		{"an agent by his participant", "anything", "MB1", Agent, "ann"},
		{"an agent by his name", "ann@example.com", "", Agent, "ann"},
		{"an agent by his encoded name, in another case", "ANN_40example_2Ecom", "", Agent, "ann"},
		{"an agent by a participant as author", "MB1", "", Agent, "ann"},
		{"an agent whom nothing else names", "eve_40example_2Ecom", "", Agent, ""},
		{"a supervisor", "chief", "MB4", Agent, ""},
		{"a customer by a channel", "whatsapp:+15551230000", "MB2", Customer, ""},
		{"a customer by a channel, without participant", "whatsapp:+15551230000", "", Customer, ""},
		{"a guest of a web chat", "webchat-guest", "MB3", Customer, ""},
		{"a customer who left, by an address of the task", "whatsapp:+1 555 777 0000", "MB9", Customer, ""},
		{"a name that two workers have: the one who was there", "Shared", "MB5", Agent, "bob"},
	}
	first := task("WT1", agentStay("a1", "ann", 0, 20), agentStay("b1", "bob", 20, 40))
	first.Customer = []string{"+15557770000"}
	first.Workers = append(first.Workers, Worker{"aaa", []string{"shared"}}, Worker{"ann", []string{"shared"}}, Worker{"bob", []string{"shared"}})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := &Conversation{Account: "AC", SID: chat}
			c.add(first)
			m := message("IM1", test.author, 39)
			m.Participant = test.participant
			r := rows(t, c, turn.Transcript{Messages: []turn.Message{m}, Participants: participants})["turns IM1"]
			if cell(r, "author_type") != test.kind || cell(r, "agent_id") != test.agent {
				t.Errorf("%s %q, want %s %q", cell(r, "author_type"), cell(r, "agent_id"), test.kind, test.agent)
			}
		})
	}
}

func TestAnAgentWhoLeftIsKnownStill(t *testing.T) {
	c := &Conversation{Account: "AC", SID: chat}
	c.add(task("WT1", queueStay("q", 0, 20)))
	m := message("IM1", "guest", 5)
	m.Participant = "MB1"
	rows(t, c, turn.Transcript{Participants: []turn.Participant{{SID: "MB1", Identity: "guest"}}})
	if r := rows(t, c, turn.Transcript{Messages: []turn.Message{m}})["turns IM1"]; cell(r, "author_type") != Customer {
		t.Errorf("author %s", cell(r, "author_type"))
	}
}

func TestTextsOfMessages(t *testing.T) {
	body := func(kind, text string) turn.Medium { return turn.Medium{Type: kind, Category: "body", Text: text} }
	tests := []struct {
		name    string
		message turn.Message
		text    string
		kind    string
		length  string
	}{
		{"as it stands", turn.Message{Body: "  hi \n"}, "  hi \n", Text, "6"},
		{"code points", turn.Message{Body: "a\u00e9\U0001F600"}, "a\u00e9\U0001F600", Text, "3"},
		{"none", turn.Message{}, "", Text, "0"},
		{"a picture", turn.Message{Body: "look", Media: []turn.Medium{{Type: "image/PNG"}, {Type: "application/pdf"}}}, "look", Image, "4"},
		{"a file", turn.Message{Media: []turn.Medium{{Type: "application/pdf", Category: "media"}, {Type: "image/png"}}}, "", File, "0"},
		{"a template", turn.Message{Template: "Dear {{1}}"}, "Dear {{1}}", Text, "10"},
		{"a template that was filled", turn.Message{Body: "Dear Ann", Template: "Dear {{1}}"}, "Dear Ann", Text, "8"},
		{"an e-mail", turn.Message{Body: "Hel…", Subject: "Order", Media: []turn.Medium{body("text/html", "<p>no</p>"), body("text/plain; charset=utf-8", " Hello \n"), {Type: "text/plain", Category: "history", Text: "old"}}},
			"Order\n Hello \n", Text, "14"},
		{"an e-mail in HTML", turn.Message{Attributes: `{"subject":"Re: 1 < 2"}`, Body: "x", Media: []turn.Medium{body("text/html", "<html><style>p{}</style><body><p>a &amp; b<br>c</p><ul><li>d</li></ul><script>alert('<p>')</script><!-- no --></body>")}},
			"Re: 1 < 2\na & b\nc\nd", Text, "19"},
		{"an e-mail without text", turn.Message{Subject: "Hi"}, "Hi", Text, "2"},
		{"an e-mail whose body was not read", turn.Message{Body: "pre", Media: []turn.Medium{body("text/plain", "")}}, "", Text, "0"},
		{"attributes that are no object", turn.Message{Body: "b", Attributes: `["subject"]`}, "b", Text, "1"},
		{"a subject that is no text", turn.Message{Body: "b", Attributes: `{"subject":1}`}, "b", Text, "1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := &Conversation{Account: "AC", SID: chat}
			c.add(task("WT1", agentStay("a", "ann", 0, 10)))
			m := test.message
			m.SID, m.Created, m.Updated, m.Index = "IM1", at(1), at(2), 7
			got := rows(t, c, turn.Transcript{Messages: []turn.Message{m}})
			r, text := got["turns IM1"], got["turn_contents IM1"]
			if s := model.TurnContents.Get(text, "text"); s.Str != test.text || s.IsNull() != (test.text == "") {
				t.Errorf("text %q, want %q", s.Str, test.text)
			}
			if cell(r, "turn_type") != test.kind || cell(r, "length") != test.length || cell(r, "turn_index") != "7" {
				t.Errorf("%s of %s at %s", cell(r, "turn_type"), cell(r, "length"), cell(r, "turn_index"))
			}
			want := fmt.Sprint(int64(at(2))*4096 + 10)
			if cell(r, "row_version") != want || model.TurnContents.Get(text, "row_version").String() != want || cell(r, "turn_time") != model.Millis(at(1)).String() || cell(r, "updated_at") != model.Millis(at(2)).String() {
				t.Errorf("version %s, want %s, at %s", cell(r, "row_version"), want, cell(r, "turn_time"))
			}
		})
	}
}

func TestAHostileMessageIsInItsTextAndNowhereElse(t *testing.T) {
	hostile := "\x00<script>alert(1)</script>'; DROP TABLE turns; --\u202egnp.exe\u2066\ufffd\U0001F469\u200d\U0001F4BB " + strings.Repeat("\u0301", 32<<10)
	c := &Conversation{Account: "AC", SID: chat}
	c.add(task("WT1", agentStay("a", "ann", 0, 10)))
	got := rows(t, c, turn.Transcript{Messages: []turn.Message{{SID: "IM1", Body: hostile, Author: hostile, Created: at(1), Updated: event.None}}})
	for name, r := range got {
		for i, v := range r {
			isText := name == "turn_contents IM1" && i == contents.text
			switch {
			case isText && v.Str != hostile:
				t.Error("the text was changed")
			case !isText && (strings.ContainsAny(v.Str, "\x00<\u202e") || len(v.Str) > 100):
				t.Errorf("%s: column %d holds it", name, i)
			}
		}
	}
}

func TestWhatIsWrittenAgain(t *testing.T) {
	c := &Conversation{Account: "AC", SID: chat}
	c.add(task("WT1", queueStay("q", 0, 20)))
	one, two := message("IM1", "system", 1), message("IM2", "system", 2)
	one.Updated = at(1)
	names := func(x turn.Transcript) (names []string) {
		for _, table := range []string{"turns", "turn_contents"} {
			all := rows(t, c, x)
			for _, sid := range []string{"IM1", "IM2"} {
				if all[table+" "+sid] != nil {
					names = append(names, table+" "+sid)
				}
			}
			x = turn.Transcript{}
			if table == "turns" {
				for _, sid := range []string{"IM1", "IM2"} {
					if all["turn_contents "+sid] != nil {
						names = append(names, "turn_contents "+sid)
					}
				}
			}
		}
		return names
	}
	check := func(what string, x turn.Transcript, want ...string) {
		t.Helper()
		if got := names(x); !cmp.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	both := turn.Transcript{Messages: []turn.Message{one, two}}
	check("at first", both, "turns IM1", "turns IM2", "turn_contents IM1", "turn_contents IM2")
	check("the same", both)
	touched := one
	touched.Updated = at(9)
	check("a receipt", turn.Transcript{Messages: []turn.Message{touched, two}})
	check("an older page", both)
	edited := touched
	edited.Updated, edited.Body = at(10), "hello, again"
	check("an edit", turn.Transcript{Messages: []turn.Message{edited, two}}, "turns IM1", "turn_contents IM1")
	check("a deletion", turn.Transcript{Messages: []turn.Message{edited}})
	more := task("WT1", queueStay("q", 0, 1.5), agentStay("a", "ann", 1.5, 20))
	more.Version = 11 * 4096
	c.add(more)
	check("attached anew", turn.Transcript{}, "turns IM2")
	c.add(task("WT1", queueStay("q", 0, 20)))
	check("by who knows less", turn.Transcript{})
}

func TestIndexesRise(t *testing.T) {
	x := turn.Transcript{Messages: []turn.Message{{SID: "IM1", Index: 0}, {SID: "IM2", Index: 5}}}
	if f := Faults(&x); f != "" {
		t.Errorf("a gap is a fault: %s", f)
	}
	x.Messages[1].Index = 0
	if f := Faults(&x); !strings.Contains(f, "IM2") {
		t.Errorf("a fault is not told: %q", f)
	}
}

func TestARecordingIsOneTurn(t *testing.T) {
	e := model.Engagements.NewRow()
	for name, text := range map[string]string{"account_sid": "AC", "engagement_id": "WR1", "reservation_sid": "WR1", "engagement_type": Agent, "task_sid": "WT1", "conversation_id": "c", "recording_url": "https://x/R", "agent_id": "WK1"} {
		e[model.Engagements.Col(name)] = model.Text(text)
	}
	e[model.Engagements.Col("start_time")], e[model.Engagements.Col("row_version")] = model.Millis(at(1)), model.Integer(7)
	got := map[model.TableID]string{}
	emit := func(id model.TableID, r model.Row) {
		cells := map[string]string{}
		for i, v := range r {
			if !v.IsNull() {
				cells[model.Tables[id].Columns[i].Name] = v.String()
			}
		}
		b, _ := json.Marshal(cells)
		got[id] = string(b)
	}
	RecordingTurn(e, false, emit)
	want := map[model.TableID]string{
		model.TurnsID:        `{"account_sid":"AC","conversation_id":"c","engagement_id":"WR1","row_version":"7","task_sid":"WT1","turn_id":"WR1","turn_time":"2026-03-02T00:01:00.000Z","turn_type":"Recording"}`,
		model.TurnContentsID: `{"account_sid":"AC","row_version":"7","text":"https://x/R","turn_id":"WR1"}`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	clear(got)
	e[model.Engagements.Col("recording_url")] = model.Value{}
	RecordingTurn(e, false, emit)
	if len(got) > 0 {
		t.Errorf("a turn without a recording: %v", got)
	}
}

func TestATaskIsReadAsItWasWritten(t *testing.T) {
	for _, want := range []Task{task("WT1", queueStay("q", 0, 5), agentStay("a", "ann", 5, 9)), {SID: "WT2", Open: true, Moments: 3, Left: true, Customer: []string{"+1", "x"}}} {
		b := want.Append(nil)
		got, err := parseTask(b)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%v\n%s", err, d)
		}
		for n := range b {
			if _, err := parseTask(b[:n]); err == nil {
				t.Errorf("%d of %d bytes are read", n, len(b))
			}
		}
	}
}
