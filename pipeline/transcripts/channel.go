package transcripts

import (
	"context"

	chat "github.com/twilio/twilio-go/rest/chat/v2"

	"flexbeam/internal/twilio"
	"flexbeam/schemas/turn"
)

// readChannel is read of a channel of Programmable Chat. Its members are participants, and its messages
// name no participant but by their author.
func (f *fetcher) readChannel(ctx context.Context, service, sid string) (t *turn.Transcript, err error) {
	t = &turn.Transcript{}
	size, order := pageSize, "asc"
	messages := twilio.Pages(ctx, f.client, func(ctx context.Context) (*chat.ListMessageResponse, error) {
		return f.client.Chat(ctx).PageMessage(service, sid, &chat.ListMessageParams{PageSize: &size, Order: &order}, "", "")
	}, func(p *chat.ListMessageResponse) *string { return p.Meta.NextPageUrl })
	for page, err := range messages {
		if err != nil {
			return t, err
		}
		for i := range page.Messages {
			m, err := f.channelMessage(&page.Messages[i])
			if err != nil {
				return t, err
			}
			t.Messages = append(t.Messages, m)
		}
	}
	members := twilio.Pages(ctx, f.client, func(ctx context.Context) (*chat.ListMemberResponse, error) {
		return f.client.Chat(ctx).PageMember(service, sid, &chat.ListMemberParams{PageSize: &size}, "", "")
	}, func(p *chat.ListMemberResponse) *string { return p.Meta.NextPageUrl })
	for page, err := range members {
		if err != nil {
			return t, err
		}
		for i := range page.Members {
			m := &page.Members[i]
			t.Participants = append(t.Participants, turn.Participant{SID: twilio.String(m.Sid), Identity: twilio.String(m.Identity), MemberType: memberType(twilio.String(m.Attributes))})
		}
	}
	return t, nil
}

// channelMessage returns a message of a channel.
func (f *fetcher) channelMessage(from *chat.ChatV2Message) (m turn.Message, err error) {
	m = turn.Message{
		SID: twilio.String(from.Sid), Index: int64(from.Index), Author: twilio.String(from.From), Body: twilio.String(from.Body), Attributes: twilio.String(from.Attributes),
	}
	if err := stamp(&m, from.DateCreated, from.DateUpdated); err != nil {
		return turn.Message{}, err
	}
	if from.Media != nil {
		f.media(&m, &[]any{*from.Media})
	}
	return m, nil
}
