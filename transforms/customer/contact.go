package customer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/model"
)

// A Kind is what a contact is. The kinds are in order, the best first: the contact of a task is of
// the best kind that its events yield.
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

// A Key turns contacts into keyed hashes, so that tables need not hold phone numbers. The empty Key
// leaves them clear.
type Key string

// ID returns the contact_id of a normalized contact: itself, or HMAC-SHA256(key, contact) in hex
// (contract, section 3).
func (k Key) ID(contact string) string {
	if k == "" {
		return contact
	}
	h := hmac.New(sha256.New, []byte(k))
	h.Write([]byte(contact))
	return hex.EncodeToString(h.Sum(nil))
}

// Fingerprint tells keys apart, and that there is none, without telling the key (contract, section 7):
// 32 hex digits of an HMAC of a fixed text.
func (k Key) Fingerprint() string {
	const digits = 32
	h := hmac.New(sha256.New, []byte(k))
	h.Write([]byte("flexbeam contact key"))
	if k == "" {
		h = sha256.New()
		h.Write([]byte("no contact key"))
	}
	return hex.EncodeToString(h.Sum(nil))[:digits]
}

var ids = struct {
	direction                attribute.ID // of conversations
	internal                 []attribute.ID
	ownDirection             attribute.ID
	externalID, phone, email []attribute.ID
	inbound, outbound        []attribute.ID
	name, media              attribute.ID
	stateIn, stateOut        attribute.ID
	countryIn, countryOut    attribute.ID
}{
	direction:    model.TaskTree.ID("conversations.direction"),
	internal:     list("internal", "client_call"),
	ownDirection: model.TaskTree.ID("direction"),
	externalID:   list("customers.external_id", "customerId"),
	phone:        list("customers.phone", "customerPhone", "conversations.customers.phone"),
	email:        list("customers.email", "customerEmail", "pre_engagement_data.email", "conversations.customers.email"),
	inbound:      list("from", "customerAddress", "caller"),
	outbound:     list("to", "outbound_to", "called", "customerAddress"),
	name:         model.TaskTree.ID("name"), media: model.TaskTree.ID("conversations.media"),
	stateIn: model.TaskTree.ID("from_state"), stateOut: model.TaskTree.ID("to_state"),
	countryIn: model.TaskTree.ID("from_country"), countryOut: model.TaskTree.ID("to_country"),
}

func list(paths ...string) []attribute.ID {
	l := make([]attribute.ID, len(paths))
	for i, p := range paths {
		l[i] = model.TaskTree.ID(p)
	}
	return l
}

// A candidate is a value that may name the customer: as it stands, and normalized.
type candidate struct {
	kind          Kind
	text, contact string
}

// candidates appends the candidates that are not empty, best first (contract, sections 3 and 9).
func candidates(to []candidate, o *attribute.Overlay) []candidate {
	add := func(k Kind, text, contact string) {
		if contact != "" {
			to = append(to, candidate{k, text, contact})
		}
	}
	for _, id := range ids.externalID {
		add(ExternalID, o.Text(id), o.Text(id))
	}
	phone := func(s string) { add(Phone, s, unlessWithheld(normalizePhone(s))) }
	for _, id := range ids.phone {
		phone(o.Text(id))
	}
	for _, m := range o.Media(ids.media) {
		phone(m.Phone)
	}
	for _, id := range ids.email {
		s := o.Text(id)
		add(Email, s, unlessWithheld(strings.ToLower(s)))
	}
	direction := DirectionOf(o)
	switch {
	case direction == Internal:
		return to // an agent called another one
	case Outgoing(direction):
		for _, id := range ids.outbound {
			add(Address, o.Text(id), address(o.Text(id)))
		}
		return to
	}
	for _, id := range ids.inbound {
		add(Address, o.Text(id), address(o.Text(id)))
	}
	if name := o.Text(ids.name); ReadsAsAddress(name) {
		add(Address, name, address(name))
	}
	return to
}

// A Profile is what one snapshot of task attributes says of the customer.
type Profile struct {
	Kind    Kind
	Contact string // normalized, clear
	State, Country, Category,
	Organization, Region, Segment string
}

// columns are the columns of a profile that are read from attributes. Of some there are two, for tasks
// that are outgoing and for others.
type columns struct {
	state, country                          [2][]attribute.ID
	category, organization, region, segment []attribute.ID
}

// newColumns resolves the columns from the table's sources and from further paths of a job.
func newColumns(a *model.Attributes) columns {
	all := func(name string) []attribute.ID { return a.Paths(&model.Customers, name).All() }
	by := func(name string, in, out attribute.ID) [2][]attribute.ID {
		p := a.Paths(&model.Customers, name)
		return [2][]attribute.ID{
			slices.Concat(p.Before, p.BuiltIn, []attribute.ID{in}, p.Behind), slices.Concat(p.Before, p.BuiltIn, []attribute.ID{out}, p.Behind),
		}
	}
	return columns{
		state: by("state", ids.stateIn, ids.stateOut), country: by("country", ids.countryIn, ids.countryOut),
		category: all("category"), organization: all("organization"), region: all("region"), segment: all("segment"),
	}
}

// profile reads a profile from attributes and their candidates (contract, section 3; order of
// sources: docs/model.md).
func (c *columns) profile(o *attribute.Overlay, named []candidate) Profile {
	way := 0
	if Outgoing(DirectionOf(o)) {
		way = 1
	}
	p := Profile{
		Category: o.First(c.category...), Organization: o.First(c.organization...), Region: o.First(c.region...), Segment: o.First(c.segment...),
		State: o.First(c.state[way]...), Country: o.First(c.country[way]...),
	}
	if len(named) > 0 {
		p.Kind, p.Contact = named[0].kind, named[0].contact
	}
	return p
}
