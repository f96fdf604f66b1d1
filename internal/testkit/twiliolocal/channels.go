package twiliolocal

import (
	"cmp"
	"net/http"
)

const hostChat = "chat"

// routeChat serves conversations that are channels of Programmable Chat.
func (s *Server) routeChat() {
	in := func(rest string, f func(*http.Request, *conversation) (any, error)) {
		s.handle(hostChat, "GET /v2/Services/{is}/Channels/{ch}"+rest, func(r *http.Request) (any, error) {
			c := s.conversations[r.PathValue("ch")]
			if c == nil || !c.Legacy || c.Service != r.PathValue("is") {
				return nil, notFound(r)
			}
			return f(r, c)
		})
	}
	in("/Messages", func(r *http.Request, c *conversation) (any, error) {
		var items []item
		for _, m := range c.messages {
			items = append(items, item{int64(m.index), s.channelMessage(c, m)})
		}
		return s.page(r, hostChat, "messages", items, 50, 100)
	})
	in("/Members", func(r *http.Request, c *conversation) (any, error) {
		var items []item
		for _, p := range c.participants {
			items = append(items, item{p.at, s.member(c, p)})
		}
		return s.page(r, hostChat, "members", items, 50, 100)
	})
}

func channelURL(c *conversation) string {
	return "https://chat.twilio.com/v2/Services/" + c.Service + "/Channels/" + c.SID
}

func (s *Server) channelMessage(c *conversation, m *message) any {
	updated := m.Updated
	if updated.IsZero() {
		updated = m.Created
	}
	shown := map[string]any{
		"sid": m.SID, "account_sid": s.opts.Account, "service_sid": c.Service, "to": c.SID, "channel_sid": c.SID, "index": m.index, "from": text(m.Author),
		"body": text(m.Body), "attributes": cmp.Or(m.Attributes, "{}"), "date_created": stamp(m.Created), "date_updated": stamp(updated),
		"was_edited": !m.Updated.IsZero(), "last_updated_by": nil, "type": "text", "media": nil, "url": channelURL(c) + "/Messages/" + m.SID,
	}
	if len(m.Media) > 0 {
		x := m.Media[0]
		shown["type"], shown["media"] = "media", map[string]any{"sid": x.SID, "content_type": x.Type, "filename": text(x.Name), "size": len(x.Content)}
	}
	return shown
}

func (s *Server) member(c *conversation, p *participant) any {
	return map[string]any{
		"sid": p.SID, "account_sid": s.opts.Account, "service_sid": c.Service, "channel_sid": c.SID, "identity": text(p.Identity),
		"attributes": cmp.Or(p.Attributes, "{}"), "role_sid": newSID("RL", 0), "date_created": stamp(p.Created), "date_updated": stamp(p.Created),
		"last_consumed_message_index": nil, "last_consumption_timestamp": nil, "url": channelURL(c) + "/Members/" + p.SID,
	}
}
