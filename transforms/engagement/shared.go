package engagement

import (
	"cmp"
	"slices"
	"strings"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/customer"
)

// table is short for the table that this package fills.
var table = &model.Engagements

// columns are those of the table that are read from attributes, by how they are read.
type columns struct {
	text, number, time, agent                          []attributeColumn
	conversation, queue, channel, channelType, company model.Paths
}

// newColumns resolves the columns from the table's sources and from further paths of a job.
func newColumns(a *model.Attributes) *columns {
	c := &columns{
		text:         sourced(a, model.FromTask, model.String, "channel_type", "company_contact", "conversation_id", "direction", "queue", "channel", "recording_url"),
		number:       sourced(a, model.FromTask, model.Float, "focus_time_seconds", "hold_time_seconds"),
		agent:        sourced(a, model.FromWorker, model.String, "engaged_role"),
		conversation: a.Paths(table, "conversation_id"), queue: a.Paths(table, "queue"), channel: a.Paths(table, "channel"),
		channelType: a.Paths(table, "channel_type"), company: a.Paths(table, "company_contact"),
	}
	for _, name := range []string{"focus_time_seconds", "hold_time_seconds"} {
		c.time = append(c.time, attributeColumn{table.Col(name), a.Paths(table, name).All()})
	}
	return c
}

// sourced returns the columns of a type that come from attributes alone, but for those that have a
// rule.
func sourced(a *model.Attributes, o model.Origin, t model.Type, ruled ...string) []attributeColumn {
	var all []attributeColumn
	for i, c := range table.Columns {
		if c.Type == t && len(c.Sources) > 0 && c.Sources[0].Origin == o && !slices.Contains(ruled, c.Name) {
			all = append(all, attributeColumn{i, a.Paths(table, c.Name).All()})
		}
	}
	return all
}

// eventColumns are those of the table that are fields of events.
var eventColumns = []eventColumn{
	{table.Col("queue_sid"), event.QueueSID},
	{table.Col("workspace_sid"), event.WorkspaceSID},
	{table.Col("workflow_sid"), event.WorkflowSID},
	{table.Col("workflow_name"), event.WorkflowName},
}

type attributeColumn struct {
	col int
	ids []attribute.ID
}

type eventColumn struct {
	col   int
	field event.Field
}

var col = struct {
	account, id, kind, status, outcome, conversation, task, reservation, agent, contact, start, end,
	engagement, wrapUp, invitation, wait, queue, queueSID, channel, channelType, vendor, platform, direction,
	companyContact, role, recording, endReason, inferred, virtual, updatedAt, version int
}{
	account: table.Col("account_sid"), id: table.Col("engagement_id"), kind: table.Col("engagement_type"), status: table.Col("status"),
	outcome: table.Col("outcome_type"), conversation: table.Col("conversation_id"), task: table.Col("task_sid"),
	reservation: table.Col("reservation_sid"), agent: table.Col("agent_id"), contact: table.Col("contact_id"),
	start: table.Col("start_time"), end: table.Col("end_time"), engagement: table.Col("engagement_time_seconds"),
	wrapUp: table.Col("wrap_up_time_seconds"), invitation: table.Col("invitation_time_seconds"), wait: table.Col("wait_time_seconds"),
	queue: table.Col("queue"), queueSID: table.Col("queue_sid"), channel: table.Col("channel"), channelType: table.Col("channel_type"),
	vendor: table.Col("channel_vendor"), platform: table.Col("platform"), direction: table.Col("direction"),
	companyContact: table.Col("company_contact"), role: table.Col("engaged_role"), recording: table.Col("recording_url"),
	endReason: table.Col("end_reason"), inferred: table.Col("inferred"), virtual: table.Col("is_virtual"), updatedAt: table.Col("updated_at"), version: table.Col("row_version"),
}

