package agent_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
)

func TestAgentsFollowTheRules(t *testing.T) {
	tests := []struct {
		rule    string
		events  string
		columns string
		want    []string
	}{
		{
			"3 the newest event with attributes gives every column",
			`0  worker.created wa={"full_name":"Ann","email":"a@x","location":"Brno"}
			 5  worker.attributes.update wa={"full_name":"Ann B.","email":"b@x"}`,
			"agent_id agent_name email location", []string{"WK1 | Ann B. | b@x | -"},
		},
		{
			"3 empty attributes are attributes",
			`0  worker.created wa={"email":"a@x"}
			 5  worker.attributes.update wa={} name=ann`,
			"agent_name email", []string{"ann | -"},
		},
		{
			"3 attributes that cannot be parsed are none",
			`0  worker.created wa={"email":"a@x"}
			 5  worker.attributes.update wa="[1]"
			 6  worker.attributes.update wa="{bad"
			 7  worker.attributes.update wa=null
			 8  worker.attributes.update wa=5`,
			"email", []string{"a@x"},
		},
		{
			"3 events of reservations count as well",
			`0  worker.created wa={"email":"a@x"}
			 5  accepted wa={"email":"b@x"}`,
			"email", []string{"b@x"},
		},
		{
			"3 the name of the attributes' own event stands in for the full name",
			`0  worker.created wa={"email":"a@x"} name=ann
			 5  worker.activity.update name=bob`,
			"agent_name", []string{"ann"},
		},
		{
			"9 first and last name stand in for the full name",
			`0  worker.created WK1 wa={"first_name":" Ann","last_name":"Agent"} name=a
			 0  worker.created WK2 wa={"full_name":" ","first_name":"Ben"} name=b
			 0  worker.created WK3 wa={"last_name":"Cox","first_name":""} name=c`,
			"agent_name", []string{"Ann Agent", "Ben", "Cox"},
		},
		{
			"9 an identity is read back to an address",
			`0  worker.created WK1 wa={} name=ann_2Eb_40example_2Ecom
			 5  worker.created WK2 name=j_C3_B6rg_40example_2Ecom
			 5  worker.created WK3 name=a_39_2A_40x_2F_30`,
			"agent_name", []string{"ann.b@example.com", "jörg@example.com", "a9*@x/0"},
		},
		{
			"9 a name that gives no address stays",
			`0  worker.created WK1 wa={} name=ann_2Eb
			 0  worker.created WK2 wa={} name=ann_40
			 0  worker.created WK3 wa={} name=_40ann
			 0  worker.created WK4 wa={} name=a_40b_40c
			 0  worker.created WK5 wa={} name=ann_40b_2ecom
			 0  worker.created WK6 wa={} name=a_C3_40b
			 0  worker.created WK7 wa={} name=ann_40b_2E
			 0  worker.created WK8 wa={} name=ann_40b_2
			 0  worker.created WK9 wa={} name=ann_40b_`,
			"agent_name", []string{"ann_2Eb", "ann_40", "_40ann", "a_40b_40c", "ann@b_2ecom", "a_C3_40b", "ann@b.", "ann@b_2", "ann@b_"},
		},
		{
			"9 without any attributes the newest name counts",
			`0  worker.created name=ann
			 5  worker.activity.update name=bob
			 6  worker.capacity.update name=" "`,
			"agent_name email state agent_type", []string{"bob | - | Active | User"},
		},
		{
			"3 an agent whose newest event is the deletion is Inactive",
			`0  worker.created wa={"email":"a@x"}
			 5  deleted`,
			"email state", []string{"a@x | Inactive"},
		},
		{
			"3 the newest of all events with the worker decides the state",
			`5  deleted
			 9  completed`,
			"state", []string{"Active"},
		},
		{
			"9 fallbacks of department and team",
			`0  worker.created wa={"department":" ","department_name":"D","team":null,"agent_team":"A","team_name":"T"}`,
			"department team", []string{"D | A"},
		},
		{
			"9 the highest known role over role and roles, in lower case",
			`0  worker.created wa={"role":"Agent","roles":["wfo.full_access","SUPERVISOR"]}`,
			"role roles", []string{"supervisor | wfo.full_access, SUPERVISOR"},
		},
		{
			"9 admin is higher than supervisor",
			`0  worker.created wa={"role":"supervisor, admin"}`,
			"role roles", []string{"admin | supervisor, admin"},
		},
		{
			"9 no known role: the first, as it is written",
			`0  worker.created wa={"roles":"Teamlead , coach"}`,
			"role roles", []string{"Teamlead | Teamlead, coach"},
		},
		{
			"9 wfo roles never become the role",
			`0  worker.created wa={"roles":["WFO.full_access","wfo.data"],"role":""}`,
			"role roles", []string{"- | WFO.full_access, wfo.data"},
		},
		{
			"9 roles that are empty leave the word to role",
			`0  worker.created wa={"roles":" , ","role":["coach",null,""]}`,
			"role roles", []string{"coach | coach"},
		},
		{
			"9 costs are numbers or decimal text",
			`0  worker.created wa={"cost_per_hour":"12.50","cost_per_engagement":"3 EUR"}`,
			"cost_per_hour cost_per_engagement", []string{"12.5 | -"},
		},
		{
			"key: the same worker in two accounts is two agents",
			`0  worker.created wa={"email":"a@x"}
			 0  worker.created AC2 wa={"email":"b@x"}`,
			"account_sid agent_id email", []string{"AC1 | WK1 | a@x", "AC2 | WK1 | b@x"},
		},
		{
			"reservation.failed names no worker: no agent",
			`0  failed`,
			"agent_id", nil,
		},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			got := history.Of(history.Parse(test.events)).Show("agents", test.columns)
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("%s\n%s (-want +got):\n%s", test.events, test.columns, d)
			}
		})
	}
}

