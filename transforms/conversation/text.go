package conversation

import (
	"encoding/json"
	"strings"

	"golang.org/x/net/html"

	"flexbeam/schemas/turn"
)

// The values of turn_type.
const (
	Text      = "Message"
	Image     = "Image"
	File      = "File"
	Recording = "Recording"
)

// The categories of media that only e-mails have.
const (
	bodyCategory    = "body"
	historyCategory = "history"
)

// typeOf returns what a message is: by the first of what hangs on it, body and history of an e-mail
// aside.
func typeOf(m *turn.Message) string {
	for _, x := range m.Media {
		switch {
		case x.Category == bodyCategory || x.Category == historyCategory:
		case strings.HasPrefix(strings.ToLower(x.Type), "image/"):
			return Image
		default:
			return File
		}
	}
	return Text
}

// BodyOf returns the place of the medium that is the text of an e-mail: of those of the category
// body the first that is plain text, else the first that is HTML. ok is false for other messages.
func BodyOf(media []turn.Medium) (i int, ok bool) {
	at := -1
	for i, x := range media {
		if x.Category != bodyCategory {
			continue
		}
		switch mediaType(x.Type) {
		case "text/plain":
			return i, true
		case "text/html":
			if at < 0 {
				at = i
			}
		}
	}
	return max(at, 0), at >= 0
}

func mediaType(text string) string {
	kind, _, _ := strings.Cut(text, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// textOf returns the text of a message as it stands, the subject of an e-mail as its first line
// (contract, section 5).
func textOf(m *turn.Message) string {
	text := m.Body
	if i, ok := BodyOf(m.Media); ok {
		text = m.Media[i].Text
		if mediaType(m.Media[i].Type) == "text/html" {
			text = plain(text)
		}
	} else if text == "" && len(m.Media) == 0 {
		text = m.Template
	}
	subject := m.Subject
	if subject == "" {
		subject = subjectOf(m.Attributes)
	}
	switch {
	case subject == "":
		return text
	case text == "":
		return subject
	}
	return subject + "\n" + text
}

// subjectOf returns the subject that the attributes of a message tell; empty: none.
func subjectOf(attributes string) string {
	var a struct {
		Subject any `json:"subject"`
	}
	if json.Unmarshal([]byte(attributes), &a) != nil {
		return ""
	}
	s, _ := a.Subject.(string)
	return s
}

// plain returns what a reader sees of HTML: no tags, scripts and styles, lines where they break,
// entities decoded, ends trimmed.
func plain(text string) string {
	var b strings.Builder
	hidden := ""
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return strings.TrimSpace(b.String())
		}
		t := z.Token()
		switch {
		case kind == html.TextToken && hidden == "":
			b.WriteString(t.Data)
		case kind == html.StartTagToken && (t.Data == "script" || t.Data == "style"):
			hidden = t.Data
		case kind == html.EndTagToken && t.Data == hidden:
			hidden = ""
		case t.Data == "br" && kind != html.TextToken && kind != html.CommentToken, kind == html.EndTagToken && endsLine[t.Data]:
			b.WriteByte('\n')
		}
	}
}

// endsLine are the elements behind which a line ends.
var endsLine = map[string]bool{"p": true, "div": true, "li": true, "tr": true}
