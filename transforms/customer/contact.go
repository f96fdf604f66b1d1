package customer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/model"
)

// A Kind is what a contact is, best first: the best kind that the events of a task yield names its contact.
type Kind uint8

// The kinds of contacts.
const (
	NoContact Kind = iota
	ExternalID
	Phone
	Email
	Address
	Task // no contact: the task stands for it
)

// String returns the kind as customers.contact_kind has it.
func (k Kind) String() string {
	return [...]string{"", "external_id", "phone", "email", "address", "task"}[k]
}

// A Key turns contacts into keyed hashes, so that tables need not hold phone numbers. The empty Key leaves them clear.
type Key string

// ID returns the contact_id of a normalized contact: itself, or HMAC-SHA256(key, contact) in hex (contract, section 3).
func (k Key) ID(contact string) string {
	if k == "" {
		return contact
	}
	h := hmac.New(sha256.New, []byte(k))
	h.Write([]byte(contact))
	return hex.EncodeToString(h.Sum(nil))
}

var prefixes = [...]string{"tel:", "whatsapp:", "messenger:", "sip:"}

// normalizePhone removes blanks, one channel prefix in any case, and the host of a SIP address. Anonymous callers give
// nothing.
func normalizePhone(s string) string {
	if strings.IndexFunc(s, unicode.IsSpace) >= 0 {
		s = strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return -1
			}
			return r
		}, s)
	}
	for _, p := range prefixes {
		if len(s) >= len(p) && strings.EqualFold(s[:len(p)], p) {
			s = s[len(p):]
			if p == "sip:" {
				s, _, _ = strings.Cut(s, "@")
			}
			break
		}
	}
	if anonymous(s) {
		return ""
	}
	return s
}

// normalizeAddress treats an address like a phone; one that holds an @ is lower case.
func normalizeAddress(s string) string {
	if s = normalizePhone(s); strings.Contains(s, "@") {
		s = strings.ToLower(s)
	}
	return s
}

func normalizeEmail(s string) string {
	if anonymous(s) {
		return ""
	}
	return strings.ToLower(s)
}

// anonymous tells whether a carrier or Twilio put a placeholder where a caller withheld the number.
func anonymous(s string) bool {
	switch strings.ToLower(s) {
	case "anonymous", "restricted", "unavailable", "+266696687", "+7378742883", "+2562533", "+8656696", "+86282452253":
		return true
	}
	return false
}

// Direction returns a direction as engagements.direction has it: Inbound when s is empty (contract, section 9).
func Direction(s string) string {
	switch strings.ToLower(s) {
	case "", "inbound":
		return "Inbound"
	case "outbound", "outbound-api", "outbound-dial":
		return "Outbound"
	case "internal":
		return "Internal"
	}
	r := []rune(s)
	return string(unicode.ToUpper(r[0])) + strings.ToLower(string(r[1:]))
}

// Outgoing tells whether a normalized direction picks its addresses like Outbound.
func Outgoing(direction string) bool { return direction == "Outbound" || direction == "Internal" }

var ids = struct {
	direction                      []attribute.ID
	externalID, phone, email       attribute.ID
	inbound, outbound              []attribute.ID
	state, country                 attribute.ID
	stateIn, stateOut              attribute.ID
	countryIn, countryOut          attribute.ID
	category, organization, region attribute.ID
	segment                        []attribute.ID
}{
	direction:  list("conversations.direction", "direction"),
	externalID: model.TaskTree.ID("customers.external_id"),
	phone:      model.TaskTree.ID("customers.phone"),
	email:      model.TaskTree.ID("customers.email"),
	inbound:    list("from", "customerAddress", "caller"),
	outbound:   list("to", "outbound_to", "called", "customerAddress"),
	state:      model.TaskTree.ID("customers.state"), stateIn: model.TaskTree.ID("from_state"), stateOut: model.TaskTree.ID("to_state"),
	country: model.TaskTree.ID("customers.country"), countryIn: model.TaskTree.ID("from_country"), countryOut: model.TaskTree.ID("to_country"),
	category: model.TaskTree.ID("customers.category"), organization: model.TaskTree.ID("customers.organization"),
	region: model.TaskTree.ID("customers.region"), segment: list("customers.segment", "customers.market_segment"),
}

func list(paths ...string) []attribute.ID {
	l := make([]attribute.ID, len(paths))
	for i, p := range paths {
		l[i] = model.TaskTree.ID(p)
	}
	return l
}

// A Profile is what one snapshot of task attributes says of the customer.
type Profile struct {
	Kind    Kind
	Contact string // normalized, clear
	State, Country, Category,
	Organization, Region, Segment string
}

// profile reads a profile from attributes (contract, section 3; order of sources: docs/model.md).
func profile(o *attribute.Overlay) Profile {
	out := Outgoing(Direction(o.First(ids.direction...)))
	p := Profile{
		Category: o.Text(ids.category), Organization: o.Text(ids.organization), Region: o.Text(ids.region),
		Segment: o.First(ids.segment...),
	}
	addresses := ids.inbound
	if out {
		addresses = ids.outbound
		p.State, p.Country = o.First(ids.state, ids.stateOut), o.First(ids.country, ids.countryOut)
	} else {
		p.State, p.Country = o.First(ids.state, ids.stateIn), o.First(ids.country, ids.countryIn)
	}
	if p.Contact = o.Text(ids.externalID); p.Contact != "" {
		p.Kind = ExternalID
	} else if p.Contact = normalizePhone(o.Text(ids.phone)); p.Contact != "" {
		p.Kind = Phone
	} else if p.Contact = normalizeEmail(o.Text(ids.email)); p.Contact != "" {
		p.Kind = Email
	} else {
		for _, id := range addresses {
			if p.Contact = normalizeAddress(o.Text(id)); p.Contact != "" {
				p.Kind = Address
				break
			}
		}
	}
	return p
}
