package customer_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/transforms/customer"
)

func TestContactsFollowTheRules(t *testing.T) {
	tests := []struct{ rule, attributes, want string }{
		{"external id first", `{"customers":{"external_id":"crm-1","phone":"+1","email":"a@x"},"from":"+2"}`, "crm-1 | external_id"},
		{"then phone", `{"customers":{"external_id":" ","phone":"+1","email":"a@x"},"from":"+2"}`, "+1 | phone"},
		{"then e-mail", `{"customers":{"external_id":null,"phone":"anonymous","email":"a@x"},"from":"+2"}`, "a@x | email"},
		{"then the address", `{"customers":{"external_id":{"o":1},"email":""},"from":"+2"}`, "+2 | address"},
		{"inbound: from, customerAddress, caller", `{"from":"","customerAddress":"+3","caller":"+4","to":"+5"}`, "+3 | address"},
		{"inbound: caller last", `{"from":"restricted","customerAddress":null,"caller":"+4","to":"+5"}`, "+4 | address"},
		{"outbound: to, outbound_to, called, customerAddress", `{"direction":"outbound","to":"+5","outbound_to":"+6","called":"+7","customerAddress":"+3","from":"+2"}`, "+5 | address"},
		{"outbound: outbound_to second", `{"direction":"outbound-api","outbound_to":"+6","called":"+7","customerAddress":"+3","from":"+2"}`, "+6 | address"},
		{"outbound: called third", `{"direction":"outbound-dial","called":"+7","customerAddress":"+3","from":"+2"}`, "+7 | address"},
		{"outbound: customerAddress last", `{"direction":"OUTBOUND","customerAddress":"+3","from":"+2"}`, "+3 | address"},
		{"internal has no address", `{"direction":"internal","to":"+5","from":"+2","name":"+15551230001"}`, "WT1 | task"},
		{"by what a client says too", `{"client_call":"true","direction":"outbound","to":"+5"}`, "WT1 | task"},
		{"internal has the other kinds", `{"internal":true,"to":"+5","customers":{"phone":"+1"}}`, "+1 | phone"},
		{"unknown directions pick like inbound", `{"direction":"sideways","to":"+5","from":"+2"}`, "+2 | address"},
		{"the direction of conversations counts first", `{"direction":"inbound","conversations":{"direction":"outbound"},"to":"+5","from":"+2"}`, "+5 | address"},
		{"blanks are removed from phones", `{"customers":{"phone":" +1 555\u00a0123\t0001 "}}`, "+15551230001 | phone"},
		{"tel:", `{"customers":{"phone":"TEL:+1"}}`, "+1 | phone"},
		{"whatsapp:", `{"from":"WhatsApp:+1"}`, "+1 | address"},
		{"messenger:", `{"from":"messenger:100"}`, "100 | address"},
		{"sip: with the host of a number", `{"customers":{"phone":"sip:+15551230001@pbx.example.com"}}`, "+15551230001 | phone"},
		{"sips: too", `{"from":"SIPS:5551@pbx.example.com;transport=tls"}`, "5551 | address"},
		{"sip: keeps a name and its host", `{"customers":{"phone":"sip:Bob@PBX.example.com;user=phone"}}`, "bob@pbx.example.com | phone"},
		{"rcs:, sms: and mms:", `{"customers":{"phone":"rcs:"},"customerPhone":"Sms:","from":"mms:+1"}`, "+1 | address"},
		{"parameters are cut", `{"from":"tel:+15551230001;ext=5"}`, "+15551230001 | address"},
		{"punctuation of a number", `{"from":"+1 (555) 123-00.01/2"}`, "+155512300012 | address"},
		{"not of a short one", `{"from":"55-51"}`, "55-51 | address"},
		{"nor of what is no number", `{"from":"bob-7(a)"}`, "bob-7(a) | address"},
		{"00 is a plus before ten more digits", `{"from":"004912345678"}`, "+4912345678 | address"},
		{"and is none before nine", `{"from":"00491234567"}`, "00491234567 | address"},
		{"marks of writing direction and full-width digits", `{"from":"\u202a＋１５５５\u200e1230001\u2069\u061c"}`, "+15551230001 | address"},
		{"the first and last of them", `{"from":"\u202e\u2066＋１５５５\u202a\u2069０９1"}`, "+1555091 | address"},
		{"one prefix only", `{"customers":{"phone":"whatsapp:tel:+1"}}`, "tel:+1 | phone"},
		{"other prefixes stay", `{"from":"client:ann7"}`, "client:ann7 | address"},
		{"an address with an @ is lower case", `{"from":"Ann@Example.COM"}`, "ann@example.com | address"},
		{"an address without stays as it is", `{"from":"Ann7"}`, "Ann7 | address"},
		{"a name is no address", `{"from":"Ann","customerAddress":"id-0"}`, "id-0 | address"},
		{"a name that reads as one is", `{"name":"+1 555 123 0001"}`, "+15551230001 | address"},
		{"with an @", `{"name":"Ann@Example.com"}`, "ann@example.com | address"},
		{"or a scheme and a digit", `{"name":"telegram:998877"}`, "telegram:998877 | address"},
		{"seven digits at least", `{"name":"555123"}`, "WT1 | task"},
		{"no white space behind the scheme", `{"name":"Room: 5"}`, "WT1 | task"},
		{"letters before it", `{"name":"room2:5"}`, "WT1 | task"},
		{"a digit behind it", `{"name":"room:a"}`, "WT1 | task"},
		{"any ASCII letters before it", `{"name":"azAZ:5"}`, "azAZ:5 | address"},
		{"nothing next to them", `{"name":"a\u0060:5"}`, "WT1 | task"},
		{"on either side", `{"name":"z{:5"}`, "WT1 | task"},
		{"every digit is one", `{"name":"+0909099"}`, "+0909099 | address"},
		{"and a colon is none", `{"name":"555123:"}`, "WT1 | task"},
		{"name is the last, and inbound only", `{"name":"+15551230001","direction":"outbound","to":"+5"}`, "+5 | address"},
		{"customerId", `{"customers":{"external_id":" "},"customerId":"crm-2","customerPhone":"+1"}`, "crm-2 | external_id"},
		{"customerPhone", `{"customers":{"phone":"anonymous"},"customerPhone":"+2","conversations":{"customers":{"phone":"+3"}}}`, "+2 | phone"},
		{"phone of the conversation's customers", `{"conversations":{"customers":{"phone":"+3","email":"a@x"},"media":[{"customers":{"phone":"+4"}}]}}`, "+3 | phone"},
		{"phone of its media in order", `{"conversations":{"media":[{"customers":{"phone":" "}},7,{"customers":"x"},{"customers":{"phone":"+4"}},{"customers":{"phone":"+5"}}]}}`, "+4 | phone"},
		{"customerEmail", `{"customerEmail":"B@x","pre_engagement_data":{"email":"c@x"}}`, "b@x | email"},
		{"e-mail of the pre-engagement form", `{"pre_engagement_data":{"email":"C@x"},"conversations":{"customers":{"email":"d@x"}}}`, "c@x | email"},
		{"as text of JSON", `{"pre_engagement_data":"{\"email\":\"c@x\",\"n\":{}}"}`, "c@x | email"},
		{"text that is none", `{"pre_engagement_data":"{\"email\":\"c@x\"","conversations":{"customers":{"email":"d@x"}}}`, "d@x | email"},
		{"e-mails are lower case", `{"customers":{"email":" Ann@Example.COM "}}`, "ann@example.com | email"},
		{"external ids are only trimmed", `{"customers":{"external_id":" CRM 1 "}}`, "CRM 1 | external_id"},
		{"anonymous is a fine external id", `{"customers":{"external_id":"anonymous"}}`, "anonymous | external_id"},
		{"numbers are texts", `{"customers":{"external_id":42}}`, "42 | external_id"},
		{"placeholders of carriers are nobody", `{"from":"Anonymous","customers":{"phone":"+266696687","email":"unavailable"}}`, "WT1 | task"},
		{"with a prefix too", `{"from":"tel:anonymous","customerAddress":"whatsapp:+7378742883","caller":"+2562533"}`, "WT1 | task"},
		{"all of them", `{"from":"+8656696","customerAddress":"+86282452253","caller":"RESTRICTED"}`, "WT1 | task"},
		{"without a plus", `{"from":"7378742833","customerAddress":"464","caller":"266696687"}`, "WT1 | task"},
		{"with a one", `{"from":"+17378742833","customerAddress":"1464","caller":"+1 (266) 696-687"}`, "WT1 | task"},
		{"a plus behind the one is another number", `{"from":"1+464"}`, "1+464 | address"},
		{"more digits are another number", `{"from":"+11464"}`, "+11464 | address"},
		{"as a SIP user or a client", `{"from":"sip:Anonymous@anonymous.invalid","customerAddress":"client:Restricted","caller":"client:+464"}`, "WT1 | task"},
		{"as words", `{"customers":{"phone":"Unknown","email":"Private"},"from":"blocked","customerAddress":"WITHHELD","caller":"unavailable"}`, "WT1 | task"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			tables := history.Of(history.Parse(`0 entered ta=` + test.attributes))
			got := tables.Show("customers", "contact_id contact_kind")
			if d := cmp.Diff([]string{test.want}, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", test.attributes, d)
			}
			if c, e := tables.Rows("customers")[0]["contact_id"], tables.Rows("engagements")[0]["contact_id"]; c != e {
				t.Errorf("the engagement's contact is %s, the customer's %s", e, c)
			}
		})
	}
}

