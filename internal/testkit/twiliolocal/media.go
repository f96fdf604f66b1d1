package twiliolocal

import (
	"cmp"
	"net/http"
	"strings"
)

const hostMedia = "mcs"

// A Medium is a file of a message.
type Medium struct {
	SID      string // ME…; empty: one is made
	Type     string // its content type
	Name     string
	Category string // body, history or media; empty: media
	Content  []byte
}

type medium struct {
	Medium
	service string
	links   map[string]bool // that work
}

// mediaHost is where links to the content of media lead, unless the server listens itself. It is not
// one of Twilio's.
const mediaHost = "https://media.storage.example"

// addMedium adds a medium to a chat service. The lock is held.
func (s *Server) addMedium(service string, m Medium) Medium {
	if m.SID == "" {
		m.SID = newSID("ME", s.next())
	}
	s.media[m.SID] = &medium{m, service, map[string]bool{}}
	return m
}

// AddMedium adds a medium to a chat service, of no message, and returns its SID.
func (s *Server) AddMedium(service string, m Medium) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addMedium(cmp.Or(service, s.opts.ChatService), m).SID
}

// ExpireLinks ends all links to the content of media.
func (s *Server) ExpireLinks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.media {
		clear(m.links)
	}
}

func (s *Server) routeMedia() {
	s.handle(hostMedia, "GET /v1/Services/{is}/Media/{me}", func(r *http.Request) (any, error) {
		m := s.media[r.PathValue("me")]
		if m == nil || m.service != r.PathValue("is") {
			return nil, notFound(r)
		}
		key := strings.TrimPrefix(newSID("", s.next()), "0")
		m.links[key] = true
		link := cmp.Or(s.URL, mediaHost) + "/content/" + m.SID + "?Signature=" + key
		at := "https://mcs.us1.twilio.com/v1/Services/" + m.service + "/Media/" + m.SID
		return map[string]any{
			"sid": m.SID, "service_sid": m.service, "account_sid": s.opts.Account, "date_created": stamp(s.opts.Now()), "date_upload_updated": nil, "date_updated": stamp(s.opts.Now()),
			"links": map[string]any{"content": "/v1/Services/" + m.service + "/Media/" + m.SID + "/Content", "content_direct_temporary": link},
			"size":  len(m.Content), "content_type": m.Type, "filename": text(m.Name), "author": "system", "category": cmp.Or(m.Category, "media"), "url": at, "is_multipart_upstream": false,
		}, nil
	})
	// The content is at whoever stores media: credentials do not belong there.
	s.mux.HandleFunc("GET /content/{me}", func(w http.ResponseWriter, r *http.Request) {
		out := w.(*catcher)
		s.mu.Lock()
		defer s.mu.Unlock()
		m := s.media[r.PathValue("me")]
		switch {
		case r.Header.Get("Authorization") != "":
			out.answer = fail(refuse(http.StatusBadRequest, 20001, "Only one auth mechanism allowed"))
		case m == nil || !m.links[r.URL.Query().Get("Signature")]:
			out.answer = fail(refuse(http.StatusForbidden, 20403, "Request has expired"))
		default:
			out.answer = answer{status: http.StatusOK, header: http.Header{"Content-Type": {m.Type}}, body: m.Content}
		}
	})
}
