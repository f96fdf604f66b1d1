package engagement_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/transforms/engagement"
)

// values are short histories, each for a rule on the values of rows: what the columns show, in
// order of engagement_id.
var values = []struct {
	rule    string
	events  string
	columns string
	want    []string
}{
	{
		"5 queue rows have no agent and nothing of one",
		`0  entered WK1 wa={"department":"Care"} name=ann
		 9  accepted wa={"department":"Care"}`,
		"engagement_type agent_id reservation_sid engaged_department engagement_time_seconds wait_time_seconds",
		[]string{"Agent | WK1 | WR1 | Care | - | 9", "Queue | - | - | - | - | 9"},
	},
	{
		"1, 2, 4 the id of a queue row is the task's and its opening event's, or queue and time",
		`5  initiated EV7 to=WQ2
		 6  task.transfer-failed`,
		"engagement_id", []string{"WT1:EV7"},
	},
	{
		"4 the id of a row without an opening event",
		`9  task.canceled WQ1 since=2`,
		"engagement_id", []string{"WT1:WQ1@1772438402000"},
	},
	{
		"2 a provisional row takes its queue from the transfer, the name from the closing event with that queue",
		`1  task.updated WQ2 queue=Early
		 5  initiated to=WQ2 WQ1 queue=Old
		 8  accepted WQ2 queue=New`,
		"engagement_type queue_sid queue", []string{"Agent | WQ2 | New", "Queue | WQ2 | New"},
	},
	{
		"2 its name else from the first event with that queue",
		`1  task.updated WQ2 queue=Early
		 5  initiated to=WQ2 WQ1 queue=Old
		 8  task.transfer-failed WQ1 queue=Old`,
		"queue_sid queue", []string{"WQ2 | Early"},
	},
	{
		"2 its name else is not known",
		`5  initiated to=WQ2 WQ1 queue=Old
		 8  task.transfer-failed WQ1 queue=Old`,
		"queue_sid queue", []string{"WQ2 | -"},
	},
	{
		"11 a row takes the attributes up to its end",
		`0   entered ta={"conversations":{"outcome":"first"}}
		 5   accepted WR1 ta={"conversations":{"outcome":"second"}}
		 9   completed WR1 ta={"conversations":{"outcome":"third"}}
		 9.001 accepted WR2 ta={"conversations":{"outcome":"fourth"}}
		 20  completed WR2`,
		"engagement_type reservation_sid outcome",
		[]string{"Agent | WR1 | third", "Agent | WR2 | fourth", "Queue | - | second"},
	},
	{
		"11 the agent row that ends last takes all attributes",
		`5   accepted WR1
		 9   completed WR1
		 8   accepted WR2
		 20  completed WR2
		 99  task.updated ta={"conversations":{"outcome":"late"}}`,
		"reservation_sid outcome", []string{"WR1 | -", "WR2 | late"},
	},
	{
		"10 an offer lasts from created to its end, and nobody knows how long without created",
		`5   created WR1
		 8   rejected WR1
		 9   rejected WR2`,
		"reservation_sid invitation_time_seconds inferred", []string{"WR1 | 3 | false", "WR2 | - | true"},
	},
	{
		"11 of two that end at once the one with the greater start takes all",
		`5   accepted WR1
		 8   accepted WR2
		 20  completed WR1
		 20  completed WR2
		 99  task.updated ta={"conversations":{"outcome":"late"}}`,
		"reservation_sid outcome", []string{"WR1 | -", "WR2 | late"},
	},
	{
		"11 of two that start and end at once the one with the greater id",
		`5   accepted WR2
		 5   accepted WR1
		 20  completed WR2
		 20  completed WR1
		 99  task.updated ta={"conversations":{"outcome":"late"}}`,
		"reservation_sid outcome", []string{"WR1 | -", "WR2 | late"},
	},
	{
		"11 open rows take all attributes",
		`0   entered
		 5   accepted WR1
		 20  entered
		 99  task.updated ta={"conversations":{"outcome":"late"}}`,
		"engagement_type end_time outcome",
		[]string{"Agent | - | late", "Queue | 2026-03-02T08:00:05.000Z | -", "Queue | - | late"},
	},
	{
		"11 queue and invitation rows never take more than those up to their end",
		`0   entered
		 1   created
		 5   task.canceled
		 99  task.updated ta={"conversations":{"outcome":"late"}}`,
		"engagement_type outcome", []string{"Invitation | -", "Queue | -"},
	},
	{
		"11 null and blanks overwrite nothing, arrays replace, objects merge",
		`0  entered ta={"conversations":{"outcome":"a","category":"b","reason":"c","language":["x","y"],"priority":1}}
		 1  task.updated ta={"conversations":{"outcome":null,"category":" ","language":["z"],"priority":2}}
		 2  task.updated ta={"conversations":{}}
		 3  task.updated ta={"conversations":null}`,
		"outcome category reason language priority", []string{"a | b | c | z | 2"},
	},
	{
		"11 a scalar over an object takes it away",
		`0  entered ta={"conversations":{"outcome":"a","category":"b"}}
		 1  task.updated ta={"conversations":"none"}
		 2  task.updated ta={"conversations":{"outcome":"new"}}`,
		"outcome category", []string{"new | -"},
	},
	{
		"11 a recording up to two minutes after the end",
		`0        accepted WR1 channel=voice
		 10       completed WR1
		 5        accepted WR2 channel=voice
		 20       completed WR2
		 130      task.updated ta={"conversations":{"segment_link":"https://at-two-minutes"}}
		 130.001  task.updated ta={"conversations":{"segment_link":"https://too-late"}}`,
		"reservation_sid recording_url", []string{"WR1 | https://at-two-minutes", "WR2 | https://too-late"},
	},
	{
		"11 recordings are of agents of voice tasks",
		`0  entered channel=chat ta={"conversations":{"segment_link":"https://rec"}}
		 1  accepted channel=chat
		 2  rejected WR2 channel=voice`,
		"engagement_type recording_url", []string{"Agent | -", "Invitation | -", "Queue | -"},
	},
	{
		"11 a task is one of voice by its channel's unique name, whatever attributes call the channel",
		`0  accepted WR1 channel=voice ta={"channelType":"chat","conversations":{"channel":"web","segment_link":"https://rec"}}
		 0  accepted WR2 WT2 channel=chat ta={"channelType":"voice","conversations":{"channel":"voice","segment_link":"https://rec"}}`,
		"reservation_sid recording_url", []string{"WR1 | https://rec", "WR2 | -"},
	},
	{
		"11 the link of the task, then a slip of the pen, then the reservation's media, then the task's",
		recordings(`"conversations":{"segment_link":"https://1","sgement_link":"https://2","media":[{"type":"VoiceRecording","url":"https://4"}]},"reservation_attributes":{"WR1":{"media":[{"type":"VoiceRecording","url":"https://3"}]}}`),
		"recording_url", []string{"https://1"},
	},
	{
		"11 a slip of the pen",
		recordings(`"conversations":{"sgement_link":"https://2","media":[{"type":"VoiceRecording","url":"https://4"}]},"reservation_attributes":{"WR1":{"media":[{"type":"VoiceRecording","url":"https://3"}]}}`),
		"recording_url", []string{"https://2"},
	},
	{
		"11 the reservation's media",
		recordings(`"conversations":{"media":[{"type":"VoiceRecording","url":"https://4"}]},"reservation_attributes":{"WR2":{"media":[{"type":"VoiceRecording","url":"https://other"}]},"WR1":{"media":[{"type":"ChatTranscript","url":"https://no"},{"type":"VoiceRecording","url":" "},7,{"type":"VoiceRecording","url":" https://3 "}]}}`),
		"recording_url", []string{"https://3"},
	},
	{
		"11 the task's media",
		recordings(`"conversations":{"media":[null,{"type":"VoiceRecording","url":"https://4"}]},"reservation_attributes":{"WR1":"gone"}`),
		"recording_url", []string{"https://4"},
	},
	{
		"12 engaged values come from accepted, else created, else the others in order, each for itself",
		`0  created wa={"department":"D0","team":"T0","location":"L0"}
		 2  accepted wa={"department":"D2"}
		 3  wrapup wa={"location":"L3","manager":"M3","organization":"O3","role":"agent"}
		 4  completed wa={"manager":"M4"}`,
		"engaged_department engaged_team engaged_location engaged_manager engaged_organization engaged_role",
		[]string{"D2 | T0 | L0 | M3 | O3 | agent"},
	},
	{
		"9 agent_id comes from accepted, else created, else the others",
		`0  created WK2
		 2  accepted -worker_sid
		 3  completed WK3`,
		"agent_id", []string{"WK2"},
	},
	{
		"9 department_name, agent_team and team_name are fallbacks",
		`2  accepted wa={"department_name":"D","agent_team":"A","team_name":"T"}`,
		"engaged_department engaged_team", []string{"D | A"},
	},
	{
		"9 team_name comes last",
		`2  accepted wa={"team":" ","agent_team":null,"team_name":"T"}`,
		"engaged_team", []string{"T"},
	},
	{
		"12 queue, channel, workflow: the opening event, else the row's others, else the task's",
		`0  task.created WQ9 queue=Task channel=chat workflow_sid=WW9 workflow_name=Task workspace_sid=WS9
		 2  created -task_queue_sid workflow_sid=WW2
		 3  accepted WQ3 queue=Accepted
		 4  completed WQ4 queue=Completed channel=voice`,
		"queue_sid queue channel workflow_sid workflow_name workspace_sid", []string{"WQ3 | Accepted | voice | WW2 | Task | WS9"},
	},
	{
		"12 a queue row looks at its opening, its closing, then all events",
		`0  task.created WQ9 queue=Task channel=chat workflow_sid=WW9
		 1  entered WQ1
		 2  task.updated queue=Between
		 3  task.canceled queue=Closing WQ3 workflow_sid=WW3`,
		"queue_sid queue channel workflow_sid", []string{"WQ1 | Closing | chat | WW3"},
	},
	{
		"12 attributes name queue and channel before the events",
		`0  entered queue=Event channel=voice ta={"conversations":{"queue":"Attribute","channel":"web"}}`,
		"queue channel channel_type", []string{"Attribute | web | Chat"},
	},
	{
		"13 the reason of task.canceled",
		`0  entered
		 1  task.canceled task_canceled_reason=own reason=general reservation_reason_code=1`,
		"end_reason", []string{"own"},
	},
	{
		"13 the reason of task.completed",
		`0  accepted
		 1  task.completed task_completed_reason=own task_canceled_reason=other reason=general`,
		"end_reason", []string{"own"},
	},
	{
		"13 the reason of a transfer",
		`0  entered
		 1  task.transfer-failed transfer_failed_reason=own reason=general`,
		"end_reason", []string{"own"},
	},
	{
		"13 the general reason",
		`0  entered
		 1  task.deleted task_canceled_reason=other reason=general reservation_reason_code=1`,
		"end_reason", []string{"general"},
	},
	{
		"13 the reservation's code",
		`0  created
		 1  rejected reservation_reason_code=45305`,
		"end_reason", []string{"45305"},
	},
	{
		"13 no reason for Moved and for open rows",
		`0  entered
		 1  entered reason=general`,
		"outcome_type end_reason", []string{"Moved | -", "- | -"},
	},
	{
		"14 the conversation is chosen once, from all attributes",
		`0  entered ta={"conversations":{"conversation_jd":"first"}}
		 1  accepted
		 2  completed
		 9  task.updated ta={"conversations":{"conversation_id":"last"}}`,
		"conversation_id", []string{"last", "last"},
	},
	{
		"14 so is the direction",
		`0  entered ta={"direction":"inbound","to":"+1","from":"+3","caller":"+3"}
		 1  accepted
		 2  completed
		 9  task.updated ta={"from":"+2","conversations":{"direction":"outbound"}}`,
		"direction company_contact", []string{"Outbound | +2", "Outbound | -"},
	},
	{
		"14 the best kind of contact of all events, not the newest contact",
		`0  entered ta={"customers":{"email":"Ann@Example.com"}}
		 1  task.updated ta={"from":"+15551230001"}`,
		"contact_id", []string{"ann@example.com"},
	},
	{
		"14 the newest contact of the best kind",
		`0  entered ta={"customers":{"external_id":"old"}}
		 1  task.updated ta={"customers":{"external_id":"new"}}
		 2  task.updated ta={"customers":{"phone":"+1"}}`,
		"contact_id", []string{"new"},
	},
	{
		"14 each event's own attributes count, with their own direction",
		`0  entered ta={"direction":"outbound","to":"+2","from":"+1"}
		 1  task.updated ta={"conversations":{"direction":"inbound"}}`,
		"direction contact_id", []string{"Inbound | +2"},
	},
	{
		"15 strings are trimmed, lists joined, objects empty",
		`0  entered ta={"conversations":{"campaign":" \u2003Spring\u00a0","case":["a"," b ",null,"",3,{"o":1}],"category":{"o":1},"language":true,"priority":0,"reason":12.50}}`,
		"campaign case_id category language priority reason", []string{"Spring | a, b, 3 | - | true | 0 | 12.50"},
	},
	{
		"15 strings are never cut",
		fmt.Sprintf(`0  entered ta={"conversations":{"campaign":%q}}`, strings.Repeat("é", 500)),
		"campaign", []string{strings.Repeat("é", 500)},
	},
	{
		"domain: numbers as texts have no exponent",
		`0  entered ta={"conversations":{"campaign":1e3,"case":9007199254740993,"category":1.0}}`,
		"campaign case_id category", []string{"1000 | 9007199254740993 | 1.0"},
	},
	{
		"sources: the first that is not empty counts",
		`0  entered ta={"conversations":{"campaign":" ","campain":"C","attribute_1":null,"conversation_attribute_1":"1","attribute_2":"2","conversation_attribute_2":"no","conversation_attribute_3":"3"}}`,
		"campaign engagement_attribute_1 engagement_attribute_2 engagement_attribute_3", []string{"C | 1 | 2 | 3"},
	},
	{
		"9 the first path that is not empty decides a number, then the test",
		`0  entered ta={"conversations":{"fact_01":"abc","fact_1":5,"fact_02":" ","fact_2":"7.5","fact_03":null,"conversation_measure_3":"1e2"}}`,
		"engagement_fact_1 engagement_fact_2 engagement_fact_3", []string{"- | 7.5 | 100"},
	},
	{
		"9 negative focus and hold times are null",
		`0  entered ta={"conversations":{"focus_time":"-0.5","hold_time":0,"fact_01":-3}}`,
		"focus_time_seconds hold_time_seconds engagement_fact_1", []string{"- | 0 | -3"},
	},
	{
		"company contact: as set, else by direction",
		`0  entered ta={"conversations":{"external_contact":"E"},"to":"+2"}`,
		"company_contact", []string{"E"},
	},
	{
		"company contact: inbound to, called",
		`0  entered ta={"to":"","called":"+3","from":"+1"}`,
		"company_contact", []string{"+3"},
	},
	{
		"company contact: internal like outbound from, caller",
		`0  entered ta={"direction":"Internal","to":"+2","from":null,"caller":"+4"}`,
		"direction company_contact", []string{"Internal | +4"},
	},
	{
		"6 a taken-away row tells the event's reason",
		`1  accepted
		 5  canceled reason=reassigned reservation_reason_code=45305`,
		"status outcome_type end_reason", []string{"Completed | - | reassigned"},
	},
	{
		"6 else the code",
		`1  accepted
		 5  canceled reason=" " reservation_reason_code=45305`,
		"status outcome_type end_reason", []string{"Completed | - | 45305"},
	},
	{
		"6 else the word",
		`1  accepted WR1
		 5  canceled WR1
		 1  accepted WR2
		 5  timeout WR2
		 1  accepted WR3
		 5  rejected WR3
		 1  accepted WR4
		 5  rescinded WR4
		 1  accepted WR5
		 5  failed WR5
		 1  wrapup WR6
		 5  failed WR6`,
		"end_reason", []string{"canceled", "timeout", "rejected", "rescinded", "failed", "failed"},
	},
	{
		"6 an offer has no such word",
		`1  created
		 5  canceled`,
		"outcome_type end_reason", []string{"Missed | -"},
	},
	{
		"7 the row that a taking-away opens takes its queue from that event",
		`1   accepted WQ1 queue=First
		 5   canceled EV7 WQ2 queue=Second
		 9   created WR2 WQ3 queue=Third
		 12  accepted WR2`,
		"engagement_id queue_sid queue", []string{"WR1 | WQ1 | First", "WR2 | WQ3 | Third", "WT1:EV7 | WQ2 | Second"},
	},
	{
		"7 else from the reservation's other events, SID and name each by itself, before the closing event and the task's others",
		`0   task.created WQ8 queue=Eighth
		 0   created WQ1
		 1   accepted queue=First
		 5   canceled EV7
		 12  accepted WR2 WQ3 queue=Third`,
		"engagement_id queue_sid queue", []string{"WR1 | WQ1 | First", "WR2 | WQ3 | Third", "WT1:EV7 | WQ1 | First"},
	},
	{
		"7 else from the closing event and the task's others; the channel does not come from the reservation",
		`1   accepted channel=voice
		 5   canceled EV7
		 12  accepted WR2 WQ3 queue=Third channel=chat`,
		"engagement_id queue_sid queue channel", []string{"WR1 | WQ3 | Third | voice", "WR2 | WQ3 | Third | chat", "WT1:EV7 | WQ3 | Third | chat"},
	},
	{
		"9 of the section 9: the company's contact, from more places",
		`0  entered WT1 ta={"twilioNumber":"whatsapp:+1 (500) 555-0000","callBackData":{"numberToCallFrom":"+15005550009"},"to":"+15005550001"}
		 0  entered WT2 ta={"callBackData":{"numberToCallFrom":"+15005550009"},"to":"+15005550001"}
		 0  entered WT3 ta={"conversations":{"external_contact":"Support Line"},"twilioNumber":"+15005550000"}`,
		"company_contact", []string{"+15005550000", "+15005550009", "Support Line"},
	},
	{
		"9 the company's contact is none that names the customer, whatever its kind and form",
		`0  entered WT1 ta={"direction":"outbound","from":"whatsapp:+15005550006","customerAddress":"+1 500 555 0006","caller":"+15005550009"}
		 0  entered WT2 ta={"direction":"outbound","from":"CRM 7","customers":{"external_id":"CRM 7","phone":"+15005550006"},"caller":"+1-500-555-0006"}
		 0  entered WT3 ta={"direction":"outbound","from":"Ann@Example.com","customers":{"external_id":"CRM 7","email":"ann@example.com"},"caller":"anonymous"}`,
		"company_contact", []string{"+15005550009", "-", "-"},
	},
	{
		"9 the events before and behind count for it",
		`0  entered ta={"direction":"outbound","from":"+15005550006"}
		 1  accepted
		 2  completed
		 9  task.updated ta={"direction":"outbound","to":"+15005550006"}`,
		"company_contact", []string{"-", "-"},
	},
	{
		"9 a withheld number is no contact of a company",
		`0  entered ta={"to":"tel:anonymous","called":"+15005550000"}`,
		"company_contact", []string{"+15005550000"},
	},
	{
		"14 what an application makes only to report is virtual, by the overlay of everything",
		`0  entered WT1 ta={"conversations":{"virtual":"Yes"}}
		 9  task.canceled WT1 ta={}
		 0  entered WT2
		 1  accepted WT2 WR2
		 2  completed WT2 WR2
		 9  task.updated WT2 ta={"conversations":{"virtual":true}}
		 0  entered WT3 ta={"conversations":{"virtual":1}}
		 9  task.canceled WT3 ta={"conversations":{"virtual":"no"}}
		 0  entered WT4 ta={"conversations":{"virtual":["true"]}}`,
		"task_sid is_virtual", []string{"WT2 | true", "WT1 | true", "WT2 | true", "WT3 | false", "WT4 | false"},
	},
	{
		"14 the conference of a call between agents joins their tasks",
		`0  entered WT1 ta={"direction":"internal"}
		 0  entered WT2 ta={"conferenceSid":"WT1"}
		 0  entered WT3 ta={"conferenceSid":"CF1"}
		 0  entered WT4 ta={"conferenceSid":"WT1","conversations":{"conversation_jd":"mine"}}`,
		"task_sid conversation_id", []string{"WT1 | WT1", "WT2 | WT1", "WT3 | WT3", "WT4 | mine"},
	},
	{
		"9 a link that is no URL of the web is passed over for the next",
		recordings(`"conversations":{"segment_link":"s3://b/1","sgement_link":"file:///2","media":[{"type":"VoiceRecording","url":"RE1"},{"type":"VoiceRecording","url":"HTTP://4"}]}`),
		"recording_url", []string{"HTTP://4"},
	},
	{
		"9 the message of a caller, on agent rows of any channel",
		`0  entered channel=callback ta={"conversations":{"segment_link":"https://1"},"callBackData":{"recordingUrl":"https://voicemail"}}
		 5  accepted channel=callback`,
		"engagement_type recording_url", []string{"Agent | https://voicemail", "Queue | -"},
	},
	{
		"9 of a voice task it is the last source",
		recordings(`"conversations":{"segment_link":"https://1"},"callBackData":{"recordingUrl":"https://voicemail"}`),
		"recording_url", []string{"https://1"},
	},
}