func TestCustomersFollowTheRules(t *testing.T) {
	tests := []struct {
		rule    string
		events  string
		columns string
		want    []string
	}{
		{
			"3 the newest event gives the whole row",
			`0  task.created ta={"from":"+1","customers":{"state":"CA","region":"west"}}
			 5  task.updated ta={"from":"+1","customers":{"state":"NY"}}`,
			"contact_id state region", []string{"+1 | NY | -"},
		},
		{
			"3 over tasks and accounts",
			`0  task.created WT1 ta={"from":"+1","customers":{"state":"CA"}}
			 5  task.created WT2 AC2 ta={"customers":{"external_id":"+1","state":"NY"}}`,
			"contact_id contact_kind state", []string{"+1 | external_id | NY"},
		},
		{
			"3 every contact that an event names has a row, not only the task's",
			`0  task.created ta={"from":"+1"}
			 5  task.updated ta={"customers":{"external_id":"crm"}}`,
			"contact_id contact_kind isolated", []string{"+1 | address | false", "crm | external_id | false"},
		},
		{
			"3 an isolated task has a row of its own with the values of its newest event with attributes",
			`0  task.created ta={"customers":{"state":"CA","segment":"S"}}
			 5  task.updated ta={"customers":{"state":"NY"}}
			 9  task.deleted`,
			"contact_id contact_kind state segment isolated updated_at", []string{"WT1 | task | NY | - | true | 2026-03-02T08:00:05.000Z"},
		},
		{
			"3 a task without any attributes too",
			`0  task.created
			 9  task.deleted`,
			"contact_id contact_kind isolated updated_at", []string{"WT1 | task | true | 2026-03-02T08:00:09.000Z"},
		},
		{
			"domain: country and state of the line stand in, by direction",
			`0  task.created ta={"from":"+1","from_country":"US","from_state":"CA","to_country":"CZ","to_state":"PR"}
			 0  task.created WT2 ta={"direction":"outbound","to":"+2","from_country":"US","from_state":"CA","to_country":"CZ","to_state":"PR"}`,
			"contact_id country state", []string{"+1 | US | CA", "+2 | CZ | PR"},
		},
		{
			"domain: segment, then market segment",
			`0  task.created ta={"from":"+1","customers":{"segment":" ","market_segment":"M","category":"C","organization":"O"}}`,
			"segment category organization", []string{"M | C | O"},
		},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			got := history.Of(history.Parse(test.events)).Show("customers", test.columns)
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("%s\n%s (-want +got):\n%s", test.events, test.columns, d)
			}
		})
	}
}

