package twiliolocal

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

const hostConversations = "conversations"

// A Conversation is one of Conversations.
type Conversation struct {
	SID     string // CH…
	Service string // IS…; empty: the account's default one
	Name    string
	State   string // active, inactive, closed; empty: active
	Legacy  bool   // it is a channel of Programmable Chat, which Conversations does not show
}

// A Message is one of a conversation. Empty texts are null.
type Message struct {
	SID         string // IM…; empty: one is made
	Author      string
	Participant string // MB…
	Body        string
	Attributes  string // empty: {}
	ContentSID  string // HX…, of a template
	Media       []Medium
	Created     time.Time // zero: now
	Updated     time.Time // zero: never
}

// A Participant is one of a conversation.
type Participant struct {
	SID        string         // MB…; empty: one is made
	Identity   string         // of a user of the SDK
	Binding    map[string]any // messaging_binding: type, address, proxy_address; with projected_address or level
	Attributes string         // empty: {}
	Created    time.Time      // zero: now
}

type conversation struct {
	Conversation
	created      time.Time
	nextIndex    int
	messages     []*message
	participants []*participant
}

type message struct {
	Message
	index    int
	delivery any
}

type participant struct {
	Participant
	at int64
}

// AddConversation adds a conversation. It replaces one that has its SID.
func (s *Server) AddConversation(c Conversation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Service, c.State = cmp.Or(c.Service, s.opts.ChatService), cmp.Or(c.State, "active")
	s.conversations[c.SID] = &conversation{Conversation: c, created: s.opts.Now()}
}

// DeleteConversation deletes a conversation with all that it holds.
func (s *Server) DeleteConversation(sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conversations, sid)
}

// SetState changes the state of a conversation.
func (s *Server) SetState(sid, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conversations[sid].State = state
}

// AddMessage adds a message behind those of a conversation and returns its SID.
func (s *Server) AddMessage(conversation string, m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conversations[conversation]
	if m.SID == "" {
		m.SID = newSID("IM", s.next())
	}
	if m.Created.IsZero() {
		m.Created = s.opts.Now()
	}
	for i := range m.Media {
		m.Media[i] = s.addMedium(c.Service, m.Media[i])
	}
	c.messages = append(c.messages, &message{Message: m, index: c.nextIndex})
	c.nextIndex++
	return m.SID
}

// EditMessage changes the body of a message.
func (s *Server) EditMessage(conversation, sid, body string) {
	s.change(conversation, sid, func(m *message) { m.Body, m.Updated = body, s.opts.Now() })
}

// Deliver says how far a message came, such as delivered or read, as a receipt does. Whether that
// changes the date of the message is an option.
func (s *Server) Deliver(conversation, sid, status string) {
	s.change(conversation, sid, func(m *message) {
		m.delivery = map[string]any{"total": 1, "sent": "all", "delivered": "none", "read": "none", "failed": "none", "undelivered": "none", status: "all"}
		if s.opts.ReceiptsTouch {
			m.Updated = s.opts.Now()
		}
	})
}

// DeleteMessage deletes a message. Its index is not used again.
func (s *Server) DeleteMessage(conversation, sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conversations[conversation]
	c.messages = slices.DeleteFunc(c.messages, func(m *message) bool { return m.SID == sid })
}

func (s *Server) change(conversation, sid string, f func(*message)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.conversations[conversation].messages {
		if m.SID == sid {
			f(m)
		}
	}
}

// AddParticipant adds a participant to a conversation and returns its SID.
func (s *Server) AddParticipant(conversation string, p Participant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.next()
	if p.SID == "" {
		p.SID = newSID("MB", at)
	}
	if p.Created.IsZero() {
		p.Created = s.opts.Now()
	}
	c := s.conversations[conversation]
	c.participants = append(c.participants, &participant{p, at})
	return p.SID
}

// RemoveParticipant takes a participant out of a conversation, as one who leaves: it is not listed
// any more.
func (s *Server) RemoveParticipant(conversation, sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conversations[conversation]
	c.participants = slices.DeleteFunc(c.participants, func(p *participant) bool { return p.SID == sid })
}

