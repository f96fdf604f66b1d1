package twiliolocal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	conversations "github.com/twilio/twilio-go/rest/conversations/v1"
	events "github.com/twilio/twilio-go/rest/events/v1"
	taskrouter "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
)

const (
	workspace   = "WS00000000000000000000000000000001"
	chat        = "CH00000000000000000000000000000001"
	channel     = "CH00000000000000000000000000000002"
	interaction = "KD00000000000000000000000000000001"
	firstEvent  = "EV00000000000000000000000000000001"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// zeros returns the digits of a SID.
func zeros(n string) string { return strings.Repeat("0", 32-len(n)) + n }

// event returns an event of the log, some seconds and ms behind noon.
func event(n int, ms int64) string {
	at := noon.Add(time.Duration(ms) * time.Millisecond)
	return fmt.Sprintf(`{"account_sid":%q,"actor_sid":%q,"actor_type":"system","description":"d","event_data":{"task_sid":"WT%s","task_attributes":"{\"a\":1}","worker_sid":"WK%s","worker_name":"w","worker_attributes":"{}",`+
		`"worker_activity_sid":"WA%s","worker_activity_name":"Available","worker_available":"true","task_queue_sid":"WQ%s","task_queue_name":"q"},"event_date":%q,"event_date_ms":%d,`+
		`"event_type":"reservation.created","resource_sid":"WR%s","resource_type":"reservation","resource_url":"https://taskrouter.twilio.com/v1","sid":"EV%s","source":"taskrouter","url":"https://taskrouter.twilio.com/v1","workspace_sid":%q}`,
		twiliolocal.DefaultAccount, workspace, zeros("1"), zeros("1"), zeros("1"), zeros("1"), at.Format(time.RFC3339), at.UnixMilli(), zeros("1"), zeros(fmt.Sprintf("%x", n)), workspace)
}

// filled returns a server with something of everything.
func filled(t *testing.T, change ...func(*twiliolocal.Options)) *twiliolocal.Server {
	t.Helper()
	o := twiliolocal.Options{Now: func() time.Time { return noon.Add(time.Hour) }}
	for _, f := range change {
		f(&o)
	}
	s := twiliolocal.New(o)
	var log strings.Builder
	for i := range 5 {
		log.WriteString(event(i+1, int64(i)*1500) + "\n\n")
	}
	if n, err := s.LoadEvents(strings.NewReader(log.String())); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	s.AddConversation(twiliolocal.Conversation{SID: chat})
	s.AddMessage(chat, twiliolocal.Message{SID: "IM" + zeros("1"), Author: "a", Body: "hello", Participant: "MB" + zeros("2"), Media: []twiliolocal.Medium{{Type: "text/plain", Category: "body", Content: []byte("hello")}}})
	s.AddMessage(chat, twiliolocal.Message{Author: "system", ContentSID: "HX" + zeros("1")})
	s.AddParticipant(chat, twiliolocal.Participant{SID: "MB" + zeros("2"), Identity: "a"})
	s.AddParticipant(chat, twiliolocal.Participant{Binding: map[string]any{"type": "sms", "address": "+15551230001", "proxy_address": "+15559990000"}})
	s.AddConversation(twiliolocal.Conversation{SID: channel, Legacy: true})
	s.AddMessage(channel, twiliolocal.Message{Author: "a", Media: []twiliolocal.Medium{{Type: "image/png"}}})
	s.AddMessage(channel, twiliolocal.Message{Author: "a", Body: "hello"})
	s.AddParticipant(channel, twiliolocal.Participant{Identity: "a"})
	s.AddInteraction(twiliolocal.Interaction{SID: interaction, Channel: "UO" + zeros("1"), Invites: []twiliolocal.Invite{{SID: "KG" + zeros("1"), Attributes: map[string]any{"conversationSid": chat}}}})
	return s
}

func client(t *testing.T, s *twiliolocal.Server) *twilio.Client {
	t.Helper()
	c, err := twilio.New(twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret(s.Secret()), Transport: s, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEventsOfATimeAreListed(t *testing.T) {
	s := filled(t)
	c := client(t, s)
	list := func(from, to int64) (sids []string) {
		start, end, size := noon.Add(time.Duration(from)*time.Second), noon.Add(time.Duration(to)*time.Second), 2
		for page, err := range twilio.Pages(t.Context(), c, func(ctx context.Context) (*taskrouter.ListEventResponse, error) {
			return c.TaskRouter(ctx).PageEvent(workspace, &taskrouter.ListEventParams{StartDate: &start, EndDate: &end, PageSize: &size}, "", "")
		}, func(p *taskrouter.ListEventResponse) *string { return p.Meta.NextPageUrl }) {
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				sids = append(sids, strings.TrimLeft(*e.Sid, "EV0"))
			}
		}
		return sids
	}
	// At 0, 1.5, 3, 4.5 and 6 seconds.
	for want, got := range map[string][]string{"5 4 3 2 1": list(0, 6), "3 2 1": list(0, 3), "4 3": list(3, 5), "": list(5, 5)} {
		if strings.Join(got, " ") != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	size := 1001
	if _, err := c.TaskRouter(t.Context()).PageEvent(workspace, &taskrouter.ListEventParams{PageSize: &size}, "", ""); !errors.Is(err, twilio.ErrRequest) {
		t.Error(err)
	}
	var e *twilio.Error
	if _, err := c.TaskRouter(t.Context()).PageEvent(workspace, nil, "", "1"); !errors.As(err, &e) || e.Code != 40153 {
		t.Error(err)
	}
	minutes := 61
	page, err := c.TaskRouter(t.Context()).PageEvent(workspace, &taskrouter.ListEventParams{Minutes: &minutes}, "", "")
	if err != nil || len(page.Events) != 5 {
		t.Error(page, err)
	}
	if page, err = c.TaskRouter(t.Context()).PageEvent(workspace, nil, "", ""); err != nil || len(page.Events) != 0 {
		t.Error("the last quarter hour has events:", err)
	}
}

func TestOldEventsShowNoAttributes(t *testing.T) {
	s := filled(t, func(o *twiliolocal.Options) { o.Now = func() time.Time { return noon.Add(31 * 24 * time.Hour) } })
	forms := map[string]bool{}
	for n := range 5 {
		e, err := client(t, s).TaskRouter(t.Context()).FetchEvent(workspace, "EV"+zeros(fmt.Sprint(n+1)))
		if err != nil {
			t.Fatal(err)
		}
		data := (*e.EventData).(map[string]any)
		if data["task_sid"] == nil || data["task_attributes"] == `{"a":1}` {
			t.Error(data)
		}
		forms[fmt.Sprint(data["task_attributes"])] = true
	}
	if len(forms) < 2 {
		t.Errorf("attributes are redacted in one way: %v", forms)
	}
}

func TestWhatEventsNameIsThere(t *testing.T) {
	s := filled(t)
	c := client(t, s).TaskRouter(t.Context())
	w, err := c.FetchWorker(workspace, "WK"+zeros("1"))
	if err != nil || *w.FriendlyName != "w" || *w.Attributes != "{}" || !*w.Available || *w.ActivityName != "Available" {
		t.Error(w, err)
	}
	workers, err := c.ListWorker(workspace, nil)
	if err != nil || len(workers) != 1 || workers[0].Attributes != nil {
		t.Error(workers, err)
	}
	activities, err := c.ListActivity(workspace, nil)
	if err != nil || len(activities) != 1 || !*activities[0].Available {
		t.Error(activities, err)
	}
	queues, err := c.ListTaskQueue(workspace, nil)
	if err != nil || len(queues) != 1 || *queues[0].FriendlyName != "q" {
		t.Error(queues, err)
	}
}

func TestMessagesAreEditedDeletedAndDelivered(t *testing.T) {
	for _, touch := range []bool{false, true} {
		now := noon
		s := filled(t, func(o *twiliolocal.Options) {
			o.ReceiptsTouch, o.Now = touch, func() time.Time { return now }
		})
		c := client(t, s).Conversations(t.Context())
		first := "IM" + zeros("1")
		now = now.Add(time.Minute)
		s.Deliver(chat, first, "read")
		m, err := c.FetchConversationMessage(chat, first)
		if err != nil || m.DateUpdated.Equal(now) != touch || m.Delivery == nil {
			t.Errorf("touch %v: %v, %v", touch, m.DateUpdated, err)
		}
		now = now.Add(time.Minute)
		s.EditMessage(chat, first, "hello again")
		if m, err = c.FetchConversationMessage(chat, first); err != nil || *m.Body != "hello again" || !m.DateUpdated.Equal(now) || m.DateCreated.Equal(now) {
			t.Error(m, err)
		}
		s.DeleteMessage(chat, first)
		s.AddMessage(chat, twiliolocal.Message{Author: "b", Body: "third"})
		left, err := c.ListConversationMessage(chat, &conversations.ListConversationMessageParams{})
		if err != nil || len(left) != 2 || left[0].Index != 1 || left[1].Index != 2 {
			t.Error(left, err)
		}
	}
}

func TestWhoLeavesAConversationIsNotListed(t *testing.T) {
	s := filled(t)
	c := client(t, s).Conversations(t.Context())
	s.RemoveParticipant(chat, "MB"+zeros("2"))
	left, err := c.ListConversationParticipant(chat, nil)
	if err != nil || len(left) != 1 || left[0].Identity != nil || left[0].MessagingBinding == nil {
		t.Error(left, err)
	}
	other := "IS" + zeros("9")
	if _, err := c.FetchServiceConversation(other, chat); !errors.Is(err, twilio.ErrNotFound) {
		t.Error(err)
	}
	s.DeleteConversation(chat)
	if _, err := c.FetchConversation(chat); !errors.Is(err, twilio.ErrNotFound) {
		t.Error(err)
	}
}

func TestASinkServesOneSubscription(t *testing.T) {
	type sent struct {
		arn    string
		record []byte
	}
	delivered := make(chan sent, 1)
	s := filled(t, func(o *twiliolocal.Options) { o.Deliver = func(arn string, b []byte) { delivered <- sent{arn, b} } })
	c := client(t, s).Events(t.Context())
	params := &events.CreateSinkParams{}
	params.SetDescription("d").SetSinkType("kinesis").SetSinkConfiguration(map[string]any{"arn": "arn:aws:kinesis:x", "role_arn": "r"})
	if _, err := c.CreateSink(params); !errors.Is(err, twilio.ErrRequest) || !strings.Contains(err.Error(), "external_id") {
		t.Error(err)
	}
	params.SetSinkConfiguration(map[string]any{"arn": "arn:aws:kinesis:x", "role_arn": "r", "external_id": "x"})
	sink, err := c.CreateSink(params)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateSinkTest(*sink.Sid); err != nil {
		t.Fatal(err)
	}
	got := <-delivered
	var record map[string]any
	if err := json.Unmarshal(got.record, &record); err != nil || got.arn != "arn:aws:kinesis:x" || record["type"] != "com.twilio.eventstreams.test-event" || record["id"] != s.Account() {
		t.Error(got.arn, record, err)
	}
	subscribe := func(types ...string) (*events.EventsV1Subscription, error) {
		var all []any
		for _, name := range types {
			all = append(all, map[string]any{"type": name})
		}
		return c.CreateSubscription((&events.CreateSubscriptionParams{}).SetDescription("d").SetSinkSid(*sink.Sid).SetTypes(all))
	}
	if _, err := subscribe("com.twilio.taskrouter.task.invented"); !errors.Is(err, twilio.ErrRequest) {
		t.Error(err)
	}
	made, err := subscribe("com.twilio.taskrouter.task.created", "com.twilio.taskrouter.task.updated")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := subscribe("com.twilio.taskrouter.task.created"); err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Error(err)
	}
	if err := c.DeleteSink(*sink.Sid); err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Error(err)
	}
	types, err := c.ListSubscribedEvent(*made.Sid, nil)
	if err != nil || len(types) != 2 || types[0].SchemaVersion != 4 {
		t.Error(types, err)
	}
	if err := errors.Join(c.DeleteSubscription(*made.Sid), c.DeleteSink(*sink.Sid)); err != nil {
		t.Error(err)
	}
}

func TestEveryTypeOfTaskRouterCanBeFound(t *testing.T) {
	schema := "TaskRouter.WDSEvent"
	types, err := client(t, filled(t)).Events(t.Context()).ListEventType(&events.ListEventTypeParams{SchemaId: &schema})
	if err != nil || len(types) != 37 {
		t.Errorf("%d types, %v", len(types), err)
	}
}

func TestWithoutTheKeyNothingIsShown(t *testing.T) {
	s := filled(t)
	c, err := twilio.New(twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret("other"), Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	var e *twilio.Error
	if _, err := c.TaskRouter(t.Context()).FetchWorkspace(workspace); !errors.As(err, &e) || e.Code != 20003 || e.Status != 401 {
		t.Error(err)
	}
}

func TestAHostServesItsProductOnly(t *testing.T) {
	s := filled(t)
	if res := ask(t, s, "conversations", "GET", "/v1/Workspaces", ""); res.StatusCode != 404 {
		t.Error(res.Status)
	}
	res := ask(t, s, "taskrouter", "GET", "/v1/Nothing", "")
	b, err := io.ReadAll(res.Body)
	var body map[string]any
	if err != nil || json.Unmarshal(b, &body) != nil || res.StatusCode != 404 || body["status"] != 404.0 {
		t.Errorf("%d %s", res.StatusCode, b)
	}
}

func TestFaultsStrikeOnSchedule(t *testing.T) {
	s := filled(t)
	i := s.Inject(twiliolocal.Fault{Path: "/Workers", Skip: 1, Every: 2, Count: 2, Status: 503})
	var got []int
	for range 6 {
		got = append(got, ask(t, s, "taskrouter", "GET", "/v1/Workspaces/"+workspace+"/Workers", "").StatusCode)
	}
	if d := cmp.Diff([]int{200, 503, 200, 503, 200, 200}, got); d != "" || i.Hits() != 2 {
		t.Error(d, i.Hits())
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	s := twiliolocal.New(twiliolocal.Options{})
	for _, text := range []string{"{", "[]", "{}", `{"sid":"EV1","workspace_sid":"WS1"}`} {
		if _, err := s.LoadEvents(bytes.NewReader([]byte("\n" + text))); err == nil || !strings.Contains(err.Error(), "line 2: not an event of the REST log") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