func TestAnIsolatedRowIsWithdrawnWhenAContactTurnsUp(t *testing.T) {
	events := history.Parse(`
		0  task.created
		5  task.updated ta={"from":"+1"}`)
	// Every line is a bundle, and every timer fires behind it.
	got, _ := history.Stream(history.Lines(events, history.All(history.Object)), history.Options{Cut: func() bool { return true }})
	if d := cmp.Diff([]string{"+1 | false"}, got.Show("customers", "contact_id isolated")); d != "" {
		t.Error(d)
	}
}

func TestAKeyHashesContactsAndNothingElse(t *testing.T) {
	events := history.Parse(`
		0  entered WT1 ta={"from":"whatsapp:+1 555"}
		0  entered WT2`)
	h := hmac.New(sha256.New, []byte("secret"))
	h.Write([]byte("+1555"))
	hash := hex.EncodeToString(h.Sum(nil))
	got := history.Fold(history.Lines(events, history.All(history.Object)), history.Options{ContactKey: "secret"})
	if d := cmp.Diff([]string{"WT2 | task", hash + " | address"}, got.Show("customers", "contact_id contact_kind")); d != "" {
		t.Errorf("customers:\n%s", d)
	}
	if d := cmp.Diff([]string{"WT1 | " + hash, "WT2 | WT2"}, got.Show("engagements", "task_sid contact_id")); d != "" {
		t.Errorf("engagements:\n%s", d)
	}
}

