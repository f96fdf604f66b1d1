package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// Size says how much Draw draws. Zero values take one task and no worker.
type Size struct {
	Tasks, Workers int

	// Conflicts adds records of events that are there already, with the same id but other fields.
	Conflicts bool
}

// Draw draws a history: tasks of every lifecycle, with events that are missing, come twice or all
// in one millisecond, with attributes that change, vanish and break; and workers whose activities
// leave gaps, overlap and lack their times. The events of a task or worker are in order of time
// only by habit. Ids are distinct within an account but for Conflicts.
func Draw(t *rapid.T, s Size) []Event {
	return rapid.Custom(func(t *rapid.T) drawn { return draw(coins(t), s) }).Draw(t, "history")
}

// drawn prints itself in short where a test fails.
type drawn []Event

func (all drawn) GoString() string {
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "\n\t%v %s %s %s", float64(e.Time-Start)/1000, e.Kind, e.ID, e.Account)
		for _, k := range slices.Sorted(maps.Keys(e.Fields)) {
			fmt.Fprintf(&b, " %s=%s", k, marshal(e.Fields[k]))
		}
	}
	return b.String()
}

func draw(dice Dice, s Size) []Event {
	d := &drawing{Dice: dice}
	for i := range max(1, s.Tasks) {
		d.task(fmt.Sprint("WT", i+1))
	}
	for i := range s.Workers {
		d.worker(pick(d.Dice, accounts), fmt.Sprint("WK", i+1))
	}
	if d.OneIn(2) {
		d.strangers()
	}
	if s.Conflicts {
		d.conflicts()
	}
	return d.events
}

// drawing is a draw under way.
type drawing struct {
	Dice
	events       []Event
	ids          int
	reservations int

	// of the current task
	task0, now     int64
	account, sid   string
	channel        any
	queue          *[2]string
	entered        int64
	attributes     map[string]any
	ofReservations map[string]string // worker by reservation
}

// id returns an id that none has, in no order.
func (d *drawing) id() string {
	d.ids++
	return fmt.Sprintf("EV%02x%03d", d.N(256), d.ids)
}

// step lets time pass: often none, often little, and sometimes as much as a rule counts by.
func (d *drawing) step() {
	d.now += []int64{
		0, 0, 0, 1, 1000, 5000, 30000, 60000, int64(d.N(90000)), int64(d.N(90000)), int64(d.N(1000)) * 1000, 119999, 120000, 120001, 900000, int64(d.N(2000000)),
	}[d.N(16)]
}

func (d *drawing) emit(kind string, fields map[string]any) {
	f := map[string]any{"task_sid": d.sid, "workspace_sid": "WS" + d.account}
	if d.Often(3) {
		f["task_channel_unique_name"] = d.channel
	}
	if d.Often(3) {
		w := pick(d.Dice, workflows)
		f["workflow_sid"], f["workflow_name"] = w[0], w[1]
	}
	if d.queue != nil && d.Often(3) {
		f["task_queue_sid"] = d.queue[0]
		if d.Often(3) {
			f["task_queue_name"] = d.queue[1]
		}
		if d.Often(2) {
			f["task_queue_entered_date"] = d.instant(d.entered)
		}
	}
	if d.Often(2) {
		f["task_attributes"] = d.snapshot()
	}
	if d.OneIn(4) {
		f["reason"] = pick(d.Dice, reasons)
	}
	if d.OneIn(5) {
		f["worker_sid"] = pick(d.Dice, agents)
	}
	maps.Copy(f, fields)
	d.events = append(d.events, Event{Kind: kind, ID: d.id(), Account: d.account, Time: d.now, Fields: f})
}

// instant returns a time in a form that means exactly it.
func (d *drawing) instant(ms int64) any {
	switch d.N(8) {
	case 1:
		return ms
	case 2:
		return fmt.Sprint(ms)
	case 3:
		if ms%1000 == 0 {
			return ms / 1000
		}
	case 4:
		return stamp(ms + 2*3600*1000)[:23] + "+02:00"
	case 5:
		return stamp(ms)[:23]
	case 6:
		if d.OneIn(2) {
			return "soon"
		}
	}
	return stamp(ms)
}

