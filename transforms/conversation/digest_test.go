package conversation

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
)

func snapshot(t *testing.T, tree *attribute.Tree, text string) attribute.Snapshot {
	t.Helper()
	b, ok := attribute.NewParser(tree).Append(nil, []byte(text))
	if !ok {
		t.Fatalf("no attributes: %s", text)
	}
	return attribute.Snapshot(b)
}

func TestTheConversationOfATaskIsFoundByTheFirstIDThatIsOne(t *testing.T) {
	const other = "CH00000000000000000000000000000002"
	tests := []struct {
		name, attributes, want string
	}{
		{"of Flex Conversations", `{"conversationSid":"` + chat + `","channelSid":"` + other + `"}`, chat},
		{"of a transcript", `{"conversations":{"media":[{"type":"VoiceRecording","sid":"` + other + `"},{"type":"ChatTranscript","sid":"` + chat + `"}]},"channelSid":"` + other + `"}`, chat},
		{"of a medium", `{"conversations":{"media":[{"conversation_sid":"` + chat + `"}]},"channelSid":"` + other + `"}`, chat},
		{"of Programmable Chat", `{"channelSid":"` + chat + `"}`, chat},
		{"what is no SID is passed over", `{"conversationSid":"CH1","channelSid":"` + chat + `"}`, chat},
		{"none", `{"conversationSid":"` + chat + `0"}`, ""},
	}
	for _, test := range tests {
		e := &event.Event{Kind: event.TaskCreated, HasTaskAttributes: true, TaskAttributes: snapshot(t, model.TaskTree, test.attributes)}
		if got, _ := NewDigester(nil).Digest("WT1", []*event.Event{e}, new(customer.Named), 1); got != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

func TestWhatATaskTellsOfItsConversation(t *testing.T) {
	own := snapshot(t, model.TaskTree, `{"conversationSid":"`+chat+`","customerAddress":"whatsapp:+1 555 123","from":"anonymous"}`)
	e := func(k event.Kind, worker, name, attributes string) *event.Event {
		e := &event.Event{Kind: k, Time: at(float64(k)), HasTaskAttributes: true, TaskAttributes: own}
		e.Text[event.WorkerSID], e.Text[event.WorkerName], e.Text[event.Channel] = worker, name, "chat"
		if attributes != "" {
			e.HasWorkerAttrs, e.WorkerAttributes = true, snapshot(t, model.WorkerTree, attributes)
		}
		return e
	}
	events := []*event.Event{
		e(event.TaskCreated, "", "", ""), e(event.ReservationAccepted, "WK1", "Ann", `{"contact_uri":"client:ann_40example_2Ecom"}`),
		e(event.TransferInitiated, "", "", ""), e(event.ReservationWrapup, "WK1", "Ann", ""), e(event.ReservationAccepted, "WK2", "", ""),
		e(event.TaskCompleted, "", "", ""),
	}
	if OfVoice(events) {
		t.Error("a chat is a call")
	}
	sid, got := NewDigester(nil).Digest("WT1", events, new(customer.Named), 6*4096)
	want := Task{
		SID: "WT1", Version: 6 * 4096, Start: at(float64(event.TaskCreated)), Moments: 3,
		Workers: []Worker{{"WK1", []string{"ann", "ann@example.com"}}}, Customer: []string{"whatsapp:+1 555 123", "+1555123"},
	}
	if d := cmp.Diff(want, got); d != "" || sid != chat {
		t.Errorf("%q\n%s", sid, d)
	}
	events[0].Text[event.Channel] = Voice
	if !OfVoice(events) {
		t.Error("a call is a chat")
	}
}
