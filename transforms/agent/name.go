package agent

import (
	"strings"
	"unicode/utf8"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/model"
)

var (
	firstNameID = model.WorkerTree.ID("first_name")
	lastNameID  = model.WorkerTree.ID("last_name")
)

// fullName returns what there is of first and last name, with a blank between.
func fullName(o *attribute.Overlay) string {
	return strings.TrimSpace(o.Text(firstNameID) + " " + o.Text(lastNameID))
}

// Identity reads back a name that Twilio wrote as an identity. There every byte that is no letter
// or digit is written as an underscore and two upper-case hexadecimal digits: ann_40example_2Ecom
// is ann@example.com. A name that gives no address stays as it is (contract, section 9).
func Identity(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	b := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		if name[i] == '_' && i+2 < len(name) {
			high, ok := hexDigit(name[i+1])
			low, ok2 := hexDigit(name[i+2])
			if ok && ok2 {
				b = append(b, high<<4|low)
				i += 2
				continue
			}
		}
		b = append(b, name[i])
	}
	user, host, _ := strings.Cut(string(b), "@")
	if user == "" || host == "" || strings.Contains(host, "@") || !utf8.Valid(b) {
		return name
	}
	return string(b)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
