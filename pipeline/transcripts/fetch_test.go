package transcripts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
	"flexbeam/pipeline/transcripts"
	"flexbeam/schemas/event"
	"flexbeam/schemas/turn"
)

const (
	chat    = "CH00000000000000000000000000000001"
	planted = "plantedSecret0123456789"
	service = "IS00000000000000000000000000000009"
)

// fetching returns a local Twilio and what fetches from it.
func fetching(t *testing.T, o twiliolocal.Options, chatService string) (*twiliolocal.Server, transcripts.Fetch) {
	t.Helper()
	o.Secret = planted
	s := twiliolocal.New(o)
	client, err := twilio.New(twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret(planted), Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	return s, transcripts.NewFetch(client, chatService)
}

// at is a time of the test's day, in whole seconds.
func at(seconds int) time.Time {
	return time.Date(2026, 3, 2, 8, 0, seconds, 0, time.UTC)
}

func millis(seconds int) event.Millis { return event.Millis(at(seconds).UnixMilli()) }

func fetch(t *testing.T, f transcripts.Fetch) *turn.Transcript {
	t.Helper()
	got, err := f(t.Context(), chat)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestATranscriptHasWhatTwilioShows(t *testing.T) {
	s, f := fetching(t, twiliolocal.Options{}, "")
	s.AddConversation(twiliolocal.Conversation{SID: chat})
	s.AddTemplate("HX1", "Dear {{1}}")
	for _, p := range []twiliolocal.Participant{
		{SID: "MB1", Identity: "ann_40example_2Ecom", Attributes: `{"member_type":"agent"}`},
		{SID: "MB2", Binding: map[string]any{"type": "whatsapp", "address": "whatsapp:+1555", "proxy_address": "whatsapp:+1666"}},
		{SID: "MB3", Identity: "x", Binding: map[string]any{"projected_address": "+1777"}, Attributes: `no JSON`},
	} {
		s.AddParticipant(chat, p)
	}
	hostile := "\x00<script>\u202e\U0001F469 " + strings.Repeat("x", 32<<10)
	for i, m := range []twiliolocal.Message{
		{Author: "system", Body: hostile},
		{Author: "whatsapp:+1555", Participant: "MB2", Media: []twiliolocal.Medium{{Type: "image/png", Content: []byte{1}}}},
		{Author: "MB1", ContentSID: "HX1"}, {Author: "MB1", ContentSID: "HX2"}, {Author: "MB1", ContentSID: "HX1", Body: "Dear Ann"},
		{Author: "a@example.com", Body: "Hi…", Attributes: `{"subject":"Order"}`, Media: []twiliolocal.Medium{
			{Type: "text/html", Category: "body", Content: []byte("<p>Hi</p>")}, {Type: "text/plain; charset=utf-8", Category: "body", Content: []byte("Hi \xff")},
			{Type: "text/plain", Category: "history", Content: []byte("old")},
		}},
		{Author: "a@example.com", Media: []twiliolocal.Medium{{Type: "text/plain", Category: "body", Content: []byte(strings.Repeat("y", 2<<20))}}},
		{},
	} {
		m.SID, m.Created = fmt.Sprint("IM", i), at(i)
		s.AddMessage(chat, m)
	}
	got := fetch(t, f)
	message := func(i int, m turn.Message) turn.Message {
		m.SID, m.Index, m.Created, m.Updated = fmt.Sprint("IM", i), int64(i), millis(i), millis(i)
		if m.Attributes == "" {
			m.Attributes = "{}"
		}
		return m
	}
	want := &turn.Transcript{
		Messages: []turn.Message{
			message(0, turn.Message{Author: "system", Body: hostile}),
			message(1, turn.Message{Author: "whatsapp:+1555", Participant: "MB2", Media: []turn.Medium{{Type: "image/png", Category: "media"}}}),
			message(2, turn.Message{Author: "MB1", Template: "Dear {{1}}"}), message(3, turn.Message{Author: "MB1"}), message(4, turn.Message{Author: "MB1", Body: "Dear Ann"}),
			message(5, turn.Message{Author: "a@example.com", Body: "Hi…", Attributes: `{"subject":"Order"}`, Media: []turn.Medium{
				{Type: "text/html", Category: "body"}, {Type: "text/plain; charset=utf-8", Category: "body", Text: "Hi \ufffd"}, {Type: "text/plain", Category: "history"},
			}}),
			message(6, turn.Message{Author: "a@example.com", Media: []turn.Medium{{Type: "text/plain", Category: "body"}}}),
			message(7, turn.Message{}),
		},
		Participants: []turn.Participant{
			{SID: "MB1", Identity: "ann_40example_2Ecom", MemberType: "agent"}, {SID: "MB2", Address: "whatsapp:+1555", Proxy: "whatsapp:+1666"},
			{SID: "MB3", Identity: "x", Projected: "+1777"},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	fetch(t, f)
	if n := s.Calls("/v1/Configuration"); n != 1 {
		t.Errorf("the chat service is asked for %d times", n)
	}
}

func TestManyFetchesAskForTheChatServiceOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := fetching(t, twiliolocal.Options{Latency: time.Second}, "")
		s.AddConversation(twiliolocal.Conversation{SID: chat})
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if got := fetch(t, f); got.Gone || got.Fault != "" {
					t.Errorf("%+v", got)
				}
			})
		}
		group.Wait()
		if n := s.Calls("/v1/Configuration"); n != 1 {
			t.Errorf("the chat service is asked for %d times", n)
		}
	})
}