func (d *drawing) reserve(what, reservation string, fields map[string]any) {
	f := map[string]any{"reservation_sid": reservation}
	if what != "failed" && d.Often(3) {
		f["worker_sid"] = d.ofReservations[reservation]
		if d.Often(2) {
			f["worker_name"] = pick(d.Dice, []any{"ann@example.com", "ann", "ann_40example_2Ecom", "", nil})
		}
		if d.Often(2) {
			f["worker_attributes"] = d.workerAttributes()
		}
	}
	if d.OneIn(2) {
		f["reservation_reason_code"] = pick(d.Dice, []any{45305, "45306", nil})
	}
	maps.Copy(f, fields)
	d.emit("reservation."+what, f)
}

func (d *drawing) create() string {
	d.reservations++
	r := fmt.Sprint("WR", d.reservations)
	d.ofReservations[r] = pick(d.Dice, agents)
	d.reserve("created", r, nil)
	return r
}

func (d *drawing) enter() {
	if d.queue == nil || d.OneIn(1) {
		q := pick(d.Dice, queues)
		d.queue = &q
	}
	d.entered = d.now
	d.emit("task-queue.entered", nil)
}

func (d *drawing) task(sid string) {
	first := len(d.events)
	d.account, d.sid, d.channel = pick(d.Dice, accounts), sid, pick(d.Dice, channels)
	d.now = Start + int64(d.N(3*3600))*1000
	d.task0, d.queue, d.attributes = d.now, nil, d.taskAttributes(nil)
	d.ofReservations = map[string]string{}
	if d.OneIn(3) {
		d.chaos()
	} else {
		d.lifecycle()
	}
	d.spoil(first)
}

// lifecycle draws a task as it goes: queues, offers, an end.
func (d *drawing) lifecycle() {
	d.emit("workflow.entered", nil)
	d.emit("task.created", nil)
	d.step()
	if d.Often(3) {
		d.enter()
	}
	for d.OneIn(2) {
		d.step()
		d.emit("task-queue.timeout", nil)
		d.emit("task-queue.moved", nil)
		d.enter()
	}
	for d.OneIn(2) {
		d.step()
		r := d.create()
		d.step()
		if d.Often(3) {
			d.reserve(pick(d.Dice, []string{"rejected", "timeout", "canceled", "rescinded", "failed"}), r, nil)
		}
	}
	d.step()
	switch d.N(8) {
	default:
		d.talk()
	case 5:
		if d.OneIn(1) {
			d.create()
			d.step()
		}
		d.emit("task.canceled", map[string]any{"task_canceled_reason": pick(d.Dice, reasons)})
	case 6:
		d.emit(pick(d.Dice, []string{"task.deleted", "task.system-deleted"}), nil)
	case 7: // still open
	}
	for d.OneIn(2) {
		d.step()
		d.attributes["conversations"] = map[string]any{"segment_link": pick(d.Dice, links), "outcome": pick(d.Dice, words)}
		d.emit("task.updated", nil)
	}
}

