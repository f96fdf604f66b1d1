package customer

// Named holds what the events of one task may call the customer by: every candidate, of every kind,
// as it stands and normalized (contract, section 9). It guards the columns that must not tell the
// customer.
type Named struct {
	key   Key
	forms []form
}

type form struct {
	text string
	candidate
}

func (n *Named) reset() { n.forms = n.forms[:0] }

// add adds candidates. Where two give one text, the better kind counts.
func (n *Named) add(all []candidate) {
	for _, c := range all {
		n.addForm(c.text, c)
		if c.contact != c.text {
			n.addForm(c.contact, c)
		}
	}
}

func (n *Named) addForm(text string, c candidate) {
	for i := range n.forms {
		if f := &n.forms[i]; f.text == text {
			if c.kind < f.kind {
				f.candidate = c
			}
			return
		}
	}
	n.forms = append(n.forms, form{text, c})
}

func (n *Named) find(text string) *candidate {
	for i := range n.forms {
		if n.forms[i].text == text {
			return &n.forms[i].candidate
		}
	}
	return nil
}

// Reached returns the texts by which the customer is called or written to, over all events: phones
// and e-mails, as they stand and normalized.
func (n *Named) Reached() (texts []string) {
	for _, f := range n.forms {
		if f.kind == Phone || f.kind == Email {
			texts = append(texts, f.text)
		}
	}
	return texts
}

// names returns the candidate that a text equals, as it stands or normalized like an address, nil
// if there is none.
func (n *Named) names(text string) *candidate {
	if len(n.forms) == 0 {
		return nil
	}
	if c := n.find(text); c != nil {
		return c
	}
	return n.find(NormalizeAddress(text))
}

// Company returns a company's address as it is kept: normalized if it reads as an address, else as
// it stands. It is empty for a withheld number, and for a text that names the customer.
func (n *Named) Company(text string) string {
	normal := NormalizeAddress(text)
	switch {
	case text == "", Withheld(normal), n.names(text) != nil:
		return ""
	case ReadsAsAddress(text):
		return normal
	}
	return text
}

// Hides tells whether there is a contact key.
func (n *Named) Hides() bool { return n.key != "" }

// Hide returns a cell's text: the hash of the candidate that it equals, else the text. Without a
// contact key nothing is hidden.
func (n *Named) Hide(text string) string {
	if n.key == "" || text == "" {
		return text
	}
	if c := n.names(text); c != nil {
		return n.key.ID(c.contact)
	}
	return text
}

// NameOnly forgets all candidates but one: the contact of a row that was written without a key.
func (n *Named) NameOnly(key Key, contact string) {
	n.key = key
	n.reset()
	if contact != "" {
		n.addForm(contact, candidate{Address, contact, contact})
	}
}

// HideAll returns a cell's text as Hide does, and hides every text too that reads as an address.
func (n *Named) HideAll(text string) string {
	if text == "" || n.names(text) != nil || !ReadsAsAddress(text) {
		return n.Hide(text)
	}
	return n.key.ID(NormalizeAddress(text))
}

// Conversation returns a conversation_id. With a contact key, an ID that is no SID is hashed
// whatever it is. So the tasks of one conversation stay together, also those that do not name the
// customer.
func (n *Named) Conversation(id string) string {
	switch {
	case n.key == "":
		return id
	case IsSID(id):
		return n.Hide(id)
	case ReadsAsAddress(id):
		return n.key.ID(NormalizeAddress(id))
	}
	return n.key.ID(id)
}

// IsSID tells whether s is two letters and 32 hexadecimal digits.
func IsSID(s string) bool {
	if len(s) != 34 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20 // lower case
		letter, digit := c >= 'a' && c <= 'z', s[i]-'0' <= 9
		if i < 2 && !letter || i >= 2 && !digit && (!letter || c > 'f') {
			return false
		}
	}
	return true
}