func recordings(attributes string) string {
	return `0  accepted channel=voice ta={` + attributes + `}`
}

func TestValuesFollowTheRules(t *testing.T) {
	for _, v := range values {
		t.Run(v.rule, func(t *testing.T) {
			got := history.Of(history.Parse(v.events)).Show("engagements", v.columns)
			if d := cmp.Diff(v.want, got); d != "" {
				t.Errorf("%s\n%s (-want +got):\n%s", v.events, v.columns, d)
			}
		})
	}
}

func TestNumbersAreJSONNumbersOrDecimalText(t *testing.T) {
	tests := []struct{ json, want string }{
		{`5`, "5"}, {`"5"`, "5"}, {`" 7.5 "`, "7.5"}, {`-4.5`, "-4.5"}, {`"+2"`, "2"}, {`"1e3"`, "1000"}, {`1.5e2`, "150"}, {`".5"`, "0.5"}, {`"5."`, "5"}, {`0`, "0"},
		{`"1,5"`, "-"}, {`"NaN"`, "-"}, {`"Infinity"`, "-"}, {`"inf"`, "-"}, {`"0x10"`, "-"}, {`"1_000"`, "-"}, {`"5 s"`, "-"}, {`"1e"`, "-"}, {`"."`, "-"},
		{`true`, "-"}, {`[5]`, "-"}, {`{"v":5}`, "-"}, {`null`, "-"}, {`""`, "-"}, {`"1e400"`, "-"}, {`"٣"`, "-"},
	}
	for _, test := range tests {
		t.Run(test.json, func(t *testing.T) {
			e := history.Parse(`0 entered ta={"conversations":{"fact_01":` + test.json + `}}`)
			if got := history.Of(e).Show("engagements", "engagement_fact_1")[0]; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestChannelTypes(t *testing.T) {
	tests := []struct{ attributes, channel, want string }{
		{``, "voice", "Voice"}, {``, "Call", "Voice"}, {``, "Phone", "Voice"}, {``, "PSTN", "Voice"},
		{``, "chat", "Chat"}, {``, "web", "Chat"}, {``, "Web-Chat", "Chat"}, {``, "messenger", "Chat"}, {``, "whatsapp", "Chat"}, {``, "gbm", "Chat"},
		{``, "facebook", "Chat"}, {``, "Facebook Messenger", "Chat"}, {``, "instagram", "Chat"}, {``, "line", "Chat"}, {``, "telegram", "Chat"},
		{``, "viber", "Chat"}, {``, "wechat", "Chat"}, {``, "twitter", "Chat"}, {``, "apple", "Chat"}, {``, "apple_messages", "Chat"}, {``, "google", "Chat"},
		{``, "SMS", "SMS"}, {``, "mms", "SMS"}, {``, "RCS", "SMS"}, {``, "email", "Email"}, {``, "e-mail", "Email"}, {``, "video", "Video"},
		{``, "default", "Task"}, {``, "", "Task"}, {``, "sms2", "Task"},
		{`"channelType":"Web"`, "voice", "Chat"}, {`"channelType":" "`, "voice", "Voice"},
		{`"channelType":"pigeon"`, "voice", "Voice"}, {`"channelType":"pigeon"`, "carrier", "Task"},
		{`"channelType":"custom","customChannelType":"telegram"`, "chat", "Chat"}, {`"channelType":"sms","customChannelType":"telegram"`, "chat", "SMS"},
		{`"customChannelType":"x","conversations":{"channel":"E-Mail"}`, "chat", "Email"}, {`"conversations":{"channel":"Front desk"}`, "sms", "SMS"},
	}
	for _, test := range tests {
		t.Run(test.attributes+" over "+test.channel, func(t *testing.T) {
			e := history.Parse(`0 entered channel="` + test.channel + `" ta={` + test.attributes + `}`)
			if got := history.Of(e).Show("engagements", "channel_type")[0]; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestAnInternalCallSaysSoInSeveralWays(t *testing.T) {
	tests := []struct{ attributes, want string }{
		{`"internal":true,"direction":"outbound"`, "Internal"}, {`"client_call":"TRUE"`, "Internal"}, {`"client_call":" yes "`, "Internal"}, {`"internal":1`, "Internal"},
		{`"internal":"no","direction":"outbound"`, "Outbound"}, {`"internal":[true]`, "Inbound"}, {`"internal":2`, "Inbound"},
		{`"internal":true,"conversations":{"direction":"inbound"}`, "Inbound"},
	}
	for _, test := range tests {
		e := history.Parse(`0 entered ta={` + test.attributes + `}`)
		if got := history.Of(e).Show("engagements", "direction")[0]; got != test.want {
			t.Errorf("%s: got %s, want %s", test.attributes, got, test.want)
		}
	}
}

func TestDirections(t *testing.T) {
	tests := []struct{ of, task, want string }{
		{`null`, `null`, "Inbound"}, {`" "`, `"inbound"`, "Inbound"}, {`"INBOUND"`, `"outbound"`, "Inbound"}, {`"outbound-api"`, `null`, "Outbound"},
		{`"Outbound-Dial"`, `null`, "Outbound"}, {`null`, `"internal"`, "Internal"}, {`null`, `"sideWAYS"`, "Sideways"}, {`null`, `"émIS"`, "Émis"},
	}
	for _, test := range tests {
		t.Run(test.of+" over "+test.task, func(t *testing.T) {
			e := history.Parse(`0 entered ta={"direction":` + test.task + `,"conversations":{"direction":` + test.of + `}}`)
			if got := history.Of(e).Show("engagements", "direction")[0]; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestAKeyHidesTextsButNotSIDsAndWords names columns of each kind.
func TestAKeyHidesTextsButNotSIDsAndWords(t *testing.T) {
	hidden := engagement.HiddenColumns()
	for column, want := range map[string]bool{
		"company_contact": true, "queue": true, "channel": true, "recording_url": true, "workflow_name": true, "engagement_attribute_3": true,
		"account_sid": false, "agent_id": false, "workflow_sid": false, "channel_type": false, "direction": false, "contact_id": false, "conversation_id": false,
		"start_time": false, "inferred": false, "engagement_fact_1": false,
	} {
		if slices.Contains(hidden, column) != want {
			t.Errorf("%s is among them: %v, want %v", column, !want, want)
		}
	}
}