// talk draws agents at work: offers to several, transfers, wrap-ups, an end or none.
func (d *drawing) talk() {
	r := d.create()
	var others []string
	for d.OneIn(2) {
		others = append(others, d.create())
	}
	d.step()
	d.reserve("accepted", r, nil)
	for _, o := range others {
		if d.OneIn(2) {
			continue // not subscribed to
		}
		d.reserve("rescinded", o, nil)
	}
	for d.OneIn(2) { // somebody takes the task from the agent and gives it to another one
		d.step()
		d.reserve(pick(d.Dice, []string{"rejected", "timeout", "canceled", "rescinded", "failed"}), r, nil)
		d.step()
		if d.OneIn(2) {
			d.enter()
			d.step()
		}
		r = d.create()
		d.step()
		d.reserve("accepted", r, nil)
	}
	working := []string{r}
	for d.OneIn(2) {
		d.step()
		to := pick(d.Dice, queues)
		transfer := map[string]any{"transfer_to": to[0], "transfer_type": pick(d.Dice, []any{"QUEUE", "queue", nil})}
		if d.OneIn(2) {
			transfer = map[string]any{"transfer_to": pick(d.Dice, agents), "transfer_type": pick(d.Dice, []any{"WORKER", "worker", nil})}
		}
		d.emit("task.transfer-initiated", transfer)
		if transfer["transfer_to"] == to[0] && d.OneIn(1) {
			d.queue, d.entered = &to, d.now
			d.emit("task-queue.entered", nil)
		}
		if d.OneIn(1) {
			d.reserve("wrapup", r, nil)
		}
		d.step()
		n := d.create()
		d.step()
		switch d.N(4) {
		default:
			d.reserve("accepted", n, nil)
			d.emit("task.transfer-completed", nil)
			working = append(working, n)
			r = n
		case 2:
			d.reserve("rejected", n, nil)
			d.emit("task.transfer-failed", map[string]any{"transfer_failed_reason": pick(d.Dice, reasons)})
		case 3:
			d.reserve("canceled", n, nil)
			d.emit("task.transfer-canceled", nil)
		}
	}
	for _, w := range Shuffled(d.Dice, working) {
		d.step()
		if d.Often(2) {
			d.reserve("wrapup", w, nil)
			d.step()
		}
		if d.Often(3) {
			d.reserve("completed", w, nil)
		}
	}
	if d.Often(2) {
		kind := "task.completed"
		if d.OneIn(3) {
			kind = pick(d.Dice, []string{"task.canceled", "task.deleted", "task.system-deleted"})
		}
		d.emit(kind, map[string]any{"task_completed_reason": pick(d.Dice, reasons)})
	}
}

// chaos draws events of any kind in any order.
func (d *drawing) chaos() {
	kinds := []string{
		"task.created", "task.updated", "task.canceled", "task.completed", "task.deleted", "task.system-deleted", "task.wrapup",
		"task-queue.entered", "task-queue.entered", "task-queue.moved", "task-queue.timeout", "task.transfer-initiated", "task.transfer-initiated",
		"task.transfer-failed", "task.transfer-canceled", "task.transfer-completed", "task.transfer-attempt-failed",
		"workflow.entered", "workflow.timeout", "workflow.target-matched", "task.unheard-of", "workflow.rejected",
	}
	ofReservation := []string{"created", "accepted", "rejected", "timeout", "canceled", "rescinded", "failed", "wrapup", "completed", "unheard-of"}
	var reservations []string
	for range 1 + d.N(3) {
		d.reservations++
		r := fmt.Sprint("WR", d.reservations)
		d.ofReservations[r] = pick(d.Dice, agents)
		reservations = append(reservations, r)
	}
	for range 1 + d.N(14) {
		d.step()
		if d.OneIn(1) {
			d.reserve(pick(d.Dice, ofReservation), pick(d.Dice, reservations), nil)
			continue
		}
		switch kind := pick(d.Dice, kinds); kind {
		case "task-queue.entered":
			d.enter()
		case "task.transfer-initiated":
			d.emit(kind, map[string]any{"transfer_to": pick(d.Dice, queues)[0], "transfer_type": pick(d.Dice, []any{"QUEUE", nil, "WORKER"})})
		default:
			d.emit(kind, map[string]any{"transfer_failed_reason": pick(d.Dice, reasons), "task_canceled_reason": pick(d.Dice, reasons)})
		}
	}
}

// spoil takes events of the task away, or their attributes, or puts them all into one millisecond.
func (d *drawing) spoil(first int) {
	if d.OneIn(1) {
		bits := 1 + d.N(4)
		kept := d.events[:first]
		for _, e := range d.events[first:] {
			if len(kept) == first || d.Often(bits) {
				kept = append(kept, e)
			}
		}
		d.events = kept
	}
	mine := d.events[first:]
	switch d.N(16) {
	case 1:
		for i := range mine {
			mine[i].Time = d.task0
		}
	case 2:
		for i := range mine {
			delete(mine[i].Fields, "task_attributes")
		}
	case 3, 4:
		mine[d.N(len(mine))].Time = mine[d.N(len(mine))].Time
	}
}

