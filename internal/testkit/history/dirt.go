package history

// dirt are lines that give no event: dead letters, events of others, and lines that hold nothing.
var dirt = []string{
	`{"type": "com.twilio.taskrouter.task.created", `,
	"{\"a\":\"\xff\xfe\"}",
	"[{\"a\":1}, {\"b\":\"\xff\"}]",
	`5`,
	`{}`,
	`[]`,
	"  \t \r",
	`[{"type":"com.twilio.eventstreams.test-event"}, 7, {"type":"com.twilio.taskrouter.task.created","data":"{bad"}]`,
	`{"type":"com.twilio.taskrouter.task.created","id":"a","data":[1]}`,
	`{"type":"com.twilio.taskrouter.task.created","id":"a","data":{"payload":{"task_sid":NaN}}}`,
	`{"type":"com.twilio.taskrouter.task.created","id":"a","data":{"payload":{"account_sid":"AC1","task_sid":"WT1"}}}`,
	`{"type":"com.twilio.taskrouter.task.created","id":"a","time":"2026-03-02T08:00:00Z","data":{"payload":{"task_sid":"WT1"}}}`,
	`{"type":"com.twilio.taskrouter.reservation.created","id":"a","time":"2026-03-02T08:00:00Z","data":{"payload":{"account_sid":"AC1","task_sid":"WT1"}}}`,
	`{"type":"com.twilio.conversations.message.added","id":"z","data":"{bad"}`,
	`{"sid":"EV1","account_sid":"AC1","event_type":"worker.created","event_date_ms":"soon","event_data":{"worker_sid":"WK1"}}`,
}

// Soiled returns the lines with some others in between that give no event.
func Soiled(d Dice, lines [][]byte) [][]byte {
	var all [][]byte
	for _, l := range lines {
		for d.OneIn(4) {
			all = append(all, []byte(pick(d, dirt)))
		}
		all = append(all, l)
	}
	return all
}

// Joined returns the lines with some of them behind the one before, with or without a blank between.
func Joined(d Dice, lines [][]byte) (all [][]byte) {
	for _, l := range lines {
		if len(all) == 0 || d.Often(3) {
			all = append(all, l)
			continue
		}
		last := all[len(all)-1]
		if d.OneIn(1) {
			last = append(last[:len(last):len(last)], ' ')
		}
		all[len(all)-1] = append(last[:len(last):len(last)], l...)
	}
	return all
}
