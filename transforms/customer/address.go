package customer

import (
	"strings"
	"unicode"
)

// channelPrefixes are cut from a phone or an address, in any case.
var channelPrefixes = [...]string{"tel:", "whatsapp:", "messenger:", "sip:", "sips:", "rcs:", "sms:", "mms:"}

// normalizePhone writes a phone or an address as it is compared (contract, section 9): without
// marks of writing direction, without white space, without a channel's prefix and parameters. A
// number loses its punctuation too.
func normalizePhone(s string) string {
	if !isPlain(s) {
		s = strings.Map(plainRune, s)
	}
	for _, p := range channelPrefixes {
		if len(s) < len(p) || s[0]|0x20 != p[0] || !strings.EqualFold(s[:len(p)], p) {
			continue
		}
		s = s[len(p):]
		if p == "sip:" || p == "sips:" {
			s = normalizeSIP(s)
		}
		break
	}
	s, _, _ = strings.Cut(s, ";")
	number := s
	if strings.ContainsAny(s, punctuation) {
		number = strings.Map(func(r rune) rune {
			if strings.ContainsRune(punctuation, r) {
				return -1
			}
			return r
		}, s)
	}
	if !isNumber(number, 7) {
		return s
	}
	if rest, ok := strings.CutPrefix(number, "00"); ok && len(rest) >= 10 {
		return "+" + rest
	}
	return number
}

// punctuation is what people write between the digits of a number.
const punctuation = "-.()/"

// isPlain tells whether plainRune changes nothing.
func isPlain(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x80 {
			return false
		}
	}
	return true
}

// plainRune drops white space and marks of writing direction, and makes full-width digits and plus
// plain.
func plainRune(r rune) rune {
	switch {
	case r < 0x80 && r > ' ':
		return r
	case unicode.IsSpace(r), r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return -1
	case r >= '０' && r <= '９':
		return r - '０' + '0'
	case r == '＋':
		return '+'
	}
	return r
}

// normalizeSIP cuts the host from the number of a SIP address. Any other SIP address stays whole,
// in lower case: its user alone would be a different person at each host.
func normalizeSIP(s string) string {
	user, _, _ := strings.Cut(s, "@")
	if isNumber(user, 1) || isWithheldWord(user) {
		return user
	}
	return strings.ToLower(s)
}

// isNumber tells whether s is an optional plus and at least n digits.
func isNumber(s string, n int) bool {
	s = strings.TrimPrefix(s, "+")
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return len(s) >= n
}

// NormalizeAddress writes an address as it is compared and kept: as a phone is, and in lower case
// if it holds an @ (contract, section 9). A withheld number stays what it is.
func NormalizeAddress(s string) string {
	if s = normalizePhone(s); strings.Contains(s, "@") {
		s = strings.ToLower(s)
	}
	return s
}

// address returns the contact that an address names. It is empty for a withheld number, and for a
// text without a digit or an @, such as the first name that a web chat gives.
func address(s string) string {
	if s = NormalizeAddress(s); !strings.ContainsAny(s, "@0123456789") {
		return ""
	}
	return unlessWithheld(s)
}

// ReadsAsAddress tells whether text looks like an address rather than a name. An address holds an
// @, or is a phone number, or is letters, a colon and something with a digit, such as
// telegram:998877 (contract, section 9).
func ReadsAsAddress(s string) bool {
	n := NormalizeAddress(s)
	if strings.Contains(n, "@") || isNumber(n, 7) {
		return true
	}
	scheme, rest, ok := strings.Cut(n, ":")
	if !ok || scheme == "" || !strings.ContainsAny(rest, "0123456789") || strings.ContainsFunc(strings.TrimSpace(s), unicode.IsSpace) {
		return false
	}
	for _, c := range []byte(scheme) {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

// Withheld tells whether a normalized phone, address or e-mail is what a carrier or Twilio puts
// where the caller withheld the number (contract, section 9).
func Withheld(s string) bool {
	s, _ = strings.CutPrefix(strings.ToLower(s), "client:")
	if isWithheldWord(s) {
		return true
	}
	s = strings.TrimPrefix(s, "+")
	return isWithheldNumber(s) || isWithheldNumber(strings.TrimPrefix(s, "1"))
}

func unlessWithheld(s string) string {
	if Withheld(s) {
		return ""
	}
	return s
}

func isWithheldWord(s string) bool {
	switch strings.ToLower(s) {
	case "anonymous", "restricted", "unavailable", "unknown", "private", "blocked", "withheld":
		return true
	}
	return false
}

// isWithheldNumber knows the numbers that spell such words on a telephone's keys.
func isWithheldNumber(s string) bool {
	switch s {
	case "266696687", "7378742833", "7378742883", "2562533", "8656696", "86282452253", "464":
		return true
	}
	return false
}