// snapshot returns task_attributes, often other ones than before.
func (d *drawing) snapshot() any {
	if d.OneIn(4) {
		return pick(d.Dice, broken)
	}
	if d.OneIn(2) {
		next := d.taskAttributes(slices.Sorted(maps.Keys(d.ofReservations)))
		if d.OneIn(1) {
			d.attributes = next
		} else {
			d.attributes = maps.Clone(d.attributes)
			maps.Copy(d.attributes, next)
		}
		if d.OneIn(3) && len(d.attributes) > 0 {
			d.attributes = maps.Clone(d.attributes)
			d.attributes[pick(d.Dice, slices.Sorted(maps.Keys(d.attributes)))] = pick(d.Dice, scalars)
		}
	}
	return string(marshal(d.attributes))
}

// some puts a drawn value under some of the names.
func (d *drawing) some(to map[string]any, bits int, values []any, names ...string) {
	for _, n := range names {
		if d.OneIn(bits) {
			to[n] = pick(d.Dice, values)
		}
	}
}

func (d *drawing) taskAttributes(reservations []string) map[string]any {
	a := map[string]any{}
	d.some(a, 1, directions, "direction")
	d.some(a, 1, phones, "from", "to")
	d.some(a, 3, phones, "caller", "called", "customerAddress", "outbound_to")
	d.some(a, 3, words, "from_country", "to_country", "from_state", "to_state")
	d.some(a, 2, types, "channelType")
	d.some(a, 3, types, "customChannelType")
	d.some(a, 3, phones, "name", "twilioNumber", "customerPhone")
	d.some(a, 4, truths, "internal", "client_call")
	d.some(a, 4, hosts, "conferenceSid")
	d.some(a, 4, externals, "customerId")
	d.some(a, 4, mails, "customerEmail")
	if d.OneIn(4) {
		form := map[string]any{"email": pick(d.Dice, mails)}
		a["pre_engagement_data"] = pick(d.Dice, []any{form, string(marshal(form)), "{bad", nil})
	}
	if d.OneIn(4) {
		a["callBackData"] = map[string]any{"numberToCallFrom": pick(d.Dice, phones), "recordingUrl": pick(d.Dice, links)}
	}
	if d.Often(2) {
		c := map[string]any{}
		d.some(c, 3, words, conversationTexts...)
		d.some(c, 3, numbers, conversationNumbers...)
		d.some(c, 2, directions, "direction")
		d.some(c, 2, []any{"KD1", "KD2", "", nil, " KD1 ", 77}, "conversation_id", "conversation_jd")
		d.some(c, 3, links, "segment_link", "sgement_link")
		d.some(c, 3, truths, "abandoned")
		d.some(c, 4, truths, "virtual")
		d.some(c, 4, slices.Concat(phones, mails, externals), "case", "outcome", "attribute_1", "company_contact", "conversation_id")
		if d.OneIn(4) {
			c["customers"] = map[string]any{"phone": pick(d.Dice, phones), "email": pick(d.Dice, mails)}
		}
		if d.OneIn(3) {
			c["media"] = d.media()
		}
		a["conversations"] = c
	}
	if d.OneIn(1) {
		u := map[string]any{}
		d.some(u, 3, externals, "external_id")
		d.some(u, 2, phones, "phone")
		d.some(u, 2, mails, "email")
		d.some(u, 2, words, customerTexts...)
		a["customers"] = u
	}
	if len(reservations) > 0 && d.OneIn(2) {
		r := map[string]any{}
		for _, sid := range reservations {
			r[sid] = map[string]any{"media": d.media()}
		}
		if d.OneIn(3) {
			r[reservations[0]] = "gone"
		}
		a["reservation_attributes"] = r
	}
	return a
}

func (d *drawing) media() any {
	if d.OneIn(3) {
		return pick(d.Dice, scalars)
	}
	var m []any
	for range d.N(3) {
		m = append(m, pick(d.Dice, []any{
			map[string]any{"type": "VoiceRecording", "url": pick(d.Dice, links)}, map[string]any{"customers": map[string]any{"phone": pick(d.Dice, phones)}},
			map[string]any{"type": "ChatTranscript", "url": "https://chat"},
			map[string]any{"url": "https://untyped"}, "text", nil,
		}))
	}
	return m
}

