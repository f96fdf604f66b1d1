package transcripts

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"

	flex "github.com/twilio/twilio-go/rest/flex/v1"

	"flexbeam/internal/twilio"
	"flexbeam/schemas/turn"
)

// interaction looks for the conversation of an Interaction: in the attributes that its invites gave to
// their tasks, newest channel last. Twilio keeps invites for 180 days.
func (f *fetcher) interaction(ctx context.Context, sid string) (*turn.Transcript, error) {
	size := pageSize
	channels := twilio.Pages(ctx, f.client, func(ctx context.Context) (*flex.ListInteractionChannelResponse, error) {
		return f.client.Flex(ctx).PageInteractionChannel(sid, &flex.ListInteractionChannelParams{PageSize: &size}, "", "")
	}, func(p *flex.ListInteractionChannelResponse) *string { return p.Meta.NextPageUrl })
	for page, err := range channels {
		if err != nil {
			return goneOr(err)
		}
		for i := range page.Channels {
			found, err := f.invited(ctx, sid, twilio.String(page.Channels[i].Sid))
			if err != nil && !errors.Is(err, twilio.ErrNotFound) {
				return nil, err
			}
			if found != "" {
				return &turn.Transcript{Conversation: found}, nil
			}
		}
	}
	return &turn.Transcript{Gone: true}, nil
}

// goneOr returns that there is no such thing if an error says so, else the error.
func goneOr(err error) (*turn.Transcript, error) {
	if errors.Is(err, twilio.ErrNotFound) {
		return &turn.Transcript{Gone: true}, nil
	}
	return nil, err
}

// invited returns the conversation that the invites of a channel name; empty if none does.
func (f *fetcher) invited(ctx context.Context, interaction, channel string) (string, error) {
	size := pageSize
	invites := twilio.Pages(ctx, f.client, func(ctx context.Context) (*flex.ListInteractionChannelInviteResponse, error) {
		return f.client.Flex(ctx).PageInteractionChannelInvite(interaction, channel, &flex.ListInteractionChannelInviteParams{PageSize: &size}, "", "")
	}, func(p *flex.ListInteractionChannelInviteResponse) *string { return p.Meta.NextPageUrl })
	for page, err := range invites {
		if err != nil {
			return "", err
		}
		for i := range page.Invites {
			if routing := page.Invites[i].Routing; routing != nil {
				if sid := conversationIn(*routing); sid != "" {
					return sid, nil
				}
			}
		}
	}
	return "", nil
}

var conversationSID = regexp.MustCompile(`^CH[0-9a-f]{32}$`)

// conversationIn returns the conversation that the attributes in the routing of an invite name, by the
// names that tasks have (contract, section 5).
func conversationIn(routing any) string {
	attributes := member(member(routing, "properties"), "attributes")
	if text, ok := attributes.(string); ok {
		var object any
		if json.Unmarshal([]byte(text), &object) != nil {
			return ""
		}
		attributes = object
	}
	candidates := []any{member(attributes, "conversationSid")}
	media, _ := member(member(attributes, "conversations"), "media").([]any)
	for _, m := range media {
		if member(m, "type") == "ChatTranscript" {
			candidates = append(candidates, member(m, "sid"))
		}
	}
	for _, m := range media {
		candidates = append(candidates, member(m, "conversation_sid"))
	}
	for _, c := range append(candidates, member(attributes, "channelSid")) {
		if sid, ok := c.(string); ok && conversationSID.MatchString(sid) {
			return sid
		}
	}
	return ""
}

// member returns a member of a JSON object; nil without one.
func member(value any, name string) any {
	object, _ := value.(map[string]any)
	return object[name]
}