var (
	conferenceID = model.TaskTree.ID("conferenceSid")
	virtualID    = model.TaskTree.ID("conversations.virtual")
	abandonedID  = model.TaskTree.ID("conversations.abandoned")
	linkIDs      = []attribute.ID{model.TaskTree.ID("conversations.segment_link"), model.TaskTree.ID("conversations.sgement_link")}
	mediaID      = model.TaskTree.ID("conversations.media")
	companyIn    = []attribute.ID{model.TaskTree.ID("to"), model.TaskTree.ID("called")}
	companyOut   = []attribute.ID{model.TaskTree.ID("from"), model.TaskTree.ID("caller")}
	voicemailID  = model.TaskTree.ID("callBackData.recordingUrl")
)

// hidden are the columns whose text a contact key hides if it equals a contact. These are all texts
// but SIDs and words of the model (contract, section 9). contact_id and conversation_id have rules
// of their own.
var hidden = func() []int {
	clear := strings.Fields("account_sid engagement_id engagement_type status outcome_type conversation_id task_sid reservation_sid agent_id " +
		"contact_id queue_sid channel_type channel_vendor platform direction workspace_sid workflow_sid")
	var cols []int
	for i, c := range table.Columns {
		if c.Type == model.String && !slices.Contains(clear, c.Name) {
			cols = append(cols, i)
		}
	}
	return cols
}()

// HiddenColumns returns the names of the columns whose text a contact key hides if it equals a
// contact: all but contact_id and conversation_id, which have rules of their own.
func HiddenColumns() (names []string) {
	for _, i := range hidden {
		names = append(names, table.Columns[i].Name)
	}
	return names
}

// taskValues are the values that are chosen once for a task (rule 14).
type taskValues struct {
	Task
	conversation, direction string
	virtual                 bool
	updatedAt               event.Millis
}

func (f *Folder) values(t Task, events []*event.Event) *taskValues {
	v := &taskValues{Task: t, direction: customer.DirectionOf(f.all), virtual: f.all.True(virtualID)}
	v.conversation = f.ConversationID(t)
	v.updatedAt = events[len(events)-1].Time // events are sorted by time
	return v
}

// ConversationID returns the conversation_id of the task that was folded last (rule 14).
func (f *Folder) ConversationID(t Task) string {
	p := f.columns.conversation
	id := cmp.Or(f.all.First(p.Before...), f.all.First(p.BuiltIn...))
	if c := f.all.Text(conferenceID); id == "" && strings.HasPrefix(c, "WT") {
		id = c
	}
	return t.Named.Conversation(cmp.Or(id, f.all.First(p.Behind...), t.SID))
}

// fill fills f.row with a span's values. o is the span's overlay. recording is that for recordings,
// nil if there can be none.
func (f *Folder) fill(t *taskValues, s *span, events []*event.Event, o, recording *attribute.Overlay) {
	r := f.row
	clear(r)
	r[col.account] = model.Text(t.Account)
	r[col.id] = model.Text(s.id)
	r[col.kind] = model.Text(s.kind)
	r[col.status] = model.Text(s.status)
	r[col.outcome] = model.Text(s.outcome)
	r[col.conversation] = model.Text(t.conversation)
	r[col.task] = model.Text(t.SID)
	r[col.contact] = model.Text(t.Contact)
	r[col.start] = model.Millis(s.start)
	if !s.open() {
		r[col.end] = model.Millis(s.end)
	}
	r[col.engagement] = seconds(s.engagement)
	r[col.wrapUp] = seconds(s.wrapUp)
	r[col.invitation] = seconds(s.invitation)
	r[col.wait] = seconds(s.wait)
	r[col.vendor] = model.Text("Twilio")
	r[col.platform] = model.Text("Flex")
	r[col.direction] = model.Text(t.direction)
	r[col.inferred] = model.Boolean(s.inferred)
	r[col.virtual] = model.Boolean(t.virtual)
	r[col.updatedAt] = model.Millis(t.updatedAt)
	r[col.version] = model.Integer(t.Version)
	if s.closing != nil && s.outcome != Moved {
		r[col.endReason] = model.Text(s.endReason())
	}

	for _, c := range f.columns.text {
		r[c.col] = model.Text(o.First(c.ids...))
	}
	for _, c := range f.columns.number {
		r[c.col] = decimal(o, c.ids)
	}
	for _, c := range f.columns.time {
		if v := decimal(o, c.ids); !v.IsNull() && v.Float64() >= 0 {
			r[c.col] = v
		}
	}
	for _, c := range eventColumns {
		r[c.col] = model.Text(f.fromEvents(s, events, c.field))
	}
	if s.transfer {
		r[col.queueSID] = model.Text(s.opening.Text[event.TransferTo])
	}
	medium := f.fromEvents(s, events, event.Channel)
	r[col.queue] = model.Text(firstOf(o, f.columns.queue, func() string { return f.queueName(s, events) }))
	r[col.channel] = model.Text(firstOf(o, f.columns.channel, func() string { return medium }))
	r[col.channelType] = model.Text(channelType(o, f.columns.channelType, medium))
	r[col.companyContact] = model.Text(f.companyContact(t, o))

	if s.reservation != nil {
		r[col.reservation] = model.Text(s.reservation.sid)
		f.fillAgent(s.reservation)
		if s.kind == Agent && recording != nil {
			r[col.recording] = model.Text(recordingURL(recording, s.reservation.sid, medium == "voice"))
		}
	}
	if t.Named.Hides() {
		for _, c := range hidden {
			r[c] = model.Text(t.Named.Hide(r[c].Str))
		}
	}
}