func TestNoMessageIsLostOrDoubledWhenCallsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := fetching(t, twiliolocal.Options{}, "")
		s.AddConversation(twiliolocal.Conversation{SID: chat})
		for i := range 450 {
			s.AddMessage(chat, twiliolocal.Message{SID: fmt.Sprint("IM", i), Author: "system", Body: "x", Created: at(i)})
		}
		for i, fault := range []twiliolocal.Fault{{Status: 503, HTML: true}, {Status: 429}, {Cut: true}, {Reset: true}, {NoMeta: true}, {NoList: true}} {
			fault.Probability, fault.Seed = 0.05, uint64(i)
			s.Inject(fault)
		}
		for range 5 {
			got := fetch(t, f)
			if got.Fault != "" || len(got.Messages) != 450 {
				t.Fatalf("%d messages: %s", len(got.Messages), got.Fault)
			}
			for i, m := range got.Messages {
				if m.SID != fmt.Sprint("IM", i) || m.Index != int64(i) {
					t.Fatalf("%d is %s", i, m.SID)
				}
			}
		}
	})
}

func TestWhatCannotBeReadIsAFault(t *testing.T) {
	tests := []struct {
		name  string
		fault twiliolocal.Fault
		again bool
		fewer int // messages
	}{
		{"the second page", twiliolocal.Fault{Status: 500, Path: "PageToken"}, true, 50},
		{"the participants", twiliolocal.Fault{Status: 500, Path: "/Participants"}, true, 0},
		{"no access", twiliolocal.Fault{Status: 403, Path: "/Messages"}, false, 150},
		{"the conversation is deleted meanwhile", twiliolocal.Fault{Status: 404, Path: "PageToken"}, false, 50},
		{"the chat service", twiliolocal.Fault{Status: 500, Path: "/v1/Configuration"}, true, 150},
		{"the key is not valid", twiliolocal.Fault{Status: 401}, false, 150},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, f := fetching(t, twiliolocal.Options{}, "")
				s.AddConversation(twiliolocal.Conversation{SID: chat})
				for i := range 150 {
					s.AddMessage(chat, twiliolocal.Message{Author: "system", Body: "x", Created: at(i)})
				}
				s.Inject(test.fault)
				got := fetch(t, f)
				if got.Fault == "" || got.Again != test.again || got.Gone || len(got.Messages) != 150-test.fewer {
					t.Errorf("%d messages, again %v, gone %v: %s", len(got.Messages), got.Again, got.Gone, got.Fault)
				}
				if strings.Contains(got.Fault, planted) {
					t.Error("the fault tells the secret")
				}
			})
		})
	}
}