func (d *drawing) workerAttributes() any {
	if d.OneIn(4) {
		return pick(d.Dice, broken)
	}
	a := map[string]any{}
	d.some(a, 2, words, workerTexts...)
	d.some(a, 1, roles, "role", "roles")
	d.some(a, 2, numbers, "cost_per_hour", "cost_per_engagement")
	return string(marshal(a))
}

// worker draws the life of a worker: updates of activities, now and then without the time in the
// previous one, or with one that leaves a gap or overlaps; other events between; deletions.
func (d *drawing) worker(account, sid string) {
	d.now = Start + int64(d.N(7200)-3600)*1000
	current, since := pick(d.Dice, activities), d.now
	emit := func(kind string, f map[string]any) {
		f["worker_sid"] = sid
		if d.Often(2) {
			f["worker_name"] = pick(d.Dice, []any{"ann@example.com", "ann", ""})
		}
		if d.OneIn(1) {
			f["worker_attributes"] = d.workerAttributes()
		}
		d.events = append(d.events, Event{Kind: kind, ID: d.id(), Account: account, Time: d.now, Fields: f})
	}
	emit("worker.created", map[string]any{})
	for range d.N(10) {
		d.step()
		if d.OneIn(3) {
			d.now -= d.now % 900000
		}
		switch d.N(8) {
		case 7:
			emit("worker.deleted", map[string]any{})
			continue
		case 6:
			emit(pick(d.Dice, []string{"worker.attributes.update", "worker.capacity.update", "worker.unheard-of"}), map[string]any{"worker_activity_name": current[1]})
			continue
		}
		next := pick(d.Dice, activities)
		f := map[string]any{"worker_activity_sid": next[0], "worker_activity_name": next[1]}
		if d.Often(4) {
			f["worker_previous_activity_sid"], f["worker_previous_activity_name"] = current[0], current[1]
		}
		if d.OneIn(4) {
			f["worker_previous_activity_name"] = pick(d.Dice, []any{"OFFLINE", "", nil, "Other"})
		}
		for_ := max(0, d.now-since)
		switch d.N(8) {
		case 5:
			for_ += int64(d.N(1800000))
		case 6:
			for_ = max(0, for_-int64(d.N(900000)))
		case 7:
			for_ = 0
		}
		switch d.N(4) {
		default:
			f["worker_time_in_previous_activity_ms"] = pick(d.Dice, []any{for_, fmt.Sprint(for_)})
		case 2:
			f["worker_time_in_previous_activity"] = pick(d.Dice, []any{for_ / 1000, fmt.Sprint(for_ / 1000)})
			f["worker_time_in_previous_activity_ms"] = pick(d.Dice, []any{nil, "", "long"})
		case 3:
		}
		d.some(f, 1, []any{true, false, 1, 0, "true", "false", "1", "True", nil, ""}, "worker_available")
		emit("worker.activity.update", f)
		current, since = next, d.now
	}
}

// strangers adds events that belong to no task or worker, and one that has the id of an event of
// another account.
func (d *drawing) strangers() {
	e := pick(d.Dice, d.events)
	e.Account = "AC3"
	for field, sid := range map[string]string{"task_sid": "WT99", "worker_sid": "WK99"} {
		if e.Text(field) != "" {
			e = e.With(field, sid) // SIDs are never of two accounts
		}
	}
	d.events = append(d.events, e, Event{
		Kind: pick(d.Dice, []string{"task-queue.created", "workspace.updated"}), ID: d.id(), Account: d.account, Time: d.now, Fields: map[string]any{"task_queue_sid": "WQ9"},
	})
}

// conflicts adds records that contradict others of the same id, but for the task and worker.
func (d *drawing) conflicts() {
	for range 1 + d.N(4) {
		e := pick(d.Dice, d.events)
		switch d.N(4) {
		case 0:
			e.Time += pick(d.Dice, []int64{-1, 1, 1000})
		case 1:
			e = e.With("task_queue_name", "Other name")
		case 2:
			e = e.With("task_attributes", d.snapshot()).With("worker_attributes", d.workerAttributes())
		case 3:
			e = e.With("reason", "another reason")
		}
		d.events = append(d.events, e)
	}
}