// firstOf returns the first text of a column that is not empty; what events tell counts with the
// built-in paths.
func firstOf(o *attribute.Overlay, p model.Paths, told func() string) string {
	if s := cmp.Or(o.First(p.Before...), o.First(p.BuiltIn...)); s != "" {
		return s
	}
	return cmp.Or(told(), o.First(p.Behind...))
}

// companyContact returns the company's address: the first that is not withheld and does not name
// the customer (contract, section 9).
func (f *Folder) companyContact(t *taskValues, o *attribute.Overlay) string {
	byDirection := companyIn
	if customer.Outgoing(t.direction) {
		byDirection = companyOut
	}
	p := f.columns.company
	for _, ids := range [][]attribute.ID{p.Before, p.BuiltIn, byDirection, p.Behind} {
		for _, id := range ids {
			if c := t.Named.Company(o.Text(id)); c != "" {
				return c
			}
		}
	}
	return ""
}

// fillAgent fills agent_id and the engaged_* columns, each from the first event that has it:
// accepted, created, then the reservation's others in order (rule 12).
func (f *Folder) fillAgent(r *reservation) {
	row := f.row
	var last attribute.Snapshot
	seen := false
	visit := func(e *event.Event) {
		if row[col.agent].IsNull() && e.Text[event.WorkerSID] != "" {
			row[col.agent] = model.Text(e.Text[event.WorkerSID])
		}
		if !e.HasWorkerAttrs || seen && e.WorkerAttributes == last {
			return
		}
		last, seen = e.WorkerAttributes, true
		f.roles.Reset()
		f.roles.Add(e.WorkerAttributes)
		for _, c := range f.columns.agent {
			if row[c.col].IsNull() {
				row[c.col] = model.Text(f.roles.First(c.ids...))
			}
		}
		if row[col.role].IsNull() {
			row[col.role] = model.Text(agent.Role(f.roles))
		}
	}
	if r.accepted != nil {
		visit(r.accepted)
	}
	if r.created != nil {
		visit(r.created)
	}
	for _, e := range r.events {
		visit(e)
	}
}

// fromEvents returns a field from the row's opening event, else its other events, else the task's
// others in order (rule 12).
func (f *Folder) fromEvents(s *span, events []*event.Event, field event.Field) string {
	if v := s.opening.Text[field]; v != "" {
		return v
	}
	of := s.reservation
	if field == event.QueueSID || field == event.QueueName {
		of = cmp.Or(of, s.from) // rule 7: the queue of the agent who had the task
	}
	if of != nil {
		for _, e := range of.events {
			if v := e.Text[field]; v != "" {
				return v
			}
		}
	}
	if s.reservation == nil && s.closing != nil {
		if v := s.closing.Text[field]; v != "" {
			return v
		}
	}
	for _, e := range events {
		if v := e.Text[field]; v != "" {
			return v
		}
	}
	return ""
}

