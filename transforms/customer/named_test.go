package customer

import (
	"slices"
	"testing"
)

// TestUnderAKeyAConversationIsASIDOrAHash: what is no SID says who the customer is, so it is hashed.
func TestUnderAKeyAConversationIsASIDOrAHash(t *testing.T) {
	const hex = "0123456789abcdefABCDEF0000999900"
	tests := []struct {
		id   string
		kept bool
	}{
		{"CH" + hex, true}, {"az" + hex, true}, {"AZ" + hex, true},
		{"C" + hex, false}, {"CHa" + hex, false}, // too short, too long
		{"1H" + hex, false}, {"C1" + hex, false}, {"C[" + hex, false}, {"{H" + hex, false}, {"C`" + hex, false},
		{"CH" + hex[:31] + "g", false}, {"CH" + hex[:31] + "G", false}, {"CHg" + hex[1:], false},
		{"CH" + hex[:31] + ":", false}, {"CH" + hex[:31] + "/", false}, {"CH" + hex[:31] + "`", false},
		{"", false}, {"+15551230001", false},
	}
	n := &Named{key: "secret"}
	for _, test := range tests {
		got := n.Conversation(test.id)
		want := test.id
		if !test.kept {
			want = n.key.ID(test.id) // each of them is as it is compared
		}
		if got != want {
			t.Errorf("%q becomes %q, want %q", test.id, got, want)
		}
	}
}

// TestARowAloneTellsItsContactAndWhatReadsAsAnAddress: all that can be hidden in a row that was written
// without a key.
func TestARowAloneTellsItsContactAndWhatReadsAsAnAddress(t *testing.T) {
	var n Named
	for _, test := range []struct{ contact, text, hashed string }{
		{"cust 1", "cust 1", "cust 1"}, {"cust 1", "cust 2", ""}, {"cust 1", "", ""}, {"", "", ""}, {"", "cust 1", ""},
		{"cust1", "cust 1", "cust1"}, // equal when normalized
		{"+15551230001", "+1 555 123-0001", "+15551230001"}, {"", "tel:+15551230002", "+15551230002"},
		{"+15551230001", "Ann@Example.com", "ann@example.com"}, {"Ann@Example.com", "Ann@Example.com", "Ann@Example.com"},
	} {
		n.NameOnly("secret", test.contact)
		want := test.text
		if test.hashed != "" {
			want = Key("secret").ID(test.hashed)
		}
		if got := n.HideAll(test.text); got != want {
			t.Errorf("%q of %q becomes %q, want %q", test.text, test.contact, got, want)
		}
	}
}

// TestATruncatedObservationIsRefused cuts one at each byte, and lets its length of an ID lie.
func TestATruncatedObservationIsRefused(t *testing.T) {
	whole := []byte(observed("+1", "EV1", 7).Value)
	if _, err := parse(whole); err != nil {
		t.Fatal(err)
	}
	for i := range len("\x0e\x03EV1") + 1 {
		if _, err := parse(whole[:i]); err != ErrCorrupt {
			t.Errorf("the first %d bytes: %v", i, err)
		}
	}
	for _, size := range []byte{4, byte(len(whole) - 2), byte(len(whole) - 1), byte(len(whole)), byte(len(whole) + 1), 127} {
		bad := append([]byte{whole[0], size}, whole[2:]...)
		if _, err := parse(bad); err != ErrCorrupt {
			t.Errorf("an ID of %d bytes: %v", size, err)
		}
	}
}

// TestACompanysAddressNamesNoCustomer: it is normalized where it reads as an address, and passed over
// where it names the customer or is withheld.
func TestACompanysAddressNamesNoCustomer(t *testing.T) {
	var n Named
	n.NameOnly("", "+15551230001")
	for text, want := range map[string]string{
		"": "", "tel:+1 555 123-0009": "+15551230009", "Help@Example.com": "help@example.com", "Support line": "Support line",
		"+15551230001": "", "whatsapp:+1 (555) 123-0001": "", "anonymous": "", "client:Restricted": "", "+266696687": "",
	} {
		if got := n.Company(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestFingerprintsTellKeysApart: two keys, a key and none; one key has one.
func TestFingerprintsTellKeysApart(t *testing.T) {
	seen := map[string]Key{}
	for _, k := range []Key{"", "a", "b", "no contact key"} {
		p := k.Fingerprint()
		if other, known := seen[p]; known || len(p) != 32 || p != k.Fingerprint() {
			t.Errorf("the fingerprint of %q is %q, that of %q too: %t", k, p, other, known)
		}
		seen[p] = k
	}
}

// TestTextsReadAsAddresses: numbers, what has an @, and letters, a colon and something with a digit.
func TestTextsReadAsAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"+1 (500) 555-0123": true, "1234567": true, "123456": false, "+123456": false, "Ann@Example.com": true, "sip:ann@host": true,
		"telegram:998877": true, "LINE:U12": true, " line:U12 ": true, "line: U12": false, "line:U 12": false, "line:ann": false, "client:": false,
		":998877": false, "room5:12": false, "ann 7": false, "Ann": false, "": false, "whatsapp:+15005550123": true, "whatsapp:room7": false,
	} {
		if got := ReadsAsAddress(text); got != want {
			t.Errorf("%q reads as an address: %v", text, got)
		}
	}
}

// TestNothingIsLeftOfWhatIsNoText: blanks and marks of writing direction alone.
func TestNothingIsLeftOfWhatIsNoText(t *testing.T) {
	for _, text := range []string{"", " ", "\t \n", "\u200e", "\u00a0", "\u202a \u202c"} {
		if got := NormalizeAddress(text); got != "" {
			t.Errorf("of %q is left %q", text, got)
		}
	}
}

// TestWithoutAKeyTextsStayAsTheyStand: also those that name the customer in another writing.
func TestWithoutAKeyTextsStayAsTheyStand(t *testing.T) {
	var n Named
	n.add([]candidate{{Phone, "+1 500 555 0123", "+15005550123"}})
	for _, text := range []string{"+1 500 555 0123", "+1-500-555-0123", "Ann", ""} {
		if got := n.Hide(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// TestACustomerIsReachedByPhonesAndEmails: as they stand and normalized, but by no address or ID.
func TestACustomerIsReachedByPhonesAndEmails(t *testing.T) {
	var n Named
	n.add([]candidate{
		{ExternalID, "crm-7", "crm-7"}, {Phone, "+1 500 555 0123", "+15005550123"}, {Email, "Ann@Example.com", "ann@example.com"}, {Address, "+15005550124", "+15005550124"},
	})
	want := []string{"+1 500 555 0123", "+15005550123", "Ann@Example.com", "ann@example.com"}
	if got := n.Reached(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOfOneTextTheBetterKindCounts: of two of one kind the first that was seen.
func TestOfOneTextTheBetterKindCounts(t *testing.T) {
	var n Named
	n.key = "secret"
	n.add([]candidate{{Email, "x", "e-mail"}, {Phone, "x", "phone"}, {Address, "x", "address"}, {Phone, "x", "another"}})
	if got, want := n.Hide("x"), n.key.ID("phone"); got != want {
		t.Errorf("got %s, want that of the phone, %s", got, want)
	}
}
