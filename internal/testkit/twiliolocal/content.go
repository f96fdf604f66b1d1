package twiliolocal

import "net/http"

const (
	hostContent = "content"
	hostFlex    = "flex-api"
)

// AddTemplate adds a content template of plain text.
func (s *Server) AddTemplate(sid, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.templates[sid] = body
}

// routeContent serves content templates, and of Flex its configuration where there is Flex.
func (s *Server) routeContent() {
	s.handle(hostContent, "GET /v1/Content/{hx}", func(r *http.Request) (any, error) {
		sid := r.PathValue("hx")
		body, ok := s.templates[sid]
		if !ok {
			return nil, notFound(r)
		}
		at := "https://content.twilio.com/v1/Content/" + sid
		return map[string]any{
			"account_sid": s.opts.Account, "sid": sid, "friendly_name": "template", "language": "en", "variables": map[string]any{},
			"types": map[string]any{"twilio/text": map[string]any{"body": body}}, "url": at, "date_created": stamp(s.opts.Now()), "date_updated": stamp(s.opts.Now()),
			"links": map[string]any{"approval_create": at + "/ApprovalRequests/whatsapp", "approval_fetch": at + "/ApprovalRequests"},
		}, nil
	})
	s.handle(hostFlex, "GET flex-api.twilio.com/v1/Configuration", func(r *http.Request) (any, error) {
		if s.opts.FlexService == "" {
			return nil, notFound(r)
		}
		return map[string]any{"account_sid": s.opts.Account, "chat_service_instance_sid": s.opts.FlexService, "url": "https://flex-api.twilio.com/v1/Configuration"}, nil
	})
}