// queueName returns task_queue_name of the row. A queue that a transfer went to has its name from
// an event with the queue's SID; the closing event comes first (rule 2).
func (f *Folder) queueName(s *span, events []*event.Event) string {
	if !s.transfer {
		return f.fromEvents(s, events, event.QueueName)
	}
	sid := s.opening.Text[event.TransferTo]
	if c := s.closing; c != nil && c.Text[event.QueueSID] == sid && c.Text[event.QueueName] != "" {
		return c.Text[event.QueueName]
	}
	for _, e := range events {
		if e.Text[event.QueueSID] == sid && e.Text[event.QueueName] != "" {
			return e.Text[event.QueueName]
		}
	}
	return ""
}

// endReason returns the closing event's own reason, else its general one, else the reservation's
// code. For a taking-away without any of them it returns the word for its kind (contract, sections
// 2.6 and 9).
func (s *span) endReason() string {
	reason := endReason(s.closing)
	if reason == "" && s.kind == Agent && s.closing == s.reservation.taking {
		return strings.TrimPrefix(s.closing.Kind.String(), "reservation.")
	}
	return reason
}

func endReason(e *event.Event) string {
	own := event.NumFields
	switch e.Kind {
	case event.TaskCanceled:
		own = event.CanceledReason
	case event.TaskCompleted:
		own = event.CompletedReason
	case event.TransferFailed, event.TransferCanceled, event.TransferCompleted, event.TransferAttemptFailed:
		own = event.TransferFailedReason
	}
	if own < event.NumFields && e.Text[own] != "" {
		return e.Text[own]
	}
	if e.Text[event.Reason] != "" {
		return e.Text[event.Reason]
	}
	return e.Text[event.ReasonCode]
}

// recordingURL returns the link of a recording. For a voice task that is the task's, else one of
// the reservation's media, else one of the conversation's. For any task it may be the message that
// a caller left. A link that is no URL of the web is passed over.
func recordingURL(o *attribute.Overlay, reservation string, voice bool) string {
	if voice {
		for _, id := range linkIDs {
			if link := o.Text(id); isWeb(link) {
				return link
			}
		}
		for _, media := range [][]attribute.Medium{o.MediaOf(reservation), o.Media(mediaID)} {
			for _, m := range media {
				if m.Type == "VoiceRecording" && isWeb(m.URL) {
					return m.URL
				}
			}
		}
	}
	if link := o.Text(voicemailID); isWeb(link) {
		return link
	}
	return ""
}

func isWeb(url string) bool {
	scheme, _, ok := strings.Cut(url, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// channelType returns the first kind of channel that is known (contract, section 9).
func channelType(o *attribute.Overlay, p model.Paths, medium string) string {
	known := func(ids []attribute.ID) string {
		for _, id := range ids {
			if t := channelTypes[Letters(o.Text(id))]; t != "" {
				return t
			}
		}
		return ""
	}
	return cmp.Or(known(p.Before), known(p.BuiltIn), channelTypes[Letters(medium)], known(p.Behind), "Task")
}

var channelTypes = func() map[string]string {
	m := map[string]string{}
	for kind, names := range map[string]string{
		"Voice": "voice call phone pstn",
		"Chat": "chat web webchat messenger whatsapp gbm facebook facebookmessenger instagram line telegram viber wechat twitter " +
			"apple applemessages google",
		"SMS":   "sms mms rcs",
		"Email": "email",
		"Video": "video",
	} {
		for _, n := range strings.Fields(names) {
			m[n] = kind
		}
	}
	return m
}()

func seconds(ms event.Millis) model.Value {
	if ms == event.None {
		return model.Value{}
	}
	return model.Seconds(ms)
}

// decimal returns the number at the first path that is not empty; that path alone decides
// (contract, section 9).
func decimal(o *attribute.Overlay, ids []attribute.ID) model.Value {
	for _, id := range ids {
		if o.Has(id) {
			if f, ok := o.Number(id); ok {
				return model.Number(f)
			}
			break
		}
	}
	return model.Value{}
}
