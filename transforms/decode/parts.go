package decode

import (
	"flexbeam/internal/jsonscan"
	"flexbeam/schemas/event"
)

// A slot holds the JSON text of one value of a record.
type slot uint8

// The slots of an envelope or REST event, of data, and of a payload. The first ones are the fields
// of an event.
const (
	envType = slot(event.NumFields) + iota
	envID
	envTime
	envSchema
	envData
	envBase64
	restSID
	restAccount
	restWorkspace
	restType
	restDateMS
	restData
	camelAccount // the fields of a REST event as Twilio's libraries and its command line name them
	camelWorkspace
	camelType
	camelDateMS
	camelData
	pageEvents
	pageMeta
	dataSID
	dataAccount
	dataTimestamp
	dataPayload
	payloadSID
	payloadType
	payloadTimestamp
	queueEntered
	previousMS
	previousSeconds
	available
	taskAttributes
	workerAttributes
	slots
)

// parts is a record taken apart: the JSON text of the values that matter, nil for those that are
// missing.
type parts struct {
	at [slots][]byte
}

// envelope walks the outermost object.
func (r *parts) envelope(b []byte, i int) (int, error) {
	o := jsonscan.OpenObject(b, i, 0)
	for o.Next() {
		var s slot
		switch string(o.Key) {
		case "type":
			s = envType
		case "id":
			s = envID
		case "time":
			s = envTime
		case "dataschema":
			s = envSchema
		case "data":
			clear(r.at[dataSID : dataPayload+1])
			r.clearPayload()
			if o.At < len(b) && b[o.At] == '{' {
				start := o.At
				end, err := r.data(b, start, o.Depth())
				o.Seek(end, err)
				if err == nil {
					r.at[envData] = b[start:end]
				}
				continue
			}
			s = envData
		case "data_base64":
			s = envBase64
		case "sid":
			s = restSID
		case "account_sid":
			s = restAccount
		case "workspace_sid":
			s = restWorkspace
		case "event_type":
			s = restType
		case "event_date_ms":
			s = restDateMS
		case "event_data":
			s = restData
		case "accountSid":
			s = camelAccount
		case "workspaceSid":
			s = camelWorkspace
		case "eventType":
			s = camelType
		case "eventDateMs":
			s = camelDateMS
		case "eventData":
			s = camelData
		case "events":
			s = pageEvents
		case "meta":
			s = pageMeta
		default:
			o.Skip()
			continue
		}
		r.at[s] = o.Take()
	}
	return o.End()
}

// data walks the data object of an envelope.
func (r *parts) data(b []byte, i, depth int) (int, error) {
	o := jsonscan.OpenObject(b, i, depth)
	for o.Next() {
		var s slot
		switch string(o.Key) {
		case "sid":
			s = dataSID
		case "account_sid":
			s = dataAccount
		case "timestamp":
			s = dataTimestamp
		case "payload":
			r.clearPayload()
			if o.At < len(b) && b[o.At] == '{' {
				start := o.At
				end, err := r.payload(b, start, o.Depth())
				o.Seek(end, err)
				if err == nil {
					r.at[dataPayload] = b[start:end]
				}
				continue
			}
			s = dataPayload
		default:
			o.Skip()
			continue
		}
		r.at[s] = o.Take()
	}
	return o.End()
}

// page returns the events of a page of the Events resource.
func (r *parts) page() (events []byte, ok bool) {
	e, m := r.at[pageEvents], r.at[pageMeta]
	return e, len(e) > 0 && e[0] == '[' && len(m) > 0 && m[0] == '{'
}

// isRest tells whether the record, which names no type, is a REST event.
func (r *parts) isRest() bool {
	if r.at[envData] != nil || r.at[envBase64] != nil {
		return false
	}
	return r.at[restType] != nil || r.at[restData] != nil || r.at[camelType] != nil || r.at[camelData] != nil
}

// isNull tells whether a value is missing or null.
func isNull(v []byte) bool { return len(v) == 0 || v[0] == 'n' }

func (r *parts) clearPayload() {
	clear(r.at[:event.NumFields])
	clear(r.at[payloadSID:])
}

// payload walks the payload of an event, or the event_data of a REST event.
func (r *parts) payload(b []byte, i, depth int) (int, error) {
	o := jsonscan.OpenObject(b, i, depth)
	for o.Next() {
		s := payloadSlot(o.Key)
		if s == slots {
			o.Skip()
			continue
		}
		r.at[s] = o.Take()
	}
	return o.End()
}

func payloadSlot(key []byte) slot {
	switch string(key) {
	case "sid":
		return payloadSID
	case "eventtype":
		return payloadType
	case "timestamp":
		return payloadTimestamp
	case "account_sid":
		return slot(event.AccountSID)
	case "task_sid":
		return slot(event.TaskSID)
	case "reservation_sid":
		return slot(event.ReservationSID)
	case "worker_sid":
		return slot(event.WorkerSID)
	case "worker_name":
		return slot(event.WorkerName)
	case "workspace_sid":
		return slot(event.WorkspaceSID)
	case "workflow_sid":
		return slot(event.WorkflowSID)
	case "workflow_name":
		return slot(event.WorkflowName)
	case "task_queue_sid":
		return slot(event.QueueSID)
	case "task_queue_name":
		return slot(event.QueueName)
	case "task_channel_unique_name":
		return slot(event.Channel)
	case "reason":
		return slot(event.Reason)
	case "task_canceled_reason":
		return slot(event.CanceledReason)
	case "task_completed_reason":
		return slot(event.CompletedReason)
	case "transfer_failed_reason":
		return slot(event.TransferFailedReason)
	case "reservation_reason_code":
		return slot(event.ReasonCode)
	case "transfer_type":
		return slot(event.TransferType)
	case "transfer_to":
		return slot(event.TransferTo)
	case "worker_activity_sid":
		return slot(event.ActivitySID)
	case "worker_activity_name":
		return slot(event.ActivityName)
	case "worker_previous_activity_sid":
		return slot(event.PreviousActivitySID)
	case "worker_previous_activity_name":
		return slot(event.PreviousActivityName)
	case "task_queue_entered_date":
		return queueEntered
	case "worker_time_in_previous_activity_ms":
		return previousMS
	case "worker_time_in_previous_activity":
		return previousSeconds
	case "worker_available":
		return available
	case "task_attributes":
		return taskAttributes
	case "worker_attributes":
		return workerAttributes
	}
	return slots
}