func (s *Server) routeConversations() {
	s.handle(hostConversations, "GET /v1/Configuration", func(*http.Request) (any, error) {
		at := "https://conversations.twilio.com/v1/Configuration"
		return map[string]any{
			"account_sid": s.opts.Account, "default_chat_service_sid": s.opts.ChatService, "default_messaging_service_sid": newSID("MG", 0),
			"default_inactive_timer": nil, "default_closed_timer": nil, "url": at, "links": map[string]any{"webhooks": at + "/Webhooks"},
		}, nil
	})
	s.handle(hostConversations, "GET /v1/Services/{is}", func(r *http.Request) (any, error) {
		sid := r.PathValue("is")
		if sid != s.opts.ChatService && sid != s.opts.FlexService {
			return nil, notFound(r)
		}
		at := "https://conversations.twilio.com/v1/Services/" + sid
		return map[string]any{
			"account_sid": s.opts.Account, "sid": sid, "friendly_name": "Chat", "date_created": "2026-01-01T00:00:00Z", "date_updated": "2026-01-01T00:00:00Z",
			"url": at, "links": map[string]any{"conversations": at + "/Conversations", "configuration": at + "/Configuration"},
		}, nil
	})
	for _, base := range []string{"/v1/Conversations/{ch}", "/v1/Services/{is}/Conversations/{ch}"} {
		in := func(rest string, f func(*http.Request, *conversation, view) (any, error)) {
			s.handle(hostConversations, "GET "+base+rest, func(r *http.Request) (any, error) {
				c := s.conversations[r.PathValue("ch")]
				service := cmp.Or(r.PathValue("is"), s.opts.ChatService)
				if c == nil || c.Service != service || c.Legacy {
					return nil, notFound(r)
				}
				return f(r, c, s.view(c, r.PathValue("is") != ""))
			})
		}
		in("", func(_ *http.Request, c *conversation, v view) (any, error) { return v.conversation(), nil })
		in("/Messages", s.listMessages)
		in("/Messages/{sid}", func(r *http.Request, c *conversation, v view) (any, error) {
			for _, m := range c.messages {
				if m.SID == r.PathValue("sid") {
					return v.message(m), nil
				}
			}
			return nil, notFound(r)
		})
		in("/Participants", func(r *http.Request, c *conversation, v view) (any, error) {
			var items []item
			for _, p := range c.participants {
				items = append(items, item{p.at, v.participant(p)})
			}
			return s.page(r, hostConversations, "participants", items, 50, 100)
		})
		in("/Participants/{sid}", func(r *http.Request, c *conversation, v view) (any, error) {
			for _, p := range c.participants {
				if p.SID == r.PathValue("sid") {
					return v.participant(p), nil
				}
			}
			return nil, notFound(r)
		})
	}
}

func (s *Server) listMessages(r *http.Request, c *conversation, v view) (any, error) {
	var items []item
	for _, m := range c.messages {
		items = append(items, item{int64(m.index), v.message(m)})
	}
	switch order := r.URL.Query().Get("Order"); order {
	case "", "asc":
	case "desc":
		slices.Reverse(items)
	default:
		return nil, refuse(http.StatusBadRequest, 20001, "Order %s is neither asc nor desc", order)
	}
	return s.page(r, hostConversations, "messages", items, 50, 100)
}

// A view shows a conversation, in its service or without.
type view struct {
	s   *Server
	c   *conversation
	url string
	of  map[string]any // what all resources of the conversation show
}

func (s *Server) view(c *conversation, inService bool) view {
	v := view{s, c, "https://conversations.twilio.com/v1/Conversations/" + c.SID, map[string]any{"account_sid": s.opts.Account, "conversation_sid": c.SID}}
	if inService {
		v.url = "https://conversations.twilio.com/v1/Services/" + c.Service + "/Conversations/" + c.SID
		v.of["chat_service_sid"] = c.Service
	}
	return v
}

func (v view) with(shown map[string]any) map[string]any {
	for name, value := range v.of {
		shown[name] = value
	}
	return shown
}

func (v view) conversation() any {
	return map[string]any{
		"account_sid": v.s.opts.Account, "chat_service_sid": v.c.Service, "messaging_service_sid": nil, "sid": v.c.SID, "friendly_name": text(v.c.Name),
		"unique_name": nil, "attributes": "{}", "state": v.c.State, "date_created": stamp(v.c.created), "date_updated": stamp(v.c.created),
		"timers": map[string]any{}, "bindings": map[string]any{}, "url": v.url,
		"links": map[string]any{"participants": v.url + "/Participants", "messages": v.url + "/Messages", "webhooks": v.url + "/Webhooks"},
	}
}

func (v view) message(m *message) any {
	updated := m.Updated
	if updated.IsZero() {
		updated = m.Created
	}
	at := v.url + "/Messages/" + m.SID
	shown := v.with(map[string]any{
		"sid": m.SID, "index": m.index, "author": text(m.Author), "body": text(m.Body), "media": nil, "attributes": cmp.Or(m.Attributes, "{}"),
		"participant_sid": text(m.Participant), "date_created": stamp(m.Created), "date_updated": stamp(updated), "url": at,
		"delivery": m.delivery, "content_sid": text(m.ContentSID), "links": map[string]any{"delivery_receipts": at + "/Receipts", "channel_metadata": at + "/ChannelMetadata"},
	})
	if len(m.Media) > 0 {
		var media []any
		for _, x := range m.Media {
			media = append(media, map[string]any{"sid": x.SID, "content_type": x.Type, "filename": text(x.Name), "size": len(x.Content), "category": cmp.Or(x.Category, "media")})
		}
		shown["media"] = media
	}
	return shown
}

func (v view) participant(p *participant) any {
	shown := v.with(map[string]any{
		"sid": p.SID, "identity": text(p.Identity), "attributes": cmp.Or(p.Attributes, "{}"), "messaging_binding": nil, "role_sid": newSID("RL", 0),
		"date_created": stamp(p.Created), "date_updated": stamp(p.Created), "url": v.url + "/Participants/" + p.SID,
		"last_read_message_index": nil, "last_read_timestamp": nil,
	})
	if p.Binding != nil {
		binding, _ := json.Marshal(p.Binding) // a copy: the answer is written without the lock
		shown["messaging_binding"] = json.RawMessage(binding)
	}
	return shown
}
