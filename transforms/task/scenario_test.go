package task_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
)

// scenarios are histories with what comes of them. Engagements and activities are told as in
// history.Tables.
var scenarios = []struct {
	name        string
	events      string
	engagements []string
	activities  []string
	also        []show
}{
	{
		name: "1 accepted, wrapped up, completed",
		events: `
			0   entered
			10  created
			15  accepted
			30  wrapup
			40  completed`,
		engagements: []string{"Q[0,15,Accepted]", "A[15,40,15,5,15,10]"},
	},
	{
		name: "2 without wrap-up",
		events: `
			0   entered
			10  created
			15  accepted
			40  completed`,
		engagements: []string{"Q[0,15,Accepted]", "A[15,40,15,5,25,-]"},
	},
	{
		name: "3 moved to a second queue",
		events: `
			0   entered WQ1 queue=First
			30  task-queue.timeout WQ1
			30  moved WQ2 previous_task_queue_sid=WQ1
			30  entered WQ2 queue=Second
			35  created WQ2
			40  accepted WQ2
			50  completed WQ2`,
		engagements: []string{"Q[0,30,Moved]", "Q[30,40,Accepted]", "A[40,50,10,5,10,-]"},
		also: []show{{"engagements", "engagement_type queue_sid queue", []string{
			"Agent | WQ2 | First", "Queue | WQ1 | First", "Queue | WQ2 | Second",
		}}},
	},
	{
		name: "4 the customer hangs up while an agent is asked",
		events: `
			0   entered
			5   created
			20  canceled
			20  task.canceled task_canceled_reason=hangup reason=hangup`,
		engagements: []string{"Q[0,20,Customer Left]", "I[5,20,Missed]"},
	},
	{
		name: "5 the workflow times out",
		events: `
			0   entered
			60  task.canceled task_canceled_reason="Task canceled on Workflow timeout"`,
		engagements: []string{"Q[0,60,Canceled]"},
		also:        []show{{"engagements", "end_reason", []string{"Task canceled on Workflow timeout"}}},
	},
	{
		name: "6 deleted while waiting",
		events: `
			0   entered
			60  task.deleted`,
		engagements: []string{"Q[0,60,Deleted]"},
	},
	{
		name: "7 rejected, timed out, then accepted",
		events: `
			0    entered
			5    created WR1
			8    rejected WR1
			9    created WR2
			39   timeout WR2
			40   created WR3
			42   accepted WR3
			100  completed WR3`,
		engagements: []string{"Q[0,42,Accepted]", "I[5,8,Rejected]", "I[9,39,Missed]", "A[42,100,42,2,58,-]"},
	},
	{
		name: "8 two agents are asked, one accepts",
		events: `
			0   entered
			5   created WR1
			5   created WR2
			7   accepted WR1
			7   rescinded WR2`,
		engagements: []string{"Q[0,7,Accepted]", "I[5,7,Revoked]", "A[7,-,7,2,-,-] In Progress"},
		also: []show{{"engagements", "engagement_type agent_id", []string{
			"Agent | WK1", "Invitation | WK2", "Queue | -",
		}}},
	},
	{
		name: "9 cold transfer to a queue",
		events: `
			0   entered WQ1
			10  created WR1
			15  accepted WR1
			30  initiated to=WQ2 type=QUEUE transfer_mode=COLD
			30  entered WQ2
			31  wrapup WR1
			35  created WR2
			40  accepted WR2
			40  task.transfer-completed
			45  completed WR1
			60  wrapup WR2
			70  completed WR2`,
		engagements: []string{"Q[0,15,Accepted]", "A[15,45,15,5,16,14]", "Q[30,40,Accepted]", "A[40,70,10,5,20,10]"},
		also:        []show{{"engagements", "conversation_id", []string{"WT1", "WT1", "WT1", "WT1"}}},
	},
	{
		name: "10 warm transfer to an agent who rejects",
		events: `
			0   entered
			10  created WR1
			15  accepted WR1
			30  initiated to=WK2 type=WORKER transfer_mode=WARM
			31  created WR2
			36  rejected WR2
			36  task.transfer-failed
			60  completed WR1`,
		engagements: []string{"Q[0,15,Accepted]", "A[15,60,15,5,45,-]", "I[31,36,Rejected]"},
	},
	{
		name: "11 only accepted and completed were seen",
		events: `
			15  accepted WQ1 since=0
			40  completed WQ1 since=0`,
		engagements: []string{"Q[0,15,Accepted] inferred", "A[15,40,15,-,25,-]"},
	},
	{
		name:        "12 only completed was seen",
		events:      `40  completed`,
		engagements: []string{"A[40,40,-,-,-,-] Corrupted inferred"},
	},
	{
		name:   "13 an activity over three quarter hours",
		events: `08:20 activity was=Available now=Break ms=1500000`,
		activities: []string{
			"WK1 07:45 Available 300 Available", "WK1 08:00 Available 900 Available", "WK1 08:15 Available 300 Available",
		},
	},
	{
		name:   "14 offline time is dropped",
		events: `08:20 activity was=Offline now=Available ms=50000000`,
		also:   []show{{"agents", "agent_id state", []string{"WK1 | Active"}}},
	},
	{
		name: "15 the recording comes 90 s after the end",
		events: `
			0    entered channel=voice ta={"conversations":{"outcome":"sold"}}
			10   created channel=voice
			15   accepted channel=voice
			40   completed channel=voice
			130  task.updated ta={"conversations":{"segment_link":"https://rec"}}`,
		engagements: []string{"Q[0,15,Accepted]", "A[15,40,15,5,25,-]"},
		also: []show{{"engagements", "engagement_type outcome recording_url", []string{
			"Agent | sold | https://rec", "Queue | sold | -",
		}}},
	},
	{
		name: "16 attributes that are no JSON",
		events: `
			0   entered
			10  created ta="{bad"
			15  accepted
			40  completed`,
		engagements: []string{"Q[0,15,Accepted]", "A[15,40,15,5,25,-]"},
		also:        []show{{"engagements", "contact_id direction", []string{"WT1 | Inbound", "WT1 | Inbound"}}},
	},
	{
		name: "17 nobody says who the customer is",
		events: `
			0   entered ta={"customers":{"country":"CZ"}}
			60  task.deleted`,
		engagements: []string{"Q[0,60,Deleted]"},
		also: []show{
			{"engagements", "contact_id", []string{"WT1"}},
			{"customers", "contact_id contact_kind country isolated", []string{"WT1 | task | CZ | true"}},
		},
	},
	{
		name: "18 a conversation id with a slip of the pen",
		events: `
			0   entered ta={"conversations":{"conversation_jd":"KD7"}}
			60  task.deleted`,
		engagements: []string{"Q[0,60,Deleted]"},
		also:        []show{{"engagements", "conversation_id", []string{"KD7"}}},
	},
	{
		name: "19 two tasks, one conversation",
		events: `
			0   entered WT1 ta={"conversations":{"conversation_id":"KD1"},"from":"+15551230001"}
			5   accepted WT1 WR1
			50  completed WT1 WR1
			50  entered WT2 ta={"conversations":{"conversation_id":"KD1"},"from":"whatsapp:+1 555 123 0001"}
			60  accepted WT2 WR2
			90  completed WT2 WR2`,
		engagements: []string{"Q[0,5,Accepted]", "A[5,50,5,-,45,-]", "Q[50,60,Accepted]", "A[60,90,10,-,30,-]"},
		also: []show{
			{"engagements", "task_sid conversation_id contact_id", []string{
				"WT1 | KD1 | +15551230001", "WT2 | KD1 | +15551230001", "WT1 | KD1 | +15551230001", "WT2 | KD1 | +15551230001",
			}},
			{"customers", "contact_id contact_kind", []string{"+15551230001 | address"}},
		},
	},
	{
		name: "20 an older update comes after the deletion of a worker",
		events: `
			100  deleted
			50   activity was=Available now=Break for=50`,
		activities: []string{"WK1 08:00 Available 50 Available", "WK1 08:00 Break 50 Unavailable"},
		also:       []show{{"agents", "agent_id state", []string{"WK1 | Inactive"}}},
	},
	{
		name: "the worked example that Salted publishes",
		events: `
			08:00 entered WQ1 queue="Queue A"
			08:10 created wa={"full_name":"Agent A"}
			08:15 accepted
			08:30 wrapup
			08:40 completed`,
		engagements: []string{"Q[0,900,Accepted]", "A[900,2400,900,300,900,600]"},
		also: []show{
			{"engagements", "engagement_type agent_id wait_time_seconds invitation_time_seconds engagement_time_seconds wrap_up_time_seconds", []string{
				"Agent | WK1 | 900 | 300 | 900 | 600", "Queue | - | 900 | - | - | -",
			}},
			{"agents", "agent_id agent_name", []string{"WK1 | Agent A"}},
		},
	},
}