// stamp is the event stamp of contract, section 1.
func stamp(e history.Event, stream bool) int64 {
	sum := sha256.Sum256([]byte(e.ID))
	s := e.Time*4096 + int64(sum[0])*8 + int64(sum[1])/32
	if stream {
		s += 2048
	}
	return s
}

func TestVersionIsTheStampOfTheNewestEvent(t *testing.T) {
	events := history.Parse(`
		0  worker.created wa={"email":"a@x"}
		9  worker.capacity.update EV7
		5  worker.attributes.update wa={"email":"b@x"}`)
	for _, form := range []history.Form{history.Object, history.REST} {
		got := history.Fold(history.Lines(events, history.All(form)), history.Options{}).Show("agents", "email row_version updated_at")
		want := []string{fmt.Sprintf("b@x | %d | 2026-03-02T08:00:09.000Z", stamp(events[1], form != history.REST))}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}

// TestOfEqualTimesTheStampDecides puts events into one millisecond: those of Event Streams count
// before those of the REST log, then the bits of the ids.
func TestOfEqualTimesTheStampDecides(t *testing.T) {
	for i := range 40 {
		events := history.Parse(fmt.Sprintf(`
			0  worker.attributes.update EV%d wa={"email":"a@x"}
			0  worker.attributes.update EV%d wa={"email":"b@x"}`, i, i+100))
		first, second := i%3 != 0, i%5 != 0
		lines := [][]byte{events[0].Record(form(first)), events[1].Record(form(second))}
		want := "a@x"
		if stamp(events[1], second) > stamp(events[0], first) {
			want = "b@x"
		}
		if got := history.Fold(lines, history.Options{}).Show("agents", "email")[0]; got != want {
			t.Errorf("%s and %s: got %s, want %s", events[0].ID, events[1].ID, got, want)
		}
	}
}

func form(stream bool) history.Form {
	if stream {
		return history.Object
	}
	return history.REST
}
