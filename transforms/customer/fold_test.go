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
		{"internal picks like outbound", `{"direction":"internal","to":"+5","from":"+2"}`, "+5 | address"},
		{"unknown directions pick like inbound", `{"direction":"sideways","to":"+5","from":"+2"}`, "+2 | address"},
		{"the direction of conversations counts first", `{"direction":"inbound","conversations":{"direction":"outbound"},"to":"+5","from":"+2"}`, "+5 | address"},
		{"blanks are removed from phones", `{"customers":{"phone":" +1 555\u00a0123\t0001 "}}`, "+15551230001 | phone"},
		{"tel:", `{"customers":{"phone":"TEL:+1"}}`, "+1 | phone"},
		{"whatsapp:", `{"from":"WhatsApp:+1"}`, "+1 | address"},
		{"messenger:", `{"from":"messenger:100"}`, "100 | address"},
		{"sip: with its host", `{"customers":{"phone":"sip:bob@pbx.example.com"}}`, "bob | phone"},
		{"one prefix only", `{"customers":{"phone":"whatsapp:tel:+1"}}`, "tel:+1 | phone"},
		{"other prefixes stay", `{"from":"client:ann"}`, "client:ann | address"},
		{"an address with an @ is lower case", `{"from":"Ann@Example.COM"}`, "ann@example.com | address"},
		{"an address without stays as it is", `{"from":"Ann"}`, "Ann | address"},
		{"e-mails are lower case", `{"customers":{"email":" Ann@Example.COM "}}`, "ann@example.com | email"},
		{"external ids are only trimmed", `{"customers":{"external_id":" CRM 1 "}}`, "CRM 1 | external_id"},
		{"anonymous is a fine external id", `{"customers":{"external_id":"anonymous"}}`, "anonymous | external_id"},
		{"numbers are texts", `{"customers":{"external_id":42}}`, "42 | external_id"},
		{"placeholders of carriers are nobody", `{"from":"Anonymous","customers":{"phone":"+266696687","email":"unavailable"}}`, "WT1 | task"},
		{"with a prefix too", `{"from":"tel:anonymous","customerAddress":"whatsapp:+7378742883","caller":"+2562533"}`, "WT1 | task"},
		{"all of them", `{"from":"+8656696","customerAddress":"+86282452253","caller":"RESTRICTED"}`, "WT1 | task"},
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

func TestDirectionIsWrittenWithACapital(t *testing.T) {
	for in, want := range map[string]string{"": "Inbound", "iNBOUND": "Inbound", "outbound-API": "Outbound", "internal": "Internal", "éTé": "Été"} {
		if got := customer.Direction(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
