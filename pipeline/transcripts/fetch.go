package transcripts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	conversations "github.com/twilio/twilio-go/rest/conversations/v1"

	"flexbeam/internal/twilio"
	"flexbeam/schemas/event"
	"flexbeam/schemas/turn"
	"flexbeam/transforms/conversation"
)

const pageSize = 100 // messages of a page, as many as there may be

// fetcher fetches transcripts of an account.
type fetcher struct {
	client  *twilio.Client
	service string // the chat service of the configuration; empty: none
	legacy  bool   // channels of Programmable Chat are looked for, too

	asking    chan struct{} // has room for the one who asks for a service: the others wait for the answer
	mu        sync.Mutex
	services  []string          // that the account and Flex name, once they are known
	templates map[string]string // bodies by SID; empty: there is none that can be read
}

// NewFetch returns what fetches transcripts over a client: from a chat service, or for "" from the
// account's default one, and where that does not have a conversation, from that of Flex.
func NewFetch(client *twilio.Client, service string, options ...FetchOption) Fetch {
	f := &fetcher{client: client, service: service, asking: make(chan struct{}, 1), templates: map[string]string{}}
	for _, o := range options {
		o(f)
	}
	return f.fetch
}

// A FetchOption changes what NewFetch returns.
type FetchOption func(*fetcher)

// Legacy also looks for channels of Programmable Chat, in the same chat services, where none of them has
// a conversation: those of before Conversations, which the Conversations API shows of most accounts.
func Legacy(yes bool) FetchOption { return func(f *fetcher) { f.legacy = yes } }

// fetch fetches a transcript. What Twilio does not give is a fault of the transcript; the error is
// that of ctx alone.
func (f *fetcher) fetch(ctx context.Context, sid string) (*turn.Transcript, error) {
	find := f.find
	if strings.HasPrefix(sid, "KD") {
		find = f.interaction
	}
	t, err := find(ctx, sid)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		t = cmp.Or(t, &turn.Transcript{})
		t.Fault, t.Again = fmt.Sprintf("the transcript of %s could not be read to its end: %v", sid, err), twilio.Passes(err)
	}
	return t, nil
}

// find looks for a conversation in the chat services. It is gone only if all of them say so.
func (f *fetcher) find(ctx context.Context, sid string) (*turn.Transcript, error) {
	t, err := f.among(ctx, sid, f.read)
	if err == nil && t.Gone && f.legacy {
		return f.among(ctx, sid, f.readChannel)
	}
	return t, err
}

// among reads from the first chat service that has a conversation, as read does.
func (f *fetcher) among(ctx context.Context, sid string, read func(ctx context.Context, service, sid string) (*turn.Transcript, error)) (*turn.Transcript, error) {
	for n := 0; ; n++ {
		service, err := f.nth(ctx, n)
		if err != nil {
			return &turn.Transcript{}, err
		}
		if service == "" {
			return &turn.Transcript{Gone: true}, nil
		}
		t, err := read(ctx, service, sid)
		if !errors.Is(err, twilio.ErrNotFound) || len(t.Messages) > 0 {
			return t, err
		}
	}
}