func TestAConversationIsGoneWhenAllChatServicesSaySo(t *testing.T) {
	tests := []struct {
		name         string
		flex, config string
		in           string // the service that has it
		gone         bool
	}{
		{"it is in the default one", "", "", twiliolocal.DefaultChatService, false},
		{"it is in that of Flex", service, "", service, false},
		{"it is in the configured one", "", service, service, false},
		{"it is in none", service, "", "", true},
		{"there is no Flex", "", "", "", true},
		{"the configured one alone counts", "", service, twiliolocal.DefaultChatService, true},
	}
	for _, test := range tests {
		s, f := fetching(t, twiliolocal.Options{FlexService: test.flex}, test.config)
		if test.in != "" {
			s.AddConversation(twiliolocal.Conversation{SID: chat, Service: test.in})
			s.AddMessage(chat, twiliolocal.Message{Author: "system", Body: "x"})
		}
		if got := fetch(t, f); got.Gone != test.gone || got.Fault != "" || len(got.Messages) == 0 != test.gone {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestAChannelOfProgrammableChatIsReadWhereOneAsksForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, plain := fetching(t, twiliolocal.Options{FlexService: service}, "")
		client, err := twilio.New(twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret(planted), Transport: s})
		if err != nil {
			t.Fatal(err)
		}
		legacy := transcripts.NewFetch(client, "", transcripts.Legacy(true))
		s.AddConversation(twiliolocal.Conversation{SID: chat, Service: service, Legacy: true})
		s.AddParticipant(chat, twiliolocal.Participant{SID: "MB1", Identity: "ann_40example_2Ecom", Attributes: `{"member_type":"agent"}`})
		s.AddParticipant(chat, twiliolocal.Participant{SID: "MB2", Identity: "guest", Attributes: `{"member_type":"guest"}`})
		for i := range 150 {
			s.AddMessage(chat, twiliolocal.Message{SID: fmt.Sprint("IM", i), Author: "guest", Body: fmt.Sprint(i), Created: at(i)})
		}
		s.AddMessage(chat, twiliolocal.Message{SID: "IM150", Author: "ann_40example_2Ecom", Media: []twiliolocal.Medium{{Type: "image/png", Content: []byte{1}}}, Created: at(200), Updated: at(201)})
		for i, fault := range []twiliolocal.Fault{{Status: 503, HTML: true}, {Status: 429}, {Cut: true}, {Reset: true}} {
			fault.Probability, fault.Seed = 0.05, uint64(i)
			s.Inject(fault)
		}
		got := fetch(t, legacy)
		if got.Fault != "" || got.Gone || len(got.Messages) != 151 {
			t.Fatalf("%d messages, gone %v: %s", len(got.Messages), got.Gone, got.Fault)
		}
		for i, m := range got.Messages[:150] {
			if m.SID != fmt.Sprint("IM", i) || m.Index != int64(i) || m.Body != fmt.Sprint(i) || m.Author != "guest" || m.Created != millis(i) {
				t.Fatalf("%d is %+v", i, m)
			}
		}
		want := turn.Message{SID: "IM150", Index: 150, Author: "ann_40example_2Ecom", Attributes: "{}", Created: millis(200), Updated: millis(201), Media: []turn.Medium{{Type: "image/png"}}}
		if d := cmp.Diff(want, got.Messages[150]); d != "" {
			t.Error(d)
		}
		members := []turn.Participant{{SID: "MB1", Identity: "ann_40example_2Ecom", MemberType: "agent"}, {SID: "MB2", Identity: "guest", MemberType: "guest"}}
		if d := cmp.Diff(members, got.Participants); d != "" {
			t.Error(d)
		}
		calls := s.Calls("/v2/")
		if got := fetch(t, plain); !got.Gone || s.Calls("/v2/") != calls {
			t.Errorf("nobody asked for channels: %+v", got)
		}
		s.DeleteConversation(chat)
		if got := fetch(t, legacy); !got.Gone || got.Fault != "" {
			t.Errorf("a channel that is gone: %+v", got)
		}
	})
}

func TestAFetchEndsWithItsContext(t *testing.T) {
	s, f := fetching(t, twiliolocal.Options{}, "")
	s.Inject(twiliolocal.Fault{Status: 500})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the end")
	cancel(cause)
	if _, err := f(ctx, chat); !errors.Is(err, cause) {
		t.Error(err)
	}
}

func TestWhatIsFetchedIsReadFromText(t *testing.T) {
	for _, name := range []string{"TWILIO_ACCOUNT_SID", "TWILIO_API_KEY", "TWILIO_API_SECRET"} {
		t.Setenv(name, "")
	}
	if c, err := transcripts.Parse("", nil, nil); err != nil || c.Fetches() {
		t.Errorf("without credentials: %+v, %v", c, err)
	}
	if _, err := transcripts.Parse("missing", nil, nil); err == nil || !strings.Contains(err.Error(), "TWILIO_API_KEY") {
		t.Errorf("credentials are missing: %v", err)
	}
	t.Setenv("TWILIO_ACCOUNT_SID", twiliolocal.DefaultAccount)
	t.Setenv("TWILIO_API_KEY", twiliolocal.DefaultKey)
	t.Setenv("TWILIO_API_SECRET", planted)
	for text, want := range map[string]string{"": transcripts.Missing, "all": transcripts.All, "none": transcripts.None, "missing?endpoint=http://127.0.0.1:4010&every=1m&service=" + service: transcripts.Missing} {
		c, err := transcripts.Parse(text, nil, nil)
		if err != nil || c.Which != want || c.Fetches() == (want == transcripts.None) {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
		if strings.Contains(fmt.Sprintf("%+v", c), planted) {
			t.Errorf("%q: the configuration holds the secret", text)
		}
	}
	for _, text := range []string{"some", "all?every=1s", "all?secret=" + planted, "all?endpoint=http://elsewhere.example", "missing?region=au1"} {
		if _, err := transcripts.Parse(text, nil, nil); err == nil || strings.Contains(err.Error(), planted) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