// TestAKeyHidesEveryCellThatNamesTheCustomer has columns that equal a candidate: of another kind,
// outranked, in another form.
func TestAKeyHidesEveryCellThatNamesTheCustomer(t *testing.T) {
	hash := func(s string) string {
		h := hmac.New(sha256.New, []byte("secret"))
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil))
	}
	const sid = "CA00000000000000000000000000000007"
	tests := []struct{ attributes, column, want string }{
		{`"from":"+15551230001","conversations":{"case":"+1 555 123 0001"}`, "case_id", hash("+15551230001")},
		{`"from":"+15551230001","conversations":{"case":"about +15551230001"}`, "case_id", "about +15551230001"},
		{`"from":"whatsapp:+1 555","customers":{"external_id":"Crm 7"},"conversations":{"campaign":"whatsapp:+1 555"}`, "campaign", hash("+1555")},
		{`"from":"+1555","customers":{"external_id":"Crm 7"},"conversations":{"outcome":"Crm 7"}`, "outcome", hash("Crm 7")},
		{`"from":"+1555","customers":{"email":"Ann@X.com"},"conversations":{"reason":"Ann@x.com"}`, "reason", hash("ann@x.com")},
		{`"customers":{"external_id":"+1 555","phone":"+1 555"},"conversations":{"reason":"+1 555"}`, "reason", hash("+1 555")},
		{`"from":"anonymous","conversations":{"reason":"anonymous"}`, "reason", "anonymous"},
		{`"direction":"internal","from":"+1555","conversations":{"reason":"+1555"}`, "reason", "+1555"},
		{`"customers":{"external_id":"Gold"},"direction":"gold"`, "direction", "Gold"},
		{`"customers":{"external_id":"voice"}`, "channel", hash("voice")},
		{`"conversations":{"conversation_id":" case 5 "}`, "conversation_id", hash("case 5")},
		{`"conversations":{"conversation_id":"tel:+1 (555) 123-0001"}`, "conversation_id", hash("+15551230001")},
		{`"customers":{"external_id":"+1 (555) 1230001"},"conversations":{"conversation_id":"+1 (555) 1230001"}`, "conversation_id", hash("+15551230001")},
		{`"conversations":{"conversation_id":"` + sid + `"}`, "conversation_id", sid},
		{`"conversations":{"conversation_id":"` + sid[1:] + `"}`, "conversation_id", hash(sid[1:])},
		{`"conversations":{"conversation_id":"` + sid[:33] + `g"}`, "conversation_id", hash(sid[:33] + "g")},
	}
	for _, test := range tests {
		events := history.Parse(`0 entered channel=voice ta={` + test.attributes + `}`)
		lines := history.Lines(events, history.All(history.Object))
		if got := history.Fold(lines, history.Options{ContactKey: "secret"}).Show("engagements", test.column)[0]; got != test.want {
			t.Errorf("%s: %s is %s, want %s", test.attributes, test.column, got, test.want)
		}
		clear := history.Fold(lines, history.Options{}).Show("engagements", test.column)[0]
		if len(clear) == 64 {
			t.Errorf("%s: %s is hidden without a key", test.attributes, test.column)
		}
	}
}

