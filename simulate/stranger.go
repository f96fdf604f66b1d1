package simulate

var (
	foreignTypes = []string{
		"com.twilio.conversations.message.added", "com.twilio.conversations.participant.removed",
		"com.twilio.voice.insights.call-summary.complete", "com.twilio.apiusage.taskrouter.ratelimits",
	}
	unknownKinds = []string{"task.sentiment-changed", "task.summary-ready"}
)

// stranger writes an envelope that is none of TaskRouter's.
func (x *encoder) stranger(dst []byte, e *event, form Form) []byte {
	x.b = dst
	x.begin()
	x.plain("specversion", "1.0")
	if e.fault == testEvent {
		x.plain("type", "com.twilio.eventstreams.test-event")
		x.plain("source", "Sink")
		x.plain("id", e.account().sid)
		x.plain("dataschema", "https://events-schemas.twilio.com/EventStreams.TestSink/1.json")
	} else {
		x.plain("type", foreignTypes[e.id.hi%uint64(len(foreignTypes))])
		x.plain("source", "/v1/Services/"+e.account().source)
		x.sid("id", "VW", e.id)
		x.plain("dataschema", "https://events-schemas.twilio.com/Other.Event/1")
	}
	x.plain("datacontenttype", "application/json")
	x.time("time", e.at)
	in := &x.inner
	in.b = in.b[:0]
	in.begin()
	in.sid("test_id", "", e.id)
	in.plain("account_sid", e.account().sid)
	in.close()
	in.trim()
	if form == String {
		x.quote("data")
		x.b = appendEscapedText(x.b, in.b)
		x.unquote()
	} else {
		x.key("data")
		x.raw(in.b)
		x.b = append(x.b, ',')
	}
	x.close()
	x.trim()
	dst, x.b = x.b, nil
	return dst
}
