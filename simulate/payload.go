package simulate

// payload writes the fields of every group that belongs to the event.
func (x *text) payload(e *event) {
	acc := e.account()
	resource, sid := e.resource()
	x.plain("workspace_sid", acc.workspaceSid)
	x.plain("workspace_name", workspaceName)
	if e.kind.fields&laterFields != 0 {
		x.quote("event_description")
		x.describe(e, resource, sid)
		x.unquote()
		x.plain("resource_type", resource)
		if e.fault != noKey {
			x.plain("resource_sid", sid)
		}
	}
	f := e.kind.fields
	if f&taskFields != 0 {
		x.task(e)
	}
	if f&queueFields != 0 && e.task.queue != nil {
		x.queue(e)
	}
	if f&movedFields != 0 {
		x.plain("previous_task_queue_sid", e.previous.sid)
		x.str("previous_task_queue_name", e.previous.name)
		x.int("previous_task_priority", e.task.priority)
		x.plain("target_changed_reason", "timeout")
	}
	if f&workflowFields != 0 {
		x.workflow(e)
	}
	if f&reservationFields != 0 {
		x.reservation(e)
	}
	if f&workerFields != 0 {
		x.worker(e)
	}
	if f&capacityFields != 0 {
		x.workerChannel(e)
	}
	if e.trans != nil {
		x.transfer(e.trans)
	}
}

func (x *text) task(e *event) {
	t := e.task
	if e.fault != noKey {
		x.plain("task_sid", t.sid)
	}
	if e.fault == badAttributes {
		x.plain("task_attributes", `{\"direction\":\"inbound\",\"from\"`)
	} else {
		x.escaped("task_attributes", t.text)
	}
	x.int("task_age", max(e.at-t.created, 0)/second)
	x.time("task_date_created", t.created)
	x.int("task_priority", t.priority)
	x.plain("task_assignment_status", t.status)
	x.int("task_version", t.version)
	x.plain("task_channel_sid", t.channelSid())
	x.plain("task_channel_unique_name", t.channel.name)
	if t.virtual > 0 {
		x.time("task_virtual_start_time", t.virtual)
	}
	if e.kind.fields&laterFields != 0 {
		x.plain("task_add_on_attributes", "{}")
		x.int("task_timeout", t.workflow.taskTimeout)
		x.plain("task_channel_name", t.channel.title)
		x.bool("task_channel_optimized_routing", t.channel.phone)
		x.bool("task_ignore_capacity", false)
	}
	if t.target != nil {
		x.plain("task_routing_target", t.target.sid)
	}
	x.opt("task_re_evaluated_reason", t.reevaluated)
	x.opt("task_completed_reason", t.completedReason)
	x.opt("task_canceled_reason", t.canceledReason)
	x.opt("reason", t.reason)
}

func (t *task) channelSid() string {
	for i := range channels {
		if t.channel == &channels[i] {
			return t.account.channels[i]
		}
	}
	return ""
}

func (x *text) queue(e *event) {
	t, q := e.task, e.task.queue
	x.int("task_age_in_queue", max(e.at-t.entered, 0)/second)
	x.plain("task_queue_sid", q.sid)
	x.str("task_queue_name", q.name)
	x.time("task_queue_entered_date", t.entered)
	if e.kind.fields&(targetFields|laterFields) != 0 {
		x.str("task_queue_target_expression", q.expression)
	}
	if e.kind.fields&laterFields != 0 {
		x.int("task_queue_max_reserved_workers", 3)
	}
}

func (x *text) workflow(e *event) {
	w := e.task.workflow
	x.plain("workflow_sid", w.sid)
	x.plain("workflow_name", w.name)
	if e.kind.fields&filterFields != 0 {
		x.plain("workflow_filter_name", w.filter)
		x.str("workflow_filter_expression", w.expression)
		if q := e.task.queue; q != nil {
			x.str("workflow_filter_target_name", q.name)
			x.str("workflow_filter_target_expression", q.expression)
		}
	}
}

func (x *text) reservation(e *event) {
	r := e.reservation
	if e.fault != noKey {
		x.plain("reservation_sid", r.sid)
	}
	x.plain("reservation_status", r.status)
	x.int("reservation_timeout", r.timeout)
	x.int("reservation_version", r.version)
	if r.code > 0 {
		x.int("reservation_reason_code", r.code)
	}
}

func (x *text) worker(e *event) {
	a := e.agent
	if e.fault != noKey {
		x.plain("worker_sid", a.sid)
	}
	x.str("worker_name", a.name())
	switch {
	case e.fault == badAttributes:
		x.plain("worker_attributes", `{\"full_name\":`)
	case e.bare:
		x.plain("worker_attributes", "{}")
	default:
		x.escaped("worker_attributes", a.attributes)
	}
	x.plain("worker_activity_sid", a.account.activities[a.activity])
	x.plain("worker_activity_name", activities[a.activity].name)
	x.bool("worker_available", activities[a.activity].available)
	if e.kind.fields&laterFields != 0 {
		x.int("worker_version", a.version)
		x.time("worker_date_created", a.created)
		x.time("worker_last_status_change", a.since)
	}
	if e.kind.fields&activityFields != 0 {
		x.plain("worker_previous_activity_sid", a.account.activities[e.before])
		x.plain("worker_previous_activity_name", activities[e.before].name)
		x.int("worker_time_in_previous_activity", e.spent/second)
		x.int("worker_time_in_previous_activity_ms", e.spent)
	}
}

func (x *text) workerChannel(e *event) {
	a, ch := e.agent, channels[e.channel]
	capacity, used := int64(a.capacity), int64(a.texts+a.stale)
	available := e.kind == workerCapacity
	if ch.phone {
		capacity, used = 1, 0
	}
	x.plain("task_channel_sid", a.account.channels[e.channel])
	x.plain("task_channel_unique_name", ch.name)
	x.bool("worker_channel_available", available)
	x.int("worker_channel_capacity", capacity)
	x.decimal("worker_channel_available_capacity", 100*float64(max(capacity-used, 0))/float64(capacity), 1)
	if available {
		x.int("worker_channel_previous_capacity", e.before)
	}
	x.int("worker_channel_task_count", used)
}

func (x *text) transfer(v *transfer) {
	x.plain("task_transfer_sid", v.sid)
	x.plain("transfer_type", v.kind)
	x.plain("transfer_mode", v.mode)
	x.plain("transfer_to", v.to)
	x.plain("transfer_initiating_worker_sid", v.from.agent.sid)
	x.plain("transfer_initiating_reservation_sid", v.from.sid)
	x.time("transfer_started", v.started)
	x.plain("transfer_status", v.status)
	x.opt("transfer_failed_reason", v.failure)
}
