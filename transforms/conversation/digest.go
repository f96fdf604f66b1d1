package conversation

import (
	"cmp"
	"regexp"
	"slices"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
)

// Voice is the task channel of calls, which have no transcript.
const Voice = "voice"

// A Digester makes of the events of a task what they tell of its conversation. It reuses its memory
// and serves one goroutine.
type Digester struct {
	overlay *attribute.Overlay
	namer   *Namer
}

// NewDigester returns a Digester. a are the attributes of the job; nil: the built-in ones.
func NewDigester(a *model.Attributes) *Digester {
	return &Digester{attribute.NewOverlay(a.Task()), NewNamer(a)}
}

// OfVoice tells whether a task is a call: by the first task channel that its events name.
func OfVoice(events []*event.Event) bool {
	for _, e := range events {
		if c := e.Text[event.Channel]; c != "" {
			return c == Voice
		}
	}
	return false
}

// Digest returns what the distinct events of a task, in order, tell of its conversation, and the SID
// of that, else of the Interaction that leads to it; empty if they name neither. Engagements are added by Task.AddStay, and the caller knows the
// conversation_id.
func (d *Digester) Digest(task string, events []*event.Event, named *customer.Named, version int64) (conversation string, t Task) {
	d.overlay.Reset()
	for _, e := range events {
		if e.HasTaskAttributes {
			d.overlay.Add(e.TaskAttributes)
		}
	}
	if conversation = cmp.Or(sidOf(d.overlay), interactionOf(d.overlay)); conversation == "" {
		return "", t
	}
	t = Task{SID: task, Version: version, Start: events[0].Time, Open: true, Customer: named.Reached()}
	var last attribute.Snapshot
	for _, e := range events {
		if e.Kind.EndsTask() {
			t.Open = false
		}
		if moments[e.Kind] || e.Kind.EndsTask() {
			t.Moments++
		}
		d.see(&t, e)
		if !e.HasTaskAttributes || e.TaskAttributes == last {
			continue
		}
		last = e.TaskAttributes
		d.overlay.Reset()
		d.overlay.Add(last)
		for _, id := range addressIDs {
			if s := d.overlay.Text(id); !customer.Withheld(customer.NormalizeAddress(s)) {
				t.name(s, customer.NormalizeAddress(s))
			}
		}
	}
	return conversation, t
}

// moments are the kinds of events, beside the ends of tasks, behind which a transcript is fetched:
// accounts delete conversations as they close them.
var moments = map[event.Kind]bool{
	event.ReservationWrapup: true, event.TransferInitiated: true, event.TransferCompleted: true,
}

var (
	addressIDs      = []attribute.ID{model.TaskTree.ID("customerAddress"), model.TaskTree.ID("from")}
	conversationID  = model.TaskTree.ID("conversationSid")
	channelID       = model.TaskTree.ID("channelSid")
	mediaID         = model.TaskTree.ID("conversations.media")
	contactURI      = model.WorkerTree.ID("contact_uri")
	conversationIDs = []attribute.ID{model.TaskTree.ID("conversations.conversation_id"), model.TaskTree.ID("conversations.conversation_jd")}
	conversationSID = regexp.MustCompile(`^CH[0-9a-f]{32}$`)
)

// sidOf returns the SID of the conversation that attributes name; empty without one.
func sidOf(o *attribute.Overlay) string {
	is := conversationSID.MatchString
	if s := o.Text(conversationID); is(s) {
		return s
	}
	media := slices.Clone(o.Media(mediaID))
	for _, m := range media {
		if m.Type == "ChatTranscript" && is(m.SID) {
			return m.SID
		}
	}
	for _, m := range media {
		if is(m.Conversation) {
			return m.Conversation
		}
	}
	if s := o.Text(channelID); is(s) {
		return s
	}
	return ""
}

// interactionOf returns the SID of the Interaction that attributes name; empty without one.
func interactionOf(o *attribute.Overlay) string {
	for _, id := range conversationIDs {
		if s := o.Text(id); interactionSID.MatchString(s) {
			return s
		}
	}
	return ""
}

// name adds texts that stand for the customer.
func (t *Task) name(texts ...string) {
	for _, s := range texts {
		if s != "" && !slices.Contains(t.Customer, s) {
			t.Customer = append(t.Customer, s)
		}
	}
}

// see adds the worker whom an event names.
func (d *Digester) see(t *Task, e *event.Event) {
	sid := e.Text[event.WorkerSID]
	if sid == "" {
		return
	}
	i := slices.IndexFunc(t.Workers, func(w Worker) bool { return w.SID == sid })
	if i >= 0 {
		t.Workers[i].Names = d.namer.add(t.Workers[i].Names, e)
	} else if names := d.namer.add(nil, e); len(names) > 0 {
		t.Workers = append(t.Workers, Worker{sid, names})
	}
}

// AddStay adds an engagement of the task, a row of engagements.
func (t *Task) AddStay(r model.Row) {
	e := &model.Engagements
	kind := e.Get(r, "engagement_type").Str
	if kind != Agent && kind != queue {
		return
	}
	s := Stay{
		ID: e.Get(r, "engagement_id").Str, Agent: kind == Agent, Worker: e.Get(r, "agent_id").Str,
		Start: event.Millis(e.Get(r, "start_time").Num), End: event.None,
	}
	if end := e.Get(r, "end_time"); !end.IsNull() {
		s.End = event.Millis(end.Num)
	}
	t.Stays = append(t.Stays, s)
}

// queue is the engagement_type of a stay in a queue.
const queue = "Queue"
