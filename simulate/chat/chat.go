// Package chat invents what was said in the conversations that events tell of: for every task that is
// no call, what a bot, the customer and each agent who took the task wrote, at times that fit its
// events. The same events give the same words.
package chat

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/conversation"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/decode"
)

// A Chat is one conversation of an account.
type Chat struct {
	Account, SID string
	Participants []twiliolocal.Participant
	Messages     []twiliolocal.Message // by their times
}

// AddTo adds the chat to a local Twilio.
func (c *Chat) AddTo(s *twiliolocal.Server) {
	s.AddConversation(twiliolocal.Conversation{SID: c.SID, State: "closed"})
	for _, p := range c.Participants {
		s.AddParticipant(c.SID, p)
	}
	for _, m := range c.Messages {
		s.AddMessage(c.SID, m)
	}
}

// Read returns the chats of the events in text: records in any form that flexbeam reads, one a line.
// What is no event is passed over.
func Read(text []byte) []*Chat {
	r := reader{tasks: map[string][]*event.Event{}}
	d := decode.New()
	for line := range bytes.Lines(text) {
		d.Line(line, &r)
	}
	slices.Sort(r.order)
	digester, chats := conversation.NewDigester(nil), map[string]*Chat{}
	var all []*Chat
	for _, key := range r.order {
		events, err := event.Distinct(r.tasks[key], func(event.Place) ([]byte, error) { return nil, event.ErrNoText })
		account, task, _ := strings.Cut(key, "\x00")
		if err != nil || conversation.OfVoice(events) {
			continue
		}
		sid, _ := digester.Digest(task, events, new(customer.Named), 0)
		if sid == "" {
			continue
		}
		c := chats[account+sid]
		if c == nil {
			c = &Chat{Account: account, SID: sid}
			chats[account+sid] = c
			all = append(all, c)
		}
		w := writer{Chat: c, task: task, events: events, overlay: attribute.NewOverlay(model.TaskTree)}
		w.write()
	}
	for _, c := range all {
		slices.SortStableFunc(c.Messages, func(a, b twiliolocal.Message) int {
			return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.SID, b.SID))
		})
	}
	return all
}

// reader takes the events of tasks.
type reader struct {
	tasks map[string][]*event.Event
	order []string // keys of tasks
}

// Event implements decode.Visitor.
func (r *reader) Event(e *event.Event) {
	task := e.Text[event.TaskSID]
	if task == "" {
		return
	}
	key := event.Key(e.Text[event.AccountSID], task)
	if r.tasks[key] == nil {
		r.order = append(r.order, key)
	}
	kept := *e
	r.tasks[key] = append(r.tasks[key], &kept)
}

// Dropped implements decode.Visitor.
func (*reader) Dropped() { /* it is no task's */ }

// Refused implements decode.Visitor.
func (*reader) Refused(*decode.Error, []byte, decode.Spot) { /* it is no event */ }

// writer writes what was said in a task.
type writer struct {
	*Chat
	task    string
	events  []*event.Event
	overlay *attribute.Overlay
	said    int
}

var (
	addressID  = model.TaskTree.ID("customerAddress")
	nameID     = model.TaskTree.ID("name")
	channelID  = model.TaskTree.ID("channelType")
	contactURI = model.WorkerTree.ID("contact_uri")
)

func (w *writer) write() {
	for _, e := range w.events {
		if e.HasTaskAttributes {
			w.overlay.Add(e.TaskAttributes)
		}
	}
	customer := w.customer()
	begin := w.events[0].Time
	w.say(begin, twiliolocal.Message{Author: w.SID, Body: pick(greetings, w.hash("greeting"))})
	w.say(begin+2000, twiliolocal.Message{Author: customer.author, Participant: customer.sid, Body: pick(questions, w.hash("question"))})
	for i, e := range w.events {
		if e.Kind == event.ReservationAccepted && e.Text[event.WorkerSID] != "" {
			w.talk(customer, e, w.events[i+1:])
		}
	}
}

