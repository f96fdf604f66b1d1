package twiliolocal

import (
	"net/http"
	"slices"
)

// An Interaction is one of Flex, with one channel.
type Interaction struct {
	SID     string   // KD…
	Channel string   // UO…
	Invites []Invite // in order
}

// An Invite is one of a channel of an Interaction: it asks for an agent by a task.
type Invite struct {
	SID        string // KG…
	Attributes any    // that the task gets: an object, or its text
}

// AddInteraction adds an Interaction. It replaces one that has its SID.
func (s *Server) AddInteraction(i Interaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i.Invites = slices.Clone(i.Invites)
	s.interactions[i.SID] = &i
}

// ForgetInteraction forgets an Interaction, as Twilio does after 180 days.
func (s *Server) ForgetInteraction(sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.interactions, sid)
}

// routeInteractions serves the channels of Interactions and their invites.
func (s *Server) routeInteractions() {
	const at = "https://flex-api.twilio.com/v1/Interactions/"
	s.handle(hostFlex, "GET /v1/Interactions/{kd}/Channels", func(r *http.Request) (any, error) {
		i := s.interactions[r.PathValue("kd")]
		if i == nil {
			return nil, notFound(r)
		}
		url := at + i.SID + "/Channels/" + i.Channel
		channel := map[string]any{
			"sid": i.Channel, "interaction_sid": i.SID, "type": "web", "status": "closed", "error_code": nil, "error_message": nil, "url": url,
			"links": map[string]any{"participants": url + "/Participants", "invites": url + "/Invites", "transfers": url + "/Transfers"},
		}
		return s.page(r, hostFlex, "channels", []item{{1, channel}}, 50, 100)
	})
	s.handle(hostFlex, "GET /v1/Interactions/{kd}/Channels/{uo}/Invites", func(r *http.Request) (any, error) {
		i := s.interactions[r.PathValue("kd")]
		if i == nil || i.Channel != r.PathValue("uo") {
			return nil, notFound(r)
		}
		var items []item
		for n, invite := range i.Invites {
			items = append(items, item{int64(n), map[string]any{
				"sid": invite.SID, "interaction_sid": i.SID, "channel_sid": i.Channel, "url": at + i.SID + "/Channels/" + i.Channel + "/Invites/" + invite.SID,
				"routing": map[string]any{"properties": map[string]any{"task_channel_unique_name": "chat", "attributes": invite.Attributes}},
			}})
		}
		return s.page(r, hostFlex, "invites", items, 50, 100)
	})
}
