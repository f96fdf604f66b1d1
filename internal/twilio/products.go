package twilio

import (
	"context"

	chat "github.com/twilio/twilio-go/rest/chat/v2"
	content "github.com/twilio/twilio-go/rest/content/v1"
	flex "github.com/twilio/twilio-go/rest/flex/v1"
)

// Flex returns twilio-go's calls of Flex, which end with ctx.
func (c *Client) Flex(ctx context.Context) *flex.ApiService {
	return flex.NewApiService(c.handler(ctx))
}

// Chat returns twilio-go's calls of Programmable Chat, which end with ctx.
func (c *Client) Chat(ctx context.Context) *chat.ApiService {
	return chat.NewApiService(c.handler(ctx))
}

// Content returns twilio-go's calls of content templates, which end with ctx.
func (c *Client) Content(ctx context.Context) *content.ApiService {
	return content.NewApiService(c.handler(ctx))
}