// talk writes what an agent and the customer say until the agent has done with the reservation.
func (w *writer) talk(customer speaker, accepted *event.Event, later []*event.Event) {
	end := accepted.Time + 5*60*1000
	for _, e := range later {
		own := e.Text[event.ReservationSID] == accepted.Text[event.ReservationSID] && e.Kind.OfReservation()
		if own && (e.Kind == event.ReservationWrapup || e.Kind == event.ReservationCompleted) || e.Kind.EndsTask() {
			end = e.Time
			break
		}
	}
	agent := w.agent(accepted)
	lines := int(w.hash("lines"+accepted.ID)%5) + 2
	step := min((end-accepted.Time)/event.Millis(2*lines+1), 40_000)
	if step < 1000 {
		lines, step = 1, 1000
	}
	at := accepted.Time
	for i := range lines {
		at += step
		h := w.hash(fmt.Sprint(accepted.ID, i))
		w.say(at, twiliolocal.Message{Author: agent.author, Participant: agent.sid, Body: pick(answers, h)})
		at += step
		m := twiliolocal.Message{Author: customer.author, Participant: customer.sid, Body: pick(replies, h>>8)}
		if h%13 == 0 {
			m.Media = []twiliolocal.Medium{{SID: sid("ME", w.task, i), Type: "image/jpeg", Name: "photo.jpg", Content: []byte("a picture")}}
		}
		w.say(at, m)
	}
}

// say adds a message at a time, in whole seconds as the service shows them.
func (w *writer) say(at event.Millis, m twiliolocal.Message) {
	m.SID, m.Created = sid("IM", w.task, w.said), time.UnixMilli(int64(at)).UTC().Truncate(time.Second)
	w.said++
	w.Messages = append(w.Messages, m)
}

// A speaker is who writes a message.
type speaker struct{ author, sid string }

// customer returns the customer, who takes part from a messaging address, or in a web chat as a guest.
func (w *writer) customer() speaker {
	address := cmp.Or(w.overlay.Text(addressID), w.overlay.Text(nameID), "guest")
	p := twiliolocal.Participant{SID: sid("MB", w.SID, 0)}
	channel := w.overlay.Text(channelID)
	switch {
	case channel == "web" || channel == "chat" || address == "guest":
		address = "guest-" + w.SID[2:10]
		p.Identity, p.Attributes = address, `{"member_type":"guest"}`
	default:
		p.Binding = map[string]any{"type": cmp.Or(channel, "sms"), "address": address, "proxy_address": "+15550100000"}
	}
	w.join(p)
	return speaker{address, p.SID}
}

// agent returns the agent who accepted a reservation, who is among the participants as long as he
// takes part: two of three leave.
func (w *writer) agent(accepted *event.Event) speaker {
	identity := accepted.Text[event.WorkerName]
	if accepted.HasWorkerAttrs {
		o := attribute.NewOverlay(model.WorkerTree)
		o.Add(accepted.WorkerAttributes)
		identity = cmp.Or(strings.TrimPrefix(o.Text(contactURI), "client:"), identity)
	}
	if identity == "" {
		identity = accepted.Text[event.WorkerSID]
	}
	p := twiliolocal.Participant{SID: sid("MB", w.SID+accepted.Text[event.WorkerSID], 1), Identity: identity}
	if w.hash(p.SID)%3 == 0 {
		w.join(p)
	}
	return speaker{identity, p.SID}
}

func (w *writer) join(p twiliolocal.Participant) {
	if !slices.ContainsFunc(w.Participants, func(q twiliolocal.Participant) bool { return q.SID == p.SID }) {
		w.Participants = append(w.Participants, p)
	}
}

// hash is a number that follows from the task and a word.
func (w *writer) hash(word string) uint64 { return hashOf(w.task + "\x00" + word) }

func hashOf(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	x := h.Sum64()
	x ^= x >> 29
	return x * 0x9e3779b97f4a7c15 >> 7
}

// sid is a SID of a kind that follows from a text and a number.
func sid(kind, of string, n int) string {
	return fmt.Sprintf("%s%016x%016x", kind, hashOf(of), hashOf(fmt.Sprint(n, of)))
}

func pick(texts []string, h uint64) string { return texts[h%uint64(len(texts))] }

var (
	greetings = []string{"Hello! Please tell us what it is about, somebody will be with you shortly.", "Welcome. What can we do for you?"}
	questions = []string{
		"My order has not arrived yet.", "I was charged twice this month.", "How do I change my address?", "The device does not start any more 😟",
		"¿Puedo cambiar la fecha de entrega?", "I want to cancel my subscription.",
	}
	answers = []string{
		"Let me look that up for you.", "Thank you for waiting. I can see it here.", "Could you tell me the number on the invoice?",
		"That is done, you will get a confirmation by e-mail.", "I am sorry about that.", "Is there anything else?",
	}
	replies = []string{"Yes.", "It is 4711.", "Thank you!", "One moment, please…", "That would be great.", "No, that is all."}
)
