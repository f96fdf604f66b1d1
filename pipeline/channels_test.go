package pipeline

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/twiliolocal"
)

// Each channel shows its customers and texts in its own way. Where nobody says which of two ways Twilio
// chooses, the text is the same in both.
func TestEveryChannelHasItsTurns(t *testing.T) {
	type said struct {
		message twiliolocal.Message
		want    string // turn_type, author_type, agent_id, text
	}
	const ann, template = "ann_40example_2Ecom", "HX0000000000000000000000000000000a"
	body := func(kind, text string) twiliolocal.Medium {
		return twiliolocal.Medium{Type: kind, Category: "body", Content: []byte(text)}
	}
	binding := func(kind, address string) twiliolocal.Participant {
		return twiliolocal.Participant{Binding: map[string]any{"type": kind, "address": address, "proxy_address": "proxy of " + kind}}
	}
	const agent = "Agent " + "WK00000000000000000000000000000001 "
	channels := []struct {
		name, attributes string
		customer         twiliolocal.Participant
		said             []said
	}{
		{"email", `"channelType":"email","customerAddress":"cust@example.com"`, binding("email", "cust@example.com"), []said{
			{twiliolocal.Message{Author: "cust@example.com", Body: "Dear sh…", Attributes: `{"subject":"Order 7"}`, Media: []twiliolocal.Medium{
				body("text/html", "<p>Dear shop,</p><p>where is it?</p>"), body("text/plain", "Dear shop,\nwhere is it?"), {Type: "text/plain", Category: "history", Content: []byte("old")},
			}}, "Message Customer - Order 7\nDear shop,\nwhere is it?"},
			{twiliolocal.Message{Author: "cust@example.com", Media: []twiliolocal.Medium{body("text/html", "<div>Hello?</div>")}}, "Message Customer - Hello?"},
			{twiliolocal.Message{Author: "cust@example.com", Body: "no medium"}, "Message Customer - no medium"},
			{twiliolocal.Message{Author: ann, Body: "See", Media: []twiliolocal.Medium{body("text/plain", "See the file."), {Type: "application/pdf", Content: []byte("%PDF")}}}, "File " + agent + "See the file."},
		}},
		{"whatsapp", `"channelType":"whatsapp","customerAddress":"whatsapp:+15550001"`, binding("whatsapp", "whatsapp:+15550001"), []said{
			{twiliolocal.Message{Author: ann, ContentSID: template}, "Message " + agent + "Dear {{1}}"},
			{twiliolocal.Message{Author: ann, ContentSID: template, Body: "Dear Eve"}, "Message " + agent + "Dear Eve"},
			{twiliolocal.Message{Author: "whatsapp:+15550001", Media: []twiliolocal.Medium{{Type: "image/jpeg", Content: []byte{1}}}}, "Image Customer - "},
			{twiliolocal.Message{Author: "proxy of whatsapp", Body: "by the number itself"}, "Message Bot - by the number itself"},
		}},
		{"sms", `"channelType":"sms","customerAddress":"+15550002"`, binding("sms", "+15550002"), []said{
			{twiliolocal.Message{Author: "+15550002", Body: "hi"}, "Message Customer - hi"},
			{twiliolocal.Message{Author: ann, ContentSID: template}, "Message " + agent + "Dear {{1}}"},
		}},
		{"web", `"channelType":"web","customerAddress":"guest-7","name":"Eve"`, twiliolocal.Participant{Identity: "guest-7", Attributes: `{"member_type":"guest"}`}, []said{
			{twiliolocal.Message{Author: "guest-7", Body: "hello"}, "Message Customer - hello"},
			{twiliolocal.Message{Author: ann, Body: "hello you"}, "Message " + agent + "hello you"},
		}},
		{"custom", `"channelType":"custom","customChannelType":"line","customerAddress":"line:U77"`, twiliolocal.Participant{Identity: "line:U77"}, []said{
			{twiliolocal.Message{Author: "line:U77", Body: "こんにちは"}, "Message Customer - こんにちは"},
		}},
		{"studio", `"channelType":"web","customerAddress":"guest-8"`, twiliolocal.Participant{Identity: "guest-8"}, []said{
			{twiliolocal.Message{Body: "from nobody"}, "Message Bot - from nobody"},
			{twiliolocal.Message{Author: "CH00000000000000000000000000000006", Body: "from the flow"}, "Message Bot - from the flow"},
			{twiliolocal.Message{Author: "system", Body: "from Twilio"}, "Message Bot - from Twilio"},
			{twiliolocal.Message{Author: "Autopilot", Body: "from a bot of the account"}, "Message Bot - from a bot of the account"},
		}},
	}
	for _, touch := range []bool{false, true} {
		server := twiliolocal.New(twiliolocal.Options{Secret: plantedSecret, ReceiptsTouch: touch, NextAbsent: touch})
		server.AddTemplate(template, "Dear {{1}}")
		var events bytes.Buffer
		var want []string
		for n, c := range channels {
			sid := fmt.Sprintf("CH%032d", n+1)
			server.AddConversation(twiliolocal.Conversation{SID: sid})
			server.AddParticipant(sid, c.customer)
			server.AddParticipant(sid, twiliolocal.Participant{Identity: ann, Attributes: `{"member_type":"agent"}`})
			for i, m := range c.said {
				m.message.SID, m.message.Created = fmt.Sprintf("IM%016d%016d", n, i), time.UnixMilli(history.Start).Add(time.Duration(10+i)*time.Second)
				server.AddMessage(sid, m.message)
				server.Deliver(sid, m.message.SID, "read")
				want = append(want, fmt.Sprintf("%s %s %s", c.name, m.message.SID, m.want))
			}
			events.Write(restEvents(server.Account(), `{"conversationSid":"`+sid+`",`+c.attributes+`}`, fmt.Sprintf(`
				0  task.created          %[1]d - -
				2  reservation.created   %[1]d %[1]d 1
				5  reservation.accepted  %[1]d %[1]d 1
				60 reservation.completed %[1]d %[1]d 1
				60 task.completed        %[1]d %[1]d 1`, n+1)))
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Close() })
		t.Setenv("TWILIO_ACCOUNT_SID", server.Account())
		t.Setenv("TWILIO_API_KEY", server.Key())
		t.Setenv("TWILIO_API_SECRET", plantedSecret)
		path := filepath.Join(t.TempDir(), "events.ndjson")
		if err := os.WriteFile(path, events.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		store := history.NewStore()
		j, err := New(Options{Source: "file:" + path, Sink: memory(store), Turns: "missing?endpoint=" + server.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		for _, r := range store.Tables().Rows("turn_contents") {
			texts[r["turn_id"]] = r["text"]
		}
		var got []string
		for _, r := range store.Tables().Rows("turns") {
			var n int
			if _, err := fmt.Sscanf(r["conversation_sid"], "CH%032d", &n); err != nil {
				t.Fatal(err)
			}
			worker := r["agent_id"]
			if worker == "" {
				worker = "-"
			}
			got = append(got, fmt.Sprintf("%s %s %s %s %s %s", channels[n-1].name, r["turn_id"], r["turn_type"], r["author_type"], worker, texts[r["turn_id"]]))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("receipts touch messages: %v (-want +got):\n%s", touch, d)
		}
	}
}
