package simulate

import "cmp"

// writeConversations adds the conversations object, as far as the task has come.
func (t *task) writeConversations(x *text) {
	s := &t.story
	x.open("conversations")
	if s.conversation != "" {
		x.plain(s.spelt("conversation_id", "conversation_jd"), s.conversation)
	}
	x.plain("initiated_by", initiator(t.plan.direction))
	x.plain("language", languages[s.digit(languageDigit, len(languages))])
	if t.plan.medium == message {
		x.plain("channel", cmp.Or(s.custom, s.channelType))
		x.list("media")
		x.begin()
		x.plain("type", "ChatTranscript")
		x.plain("sid", s.chat)
		x.close()
		x.closeList()
	}
	if s.campaign {
		x.str(s.spelt("campaign", "campain"), campaigns[s.digit(campaignDigit, len(campaigns))])
		x.plain("case", s.caseID())
	}
	if s.previous != "" {
		x.plain("preceded_by", s.precededBy())
	}
	if s.facts {
		x.plain("attribute_1", tiers[s.digit(factDigit, len(tiers))])
		x.plain("conversation_attribute_2", languages[s.digit(factDigit+1, len(languages))])
		x.str("attribute_3", campaigns[s.digit(factDigit+2, len(campaigns))])
	}
	if s.noted {
		x.plain("priority", []string{"low", "normal", "high"}[s.digit(stampDigit, 3)])
		x.str("label", "added \"midway\"\tby the agent")
	}
	if s.abandoned != "" {
		x.plain("abandoned", s.abandoned)
		x.plain("abandoned_phase", s.phase)
	}
	if s.virtual {
		x.plain("virtual", "Yes")
		x.plain("kind", "IVR")
	}
	if s.ended {
		t.writeResult(x)
	}
	x.close()
}

// writeResult adds what is known when the talk has ended.
func (t *task) writeResult(x *text) {
	s := &t.story
	x.opt("hang_up_by", s.hangUpBy)
	x.opt("destination", s.destination)
	if s.outcome {
		i := s.digit(outcomeDigit, len(outcomes))
		x.plain("outcome", outcomes[i])
		x.plain("outcome_category", outcomeKind[i])
		x.plain("reason", reasons[s.digit(reasonDigit, len(reasons))])
		x.plain("category", categories[s.digit(categoryDigit, len(categories))])
	}
	if s.facts {
		x.decimal("fact_01", float64(s.digit(factDigit+3, 20000))/100, 2)
		x.int("fact_02", int64(s.digit(factDigit+4, 11)))
		x.decimal("conversation_measure_3", float64(s.digit(factDigit+5, 1000))/10, 1)
	}
	if s.times {
		x.int("hold_time", int64(s.digit(holdDigit, 90)))
		x.int("focus_time", int64(s.digit(holdDigit+1, 300)))
	}
	if s.recording != "" && !s.media && (s.link || s.late) {
		x.plain(s.spelt("segment_link", "sgement_link"), t.recordingURL())
	}
	if s.recording != "" && s.late {
		x.list("media")
		t.writeRecording(x)
		x.closeList()
	}
}

// spelt gives the key, or its misspelling on some tasks.
func (s *story) spelt(key, wrong string) string {
	if s.misspelt {
		return wrong
	}
	return key
}

func initiator(direction string) string {
	if direction == "" {
		return "customer"
	}
	return "agent"
}

func (s *story) precededBy() string {
	if s.kind != "" {
		return "Callback Request"
	}
	return "Transfer"
}
