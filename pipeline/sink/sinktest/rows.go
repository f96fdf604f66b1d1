package sinktest

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// Engagements returns changes of n engagements as a busy account has them, in blocks of about size
// bytes: two thirds of the rows are of queues, the keys come in no order, texts and numbers vary as
// they do in life. Equal arguments give equal blocks. It feeds benchmarks.
func Engagements(n, size int, seed uint64) []change.Block {
	d := &dice{rand.New(rand.NewPCG(seed, 7))}
	var blocks []change.Block
	var b change.Block
	for range n {
		b = b.Append(change.Change{Table: model.EngagementsID, Row: d.engagement()})
		if len(b) >= size {
			blocks, b = append(blocks, b), make(change.Block, 0, size+size/8)
		}
	}
	if len(b) > 0 {
		blocks = append(blocks, b)
	}
	return blocks
}

type dice struct{ *rand.Rand }

func (d *dice) sid(prefix string) string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], d.Uint64())
	binary.LittleEndian.PutUint64(b[8:], d.Uint64())
	return prefix + hex.EncodeToString(b[:])
}

// known returns one of n fixed SIDs, the lower ones more often.
func (d *dice) known(prefix string, n int) string {
	k := d.IntN(d.IntN(n) + 1)
	f := &dice{rand.New(rand.NewPCG(uint64(k), uint64(prefix[0])<<8|uint64(prefix[1])))}
	return f.sid(prefix)
}

func (d *dice) of(s ...string) string { return s[d.IntN(len(s))] }

func (d *dice) seconds(most float64) model.Value {
	return model.Seconds(int64(d.Float64() * d.Float64() * most * 1000))
}

func (d *dice) engagement() model.Row {
	t := &model.Engagements
	r := t.NewRow()
	set := func(name string, v model.Value) { r[t.Col(name)] = v }
	text := func(name, s string) { set(name, model.Text(s)) }
	task := d.sid("WT")
	start := 1767225600000 + d.Int64N(180*86400000)
	end := start + d.Int64N(900000)
	queue, voice, open := d.IntN(3) > 0, d.IntN(3) > 0, d.IntN(200) == 0
	text("account_sid", d.known("AC", 2))
	text("status", "Completed")
	text("conversation_id", task)
	text("task_sid", task)
	text("contact_id", "+1"+strconv.Itoa(2000000000+d.IntN(800000000)))
	set("start_time", model.Millis(start))
	if open {
		text("status", "In Progress")
	} else {
		set("end_time", model.Millis(end))
		set("wait_time_seconds", d.seconds(600))
	}
	text("queue_sid", d.known("WQ", 40))
	text("queue", d.of("Everyone", "Billing", "Technical support", "Sales", "Sales EMEA", "Retention", "Complaints and escalations"))
	text("channel", d.of("voice", "chat", "sms", "email"))
	text("channel_type", "Chat")
	if voice {
		text("channel", "voice")
		text("channel_type", "Voice")
	}
	text("channel_vendor", "Twilio")
	text("platform", "Flex")
	text("direction", d.of("Inbound", "Inbound", "Inbound", "Outbound"))
	text("company_contact", "+1800555"+strconv.Itoa(1000+d.IntN(20)))
	if d.IntN(3) == 0 {
		text("campaign", d.of("spring-2026", "win back", "renewals Q2", "newsletter"))
		text("case_id", strconv.Itoa(5000000+d.IntN(400000)))
	}
	text("language", d.of("en-US", "en-US", "es-MX", "cs-CZ"))
	if !queue {
		text("engagement_type", "Agent")
		text("reservation_sid", d.sid("WR"))
		text("engagement_id", t.Get(r, "reservation_sid").Str)
		text("agent_id", d.known("WK", 400))
		set("engagement_time_seconds", d.seconds(1200))
		set("wrap_up_time_seconds", d.seconds(90))
		set("invitation_time_seconds", d.seconds(30))
		set("hold_time_seconds", d.seconds(120))
		text("category", d.of("Invoice", "Password", "Delivery", "Cancellation", "Other"))
		text("outcome", d.of("Resolved on first contact", "Follow-up needed", "Resolved", "Transferred"))
		text("outcome_category", d.of("Resolved", "Open"))
		text("priority", d.of("1", "2", "3"))
		text("reason", d.of("Question about an invoice", "Cannot sign in", "Late parcel", "Wants to cancel the contract"))
		text("engaged_department", d.of("Customer care", "Back office"))
		text("engaged_location", d.of("Prague", "Austin, TX", "Manila"))
		text("engaged_manager", d.of("Alena Novak", "Peter Jones", "Maria dela Cruz", "Sam Lee"))
		text("engaged_role", "agent")
		text("engaged_team", d.of("Blue", "Green", "Night shift", "Weekend"))
		text("engagement_attribute_1", d.of("gold", "silver", "basic"))
		set("engagement_fact_1", model.Number(float64(d.IntN(100000))/100))
		if voice {
			text("recording_url", "https://api.twilio.com/2010-04-01/Accounts/"+r[0].Str+"/Recordings/"+d.sid("RE"))
		}
		text("end_reason", d.of("Task completed by the agent", "hangup", "completed"))
	} else {
		text("engagement_type", "Queue")
		text("engagement_id", task+":"+d.sid("EV"))
		text("outcome_type", d.of("Accepted", "Accepted", "Accepted", "Customer Left", "Moved"))
	}
	text("workspace_sid", d.known("WS", 2))
	text("workflow_sid", d.known("WW", 12))
	text("workflow_name", d.of("Assign to anyone", "Billing flow", "Sales flow"))
	set("inferred", model.Boolean(d.IntN(50) == 0))
	set("is_virtual", model.Boolean(d.IntN(50) == 0))
	set("updated_at", model.Millis(end))
	set("row_version", model.Integer(int64(4+d.IntN(12))*4097))
	return r
}
