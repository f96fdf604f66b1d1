package secret

import (
	"net/url"
	"regexp"
	"strings"
)

var (
	userOfURL = regexp.MustCompile(`://[^/\s@'"]+@`)
	// optionOfURI finds an option of a URI: its name, and its value.
	optionOfURI = regexp.MustCompile(`([?&])([A-Za-z0-9_.-]+)=([^&\s'",;)]*)`)

	secretName = regexp.MustCompile(`(?i)secret|passw|token|credential|signature`)
	sidName    = regexp.MustCompile(`^(key|account)$`)
	sid        = regexp.MustCompile(`^[A-Z]{2}[0-9a-f]{32}$`)
)

// SID returns a text that is to be one of Twilio's SIDs; what is none is hidden: it may be a secret in the
// wrong place.
func SID(text string) string {
	if text == "" || sid.MatchString(text) {
		return text
	}
	return Hidden
}

// Redact hides what may be a secret in a text that names sources, sinks or URLs: a user with a password
// before a host, and the value of an option whose name says that it is one, unless it is a reference.
// All that a user is shown of URIs passes through it.
func Redact(text string) string {
	if !strings.ContainsAny(text, "?&@") {
		return text
	}
	text = userOfURL.ReplaceAllString(text, "://"+Hidden+"@")
	return optionOfURI.ReplaceAllStringFunc(text, func(option string) string {
		m := optionOfURI.FindStringSubmatch(option)
		value, err := url.PathUnescape(m[3])
		if err != nil {
			value = m[3]
		}
		shown := true
		switch {
		case secretName.MatchString(m[2]):
			shown = Reference(value).Check() == nil
		case sidName.MatchString(m[2]):
			shown = SID(value) == value
		}
		if shown || value == "" {
			return option
		}
		return m[1] + m[2] + "=" + Hidden
	})
}