// nth returns the n-th chat service to look into; empty behind the last one.
func (f *fetcher) nth(ctx context.Context, n int) (string, error) {
	if f.service != "" {
		return []string{f.service, ""}[min(n, 1)], nil
	}
	if s := f.known(n); s != "" {
		return s, nil
	}
	select {
	case f.asking <- struct{}{}:
		defer func() { <-f.asking }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if s := f.known(n); s != "" {
		return s, nil
	}
	var service *string
	switch n {
	case 0:
		c, err := f.client.Conversations(ctx).FetchConfiguration()
		if err != nil {
			return "", fmt.Errorf("the account's default chat service: %w", err)
		}
		service = c.DefaultChatServiceSid
	case 1:
		c, err := f.client.Flex(ctx).FetchConfiguration(nil)
		if err != nil && !errors.Is(err, twilio.ErrNotFound) {
			return "", fmt.Errorf("the chat service of Flex: %w", err)
		}
		if err == nil {
			service = c.ChatServiceInstanceSid
		}
	}
	if service == nil || *service == "" || n > 1 {
		return "", nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.services) == n {
		f.services = append(f.services, *service)
	}
	return *service, nil
}

// known returns the n-th of the services that are known; empty if that is not.
func (f *fetcher) known(n int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n < len(f.services) {
		return f.services[n]
	}
	return ""
}

// read reads the messages of a conversation, then its participants, so that those are known who
// wrote last. Beside an error it returns what was read.
func (f *fetcher) read(ctx context.Context, service, sid string) (t *turn.Transcript, err error) {
	t = &turn.Transcript{}
	var unread error // the first text that could not be read
	size, order := pageSize, "asc"
	messages := twilio.Pages(ctx, f.client, func(ctx context.Context) (*conversations.ListServiceConversationMessageResponse, error) {
		return f.client.Conversations(ctx).PageServiceConversationMessage(service, sid, &conversations.ListServiceConversationMessageParams{PageSize: &size, Order: &order}, "", "")
	}, func(p *conversations.ListServiceConversationMessageResponse) *string { return p.Meta.NextPageUrl })
	for page, err := range messages {
		if err != nil {
			return t, err
		}
		for i := range page.Messages {
			m, err := f.message(ctx, service, &page.Messages[i])
			switch {
			case m.SID == "" || ctx.Err() != nil:
				return t, err
			case err != nil && unread == nil:
				unread = err
			}
			t.Messages = append(t.Messages, m)
		}
	}
	participants := twilio.Pages(ctx, f.client, func(ctx context.Context) (*conversations.ListServiceConversationParticipantResponse, error) {
		return f.client.Conversations(ctx).PageServiceConversationParticipant(service, sid, &conversations.ListServiceConversationParticipantParams{PageSize: &size}, "", "")
	}, func(p *conversations.ListServiceConversationParticipantResponse) *string { return p.Meta.NextPageUrl })
	for page, err := range participants {
		if err != nil {
			return t, err
		}
		for i := range page.Participants {
			t.Participants = append(t.Participants, participant(&page.Participants[i]))
		}
	}
	return t, unread
}

// message returns a message with the texts that stand elsewhere: the body of an e-mail, the body of a
// template.
func (f *fetcher) message(ctx context.Context, service string, from *conversations.ConversationsV1ServiceConversationMessage) (m turn.Message, err error) {
	m = turn.Message{
		SID: twilio.String(from.Sid), Index: int64(from.Index), Author: twilio.String(from.Author), Participant: twilio.String(from.ParticipantSid),
		Body: twilio.String(from.Body), Attributes: twilio.String(from.Attributes),
	}
	if err := stamp(&m, from.DateCreated, from.DateUpdated); err != nil {
		return turn.Message{}, err
	}
	sids := f.media(&m, from.Media)
	if i, ok := conversation.BodyOf(m.Media); ok {
		text, err := f.client.MediaText(ctx, service, sids[i])
		switch {
		case err == nil:
			m.Media[i].Text = strings.ToValidUTF8(string(text.Body), "\ufffd")
		case !errors.Is(err, twilio.ErrNotText) && !errors.Is(err, twilio.ErrTooLarge) && !errors.Is(err, twilio.ErrNotFound):
			m.Unread = true
			return m, fmt.Errorf("the body of message %s: %w", m.SID, err)
		}
	}
	if template := twilio.String(from.ContentSid); template != "" && m.Body == "" && len(m.Media) == 0 {
		m.Template, err = f.template(ctx, template)
		m.Unread = err != nil
	}
	return m, err
}

// stamp takes the times of a message that has its SID. Not every one was updated.
func stamp(m *turn.Message, created, updated *time.Time) error {
	if created == nil || m.SID == "" {
		return fmt.Errorf("%w: a message lacks its SID or its time", twilio.ErrBroken)
	}
	m.Created, m.Updated = event.Millis(created.UnixMilli()), event.None
	if updated != nil {
		m.Updated = event.Millis(updated.UnixMilli())
	}
	return nil
}

// media adds what hangs on a message, and returns the SIDs of that.
func (f *fetcher) media(m *turn.Message, media *[]interface{}) (sids []string) {
	if media == nil {
		return nil
	}
	for _, x := range *media {
		about, _ := x.(map[string]any)
		get := func(name string) string {
			s, _ := about[name].(string)
			return s
		}
		m.Media = append(m.Media, turn.Medium{Type: get("content_type"), Category: get("category")})
		sids = append(sids, get("sid"))
	}
	return sids
}

// template returns the body of a content template, its variables unfilled; empty if it cannot be
// read, which is tried once.
func (f *fetcher) template(ctx context.Context, sid string) (string, error) {
	f.mu.Lock()
	body, known := f.templates[sid]
	f.mu.Unlock()
	if known {
		return body, nil
	}
	c, err := f.client.Content(ctx).FetchContent(sid)
	switch {
	case err != nil && (twilio.Passes(err) || ctx.Err() != nil):
		return "", fmt.Errorf("the template %s: %w", sid, err)
	case err == nil && c.Types != nil:
		body = bodyOfTypes(*c.Types)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.templates[sid] = body
	return body, nil
}

// bodyOfTypes returns the body of a template: that of plain text, else of the first other type by name
// that has one.
func bodyOfTypes(types map[string]any) (body string) {
	least := ""
	for name, t := range types {
		about, _ := t.(map[string]any)
		text, _ := about["body"].(string)
		switch {
		case text == "":
		case name == "twilio/text":
			return text
		case least == "" || name < least:
			least, body = name, text
		}
	}
	return body
}

func participant(from *conversations.ConversationsV1ServiceConversationParticipant) turn.Participant {
	p := turn.Participant{SID: twilio.String(from.Sid), Identity: twilio.String(from.Identity)}
	if from.MessagingBinding != nil {
		about, _ := (*from.MessagingBinding).(map[string]any)
		get := func(name string) string {
			s, _ := about[name].(string)
			return s
		}
		p.Address, p.Proxy, p.Projected = get("address"), get("proxy_address"), get("projected_address")
	}
	p.MemberType = memberType(twilio.String(from.Attributes))
	return p
}

// memberType returns what attributes of a participant call him; empty if they do not.
func memberType(attributes string) string {
	var a struct {
		MemberType any `json:"member_type"`
	}
	if json.Unmarshal([]byte(attributes), &a) != nil {
		return ""
	}
	text, _ := a.MemberType.(string)
	return text
}
