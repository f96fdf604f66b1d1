package erasure

import (
	"strings"
	"unicode"

	"flexbeam/transforms/customer"
)

// Names is what the persons who are erased may be called by in a text: their contacts, and SIDs of
// their tasks.
type Names struct {
	forms  map[string]bool // contacts as cells have them
	within []string        // contacts as they are looked for inside of texts
	sids   map[string]bool
}

// Add adds a contact, as it stands and normalized like an address.
func (n *Names) Add(contact string) {
	for _, form := range []string{strings.TrimSpace(contact), customer.NormalizeAddress(contact)} {
		if form == "" || n.forms[form] {
			continue
		}
		if n.forms == nil {
			n.forms = map[string]bool{}
		}
		n.forms[form] = true
		if s := squeeze(form); len(s) >= shortest {
			n.within = append(n.within, s)
		} else {
			n.within = append(n.within, `"`+s+`"`) // it would be a part of too many texts
		}
	}
}

// AddSID adds a SID, or what stands for one.
func (n *Names) AddSID(sid string) {
	if n.sids == nil {
		n.sids = map[string]bool{}
	}
	n.sids[sid] = true
}

// shortest is the length from which on a contact is looked for inside of texts.
const shortest = 6

// Are tells whether a cell is one of the contacts.
func (n *Names) Are(cell string) bool {
	return cell != "" && (n.forms[cell] || n.forms[customer.NormalizeAddress(cell)])
}

// In tells whether a text contains one of the contacts, however a number is grouped and written.
func (n *Names) In(text string) bool {
	if text == "" || len(n.within) == 0 {
		return false
	}
	if n.Are(text) {
		return true
	}
	text = squeeze(text)
	for _, s := range n.within {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// InRecord tells whether a text, such as a raw record, contains one of the contacts or SIDs.
func (n *Names) InRecord(text string) bool {
	return n.In(text) || n.sidIn(text)
}

// sidIn looks for SIDs: words of letters, digits and hyphens.
func (n *Names) sidIn(text string) bool {
	if len(n.sids) == 0 {
		return false
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if n.sids[word] {
			return true
		}
	}
	return false
}

// squeeze returns a text in lower case, without what a number may be grouped by and what may stand
// in front of it.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case unicode.IsSpace(r), strings.ContainsRune("+-.()/\\＋", r), r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}
