package customer

import (
	"strings"
	"unicode"

	"flexbeam/schemas/attribute"
)

// Internal is the direction of a task between agents.
const Internal = "Internal"

// DirectionOf returns the direction that task attributes tell, as engagements.direction has it
// (contract, section 9).
func DirectionOf(o *attribute.Overlay) string {
	if d := o.Text(ids.direction); d != "" {
		return Direction(d)
	}
	for _, id := range ids.internal {
		if o.True(id) {
			return Internal
		}
	}
	return Direction(o.Text(ids.ownDirection))
}

// Direction returns a direction as engagements.direction has it: Inbound when s is empty (contract,
// section 9).
func Direction(s string) string {
	switch strings.ToLower(s) {
	case "", "inbound":
		return "Inbound"
	case "outbound", "outbound-api", "outbound-dial":
		return "Outbound"
	case "internal":
		return Internal
	}
	r := []rune(s)
	return string(unicode.ToUpper(r[0])) + strings.ToLower(string(r[1:]))
}

// Outgoing tells whether a normalized direction reads the company's address, and the customer's
// state and country, like Outbound.
func Outgoing(direction string) bool { return direction == "Outbound" || direction == Internal }
