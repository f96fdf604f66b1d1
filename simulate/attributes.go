package simulate

import "strconv"

// describe writes the attributes of the task anew; every change of them is a new version.
func (c *centre) describe(t *task) {
	x := &c.scratch
	x.b = x.b[:0]
	x.begin()
	s := &t.story
	switch {
	case t.plan.medium == message || t.plan.medium == email:
		t.writeMessage(x)
	case t.plan.direction == "internal":
		t.writeInternal(x)
	case t.plan.direction == "outbound":
		t.writeOutbound(x)
	default:
		t.writeCall(x)
	}
	x.plain("topic", t.queueSkill())
	if s.previous != "" {
		x.plain("previous_task_sid", s.previous)
	}
	if len(s.copied) > 0 {
		x.raw(s.copied)
	} else if s.media && s.recording != "" {
		t.writeReservationMedia(x)
	}
	if s.abandoned != "" && t.plan.fate == voicemail {
		x.bool("voicemail", true)
	}
	if !s.unknown && !s.hidden && !s.named && t.plan.direction != "internal" {
		t.customer.write(x, s.full, t.phone())
	}
	t.writeConversations(x)
	x.close()
	x.trim()
	t.text = appendEscapedText(t.text[:0], x.b)
	t.version++
}

func (t *task) queueSkill() string {
	topics := t.account.topics()
	return topics[t.story.digit(topicDigit, len(topics))].skill
}

// from is the number that an inbound contact comes from.
func (t *task) from() string {
	if t.story.hidden {
		return anonymous[t.story.digit(anonymousDigit, len(anonymous))]
	}
	return t.customer.phone
}

// phone is the customer's number as the application has it.
func (t *task) phone() string {
	p := t.customer.phone
	if !t.story.spoken {
		return p
	}
	area, rest := p[2:5], p[5:]
	switch t.story.digit(phoneDigit, 5) {
	case 0:
		return "+1 (" + area + ") " + rest[:3] + "-" + rest[3:]
	case 1:
		return "00" + p[1:]
	case 2:
		return "tel:" + p
	case 3:
		return "\u202a" + p + "\u202c"
	}
	return "+1." + area + "." + rest
}

func (t *task) writeCall(x *text) {
	s, place := &t.story, cities[t.customer.city]
	from := t.from()
	if s.call != "" {
		x.plain("call_sid", s.call)
	}
	x.plain("direction", "inbound")
	x.plain("from", from)
	x.plain("to", t.account.number)
	x.plain("from_country", place.country)
	if s.full {
		x.str("from_state", place.state)
		x.plain("caller", from)
		x.plain("called", t.account.number)
		x.str("name", from)
		x.str("from_city", place.name)
		x.plain("from_zip", place.zip)
		x.plain("to_city", "")
		x.plain("to_state", "")
		x.plain("to_zip", "")
		x.plain("to_country", "US")
	}
	if s.kind != "" {
		x.plain("taskType", s.kind)
		x.open("callBackData")
		x.plain("numberToCall", from)
		x.plain("numberToCallFrom", t.account.number)
		if s.kind == "voicemail" {
			x.plain("recordingUrl", "https://voicemail.example/"+t.sid)
		}
		x.int("attempts", s.attempts)
		x.time("utcDateTimeReceived", t.created)
		x.bool("isDeleted", false)
		x.close()
	}
	t.writeConference(x)
}

func (t *task) writeOutbound(x *text) {
	x.plain("direction", "outbound")
	x.plain("outbound_to", t.customer.phone)
	x.plain("from", t.account.number)
	x.plain("to_country", cities[t.customer.city].country)
	x.bool("autoAnswer", true)
	x.str("targetWorker", t.target.contact())
	if t.story.talking {
		x.plain("call_sid", t.story.call)
	}
	t.writeConference(x)
}

func (t *task) writeInternal(x *text) {
	if t.story.digit(internalDigit, 3) == 0 { // told by client_call alone
		x.plain("direction", "outbound")
	} else {
		x.plain("direction", "internal")
	}
	if t.story.partner != "" {
		x.plain("conferenceSid", t.story.partner)
	}
	x.str("from", t.story.caller.contact())
	x.str("to", t.target.contact())
	x.str("fromFullName", t.story.caller.first+" "+t.story.caller.last)
	x.str("targetWorker", t.target.contact())
	x.plain("client_call", "true")
	t.writeConference(x)
}

func (t *task) writeConference(x *text) {
	s := &t.story
	if !s.talking {
		return
	}
	x.open("conference")
	x.plain("sid", s.conference)
	if s.full {
		x.open("participants")
		x.plain("worker", s.workerCall)
		x.plain("customer", s.call)
		x.close()
	}
	x.close()
}

func (t *task) writeMessage(x *text) {
	s, address := &t.story, t.customer.phone
	switch s.channelType {
	case "whatsapp":
		address = "whatsapp:" + address
	case "email", "web":
		address = t.customer.email
	case "telegram", "instagram":
		address = s.channelType + ":" + t.customer.phone[2:]
	case "rcs":
		address = "rcs:" + address
	}
	if s.named && t.plan.direction == "" && s.channelType != "web" && s.channelType != "email" {
		x.plain("channelType", s.channelType)
		x.plain("name", address)
		x.plain("twilioNumber", t.account.number)
		x.plain("channelSid", s.chat)
		return
	}
	by, direction := "customer", "inbound"
	if t.plan.direction == "outbound" {
		by, direction = "agent", "outbound"
		x.plain("routing_target", t.target.sid)
		if s.full || s.named { // as the Interactions API writes it
			x.plain("from", address)
			x.plain("twilioNumber", t.account.number)
		} else {
			x.plain("outbound_to", address)
		}
	}
	x.plain("direction", direction)
	if s.custom != "" {
		x.plain("channelType", "custom")
		x.plain("customChannelType", s.custom)
	} else {
		x.plain("channelType", s.channelType)
	}
	x.plain("customerAddress", address)
	x.str("customerName", t.customer.first+" "+t.customer.last)
	x.plain("conversationSid", s.chat)
	x.plain("flexInteractionSid", s.interaction)
	if s.full {
		x.plain("flexInteractionChannelSid", s.interactionChannel)
		x.plain("flexChannelInviteSid", s.invite)
	}
	x.plain("initiatedBy", by)
	if s.channelType == "web" {
		x.open("pre_engagement_data")
		x.str("friendlyName", t.customer.first)
		x.plain("question", `Where is my \"order\"?`)
		x.close()
	}
}

func (t *task) writeReservationMedia(x *text) {
	s := &t.story
	x.open("reservation_attributes")
	x.open(s.talked.sid)
	x.list("media")
	t.writeRecording(x)
	x.closeList()
	x.close()
	x.close()
}

func (t *task) writeRecording(x *text) {
	x.begin()
	x.plain("type", "VoiceRecording")
	x.plain("url", t.recordingURL())
	x.time("start_time", t.story.talked.accepted)
	x.list("channels")
	x.item("customer")
	x.item("others")
	x.closeList()
	x.close()
}

func (t *task) recordingURL() string {
	return "https://api.twilio.com/2010-04-01/Accounts/" + t.account.sid + "/Recordings/" + t.story.recording
}

// caseID is the number of the case that the conversation belongs to.
func (s *story) caseID() string { return "CASE-" + strconv.Itoa(10000+s.digit(caseDigit, 90000)) }