// show is what history.Tables.Show gives for columns of a table.
type show struct {
	table, columns string
	want           []string
}

// deliveries are ways in which the same events may arrive.
var deliveries = []struct {
	name string
	of   func([]history.Event) [][]byte
}{
	{"as they happened", func(e []history.Event) [][]byte { return history.Lines(e, history.All(history.Object)) }},
	{"backwards", func(e []history.Event) [][]byte {
		e = slices.Clone(e)
		slices.Reverse(e)
		return history.Lines(e, history.All(history.Object))
	}},
	{"shuffled", func(e []history.Event) [][]byte {
		return history.Lines(shuffled(e), history.All(history.Object))
	}},
	{"every event doubled", func(e []history.Event) [][]byte {
		return history.Lines(history.Doubled(e), history.All(history.Object))
	}},
	{"as strings", func(e []history.Event) [][]byte { return history.Lines(e, history.All(history.String)) }},
	{"as strings in strings", func(e []history.Event) [][]byte { return history.Lines(e, history.All(history.DoubleString)) }},
	{"as arrays", func(e []history.Event) [][]byte { return history.Lines(e, history.All(history.Webhook)) }},
	{"from the REST log", func(e []history.Event) [][]byte { return history.Lines(e, history.All(history.REST)) }},
	{"in every form at once", func(e []history.Event) [][]byte { return history.Lines(e, history.Mixed) }},
	{"shuffled, doubled and in every form", func(e []history.Event) [][]byte {
		return history.Lines(shuffled(history.Doubled(e)), history.Mixed)
	}},
}

func shuffled(e []history.Event) []history.Event {
	e = slices.Clone(e)
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(e), func(i, j int) { e[i], e[j] = e[j], e[i] })
	return e
}

func TestScenariosGiveTheirRowsInWhateverWayTheyArrive(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			for _, d := range deliveries {
				t.Run(d.name, func(t *testing.T) {
					got := history.Fold(d.of(history.Parse(s.events)), history.Options{})
					if d := cmp.Diff(s.engagements, got.Engagements()); d != "" {
						t.Errorf("engagements (-want +got):\n%s", d)
					}
					if d := cmp.Diff(s.activities, got.Activities()); d != "" {
						t.Errorf("activities (-want +got):\n%s", d)
					}
					for _, a := range s.also {
						if d := cmp.Diff(a.want, got.Show(a.table, a.columns)); d != "" {
							t.Errorf("%s: %s (-want +got):\n%s", a.table, a.columns, d)
						}
					}
				})
			}
		})
	}
}