// TestOfEqualTimesTheStampAndIDDecide lets two tasks name one contact in one millisecond.
func TestOfEqualTimesTheStampAndIDDecide(t *testing.T) {
	stamp := func(id string) string {
		sum := sha256.Sum256([]byte(id))
		return fmt.Sprintf("%03x %s", int(sum[0])*8+int(sum[1])/32, id)
	}
	for i := range 40 {
		a, b := fmt.Sprint("EV", i), fmt.Sprint("EV", 100+i)
		events := history.Parse(`
			0  entered WT1 ` + a + ` ta={"from":"+1","customers":{"state":"A"}}
			0  entered WT2 ` + b + ` ta={"from":"+1","customers":{"state":"B"}}`)
		want := "A"
		if stamp(b) > stamp(a) {
			want = "B"
		}
		for _, cut := range []bool{false, true} {
			batch := history.Of(events)
			stream, _ := history.Stream(history.Lines(events, history.All(history.Object)), history.Options{Cut: func() bool { return cut }})
			if x, y := batch.Rows("customers")[0]["state"], stream.Rows("customers")[0]["state"]; x != want || y != want {
				t.Errorf("%s and %s: batch %s, stream %s, want %s", a, b, x, y, want)
			}
		}
	}
}

// TestTheBestKindOfATaskIsItsContact lets the events of one task name the customer by several kinds:
// the first kind counts, and of one kind the newest event.
func TestTheBestKindOfATaskIsItsContact(t *testing.T) {
	tests := []struct{ rule, events, want string }{
		{"the better kind, though older", `0 entered ta={"customers":{"phone":"+1"}}
			5 entered ta={"from":"+2"}`, "+1"},
		{"the better kind, though newer", `0 entered ta={"from":"+2"}
			5 entered ta={"customers":{"phone":"+1"}}`, "+1"},
		{"the newest of one kind", `0 entered ta={"customers":{"phone":"+1"}}
			5 entered ta={"customers":{"phone":"+2"}}`, "+2"},
		{"of equal times that of Event Streams", `0 entered EV2 ta={"customers":{"phone":"+1"}}
			0 entered EV1 ta={"customers":{"phone":"+2"}}`, "+2"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			events := history.Parse(test.events)
			lines := history.Lines(events, func(i int) history.Form {
				if events[i].ID == "EV2" {
					return history.REST
				}
				return history.Object
			})
			rows := history.Fold(lines, history.Options{}).Rows("engagements")
			for _, r := range rows {
				if r["contact_id"] != test.want {
					t.Errorf("the contact is %s, want %s", r["contact_id"], test.want)
				}
			}
			if len(rows) == 0 {
				t.Error("there are no engagements")
			}
		})
	}
}

func TestDirectionIsWrittenWithACapital(t *testing.T) {
	for in, want := range map[string]string{"": "Inbound", "iNBOUND": "Inbound", "outbound-API": "Outbound", "internal": "Internal", "éTé": "Été"} {
		if got := customer.Direction(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
