package simulate

// encoder writes events as text. The envelopes differ, the payload is the same in all of them.
type encoder struct {
	text
	inner text // data, before it becomes a string
}

const dataschema = "https://events-schemas.twilio.com/TaskRouter.WDSEvent/4"

// append writes the event in a form; Webhook gives one element of the array.
func (x *encoder) append(dst []byte, e *event, form Form) []byte {
	x.b = dst
	switch form {
	case REST:
		x.rest(e)
	case String:
		x.begin()
		x.envelope(e)
		x.inner.b = x.inner.b[:0]
		x.inner.data(e)
		x.inner.trim()
		x.escaped("data", nil)
		x.b = appendEscapedText(x.b[:len(x.b)-2], x.inner.b)
		x.unquote()
		x.close()
	default:
		x.begin()
		x.envelope(e)
		x.key("data")
		x.data(e)
		x.close()
	}
	x.trim()
	dst, x.b = x.b, nil
	return dst
}

// envelope writes the CloudEvents attributes.
func (x *text) envelope(e *event) {
	x.plain("specversion", "1.0")
	x.quote("type")
	x.bare(typePrefix)
	x.bare(e.name())
	x.unquote()
	x.plain("source", e.account().source)
	x.sid("id", "EZ", e.id.twin())
	x.plain("dataschema", dataschema)
	x.plain("datacontenttype", "application/json")
	if e.fault != noTime {
		x.time("time", e.at+150+int64(e.id.lo%1400))
	}
}

// data writes the WDS event.
func (x *text) data(e *event) {
	acc := e.account()
	x.begin()
	x.sid("sid", "EV", e.id)
	x.plain("name", e.kind.title)
	if e.fault != noAccount {
		x.plain("account_sid", acc.sid)
		x.str("account_friendly_name", acc.name)
		if acc.parentSid != "" {
			x.plain("parent_account_sid", acc.parentSid)
			x.plain("parent_friendly_name", acc.parentName)
		}
	}
	if e.fault != noTime {
		x.time("timestamp", e.at)
	}
	x.plain("level", "INFO")
	x.plain("group", e.kind.group)
	x.plain("product_name", "TaskRouter")
	x.plain("publisher", workspaceName)
	x.plain("publisher_metadata", "{}")
	x.plain("payload_type", "application/json")
	x.open("payload")
	x.sid("sid", "EV", e.id)
	x.plain("eventtype", e.name())
	if e.fault != noAccount {
		x.plain("account_sid", acc.sid)
	}
	if e.fault != noTime {
		x.time("timestamp", e.at)
	}
	x.payload(e)
	x.close()
	x.close()
}

// rest writes an event of the REST resource.
func (x *text) rest(e *event) {
	acc := e.account()
	resource, sid := e.resource()
	x.begin()
	if e.fault != noAccount {
		x.plain("account_sid", acc.sid)
	}
	x.plain("actor_sid", acc.workspaceSid)
	x.plain("actor_type", "system")
	x.quote("description")
	x.describe(e, resource, sid)
	x.unquote()
	x.open("event_data")
	x.quoted = true
	x.payload(e)
	x.quoted = false
	x.close()
	if e.fault != noTime {
		x.quote("event_date")
		x.stamp(e.at, false)
		x.unquote()
		x.int("event_date_ms", e.at+x.shift)
	}
	if e.kind == workerActivity && e.fault != unknownType {
		x.plain("event_type", "worker.activity")
	} else {
		x.plain("event_type", e.name())
	}
	x.plain("resource_sid", sid)
	x.plain("resource_type", resource)
	x.plain("resource_url", "https://taskrouter.twilio.com/v1/Workspaces/")
	x.b = append(x.b[:len(x.b)-2], acc.workspaceSid...)
	x.unquote()
	x.sid("sid", "EV", e.id)
	x.plain("source", "taskrouter")
	x.null("source_ip_address")
	x.quote("url")
	x.bare("https://taskrouter.twilio.com/v1/Workspaces/")
	x.bare(acc.workspaceSid)
	x.bare("/Events/EV")
	x.b = e.id.appendHex(x.b)
	x.unquote()
	x.plain("workspace_sid", acc.workspaceSid)
	x.close()
}

// describe writes what happened as words.
func (x *text) describe(e *event, resource, sid string) {
	x.bare(resource)
	x.b = append(x.b, ' ')
	x.bare(sid)
	x.b = append(x.b, ' ')
	x.bare(e.kind.verb())
}
