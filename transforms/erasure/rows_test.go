package erasure

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/model"
)

type fields map[string]string

// engagementOf returns a row with texts.
func engagementOf(task, contact string, version int64, texts fields) model.Row {
	t := &model.Engagements
	r := t.NewRow()
	for name, text := range texts {
		r[t.Col(name)] = model.Text(text)
	}
	r[t.Col("account_sid")], r[t.Col("task_sid")], r[t.Col("contact_id")] = model.Text("AC1"), model.Text(task), model.Text(contact)
	r[t.Col("updated_at")], r[t.Col("row_version")] = model.Millis(int64(1000+version)), model.Integer(version)
	return r
}

// textsOf returns the texts of some columns.
func textsOf(t *model.Table, r model.Row, names ...string) (all []string) {
	for _, name := range names {
		all = append(all, t.Get(r, name).String())
	}
	return all
}

const conversation = "CH0123456789abcdef0123456789abcdef"

func TestAnEngagementKeepsWhatTellsNobody(t *testing.T) {
	r := engagementOf("WT1", "+15551230001", 8193, fields{
		"conversation_id": conversation, "recording_url": "https://x/1", "case_id": "77", "engagement_attribute_2": "Ann", "queue": "Sales",
		"reason": "calls from 1 555 123-0001", "outcome": "sold", "company_contact": "+18005550000", "agent_id": "WK1", "language": "en",
	})
	if !Task([]model.Row{r}, &Names{}) {
		t.Error("nothing was erased")
	}
	want := []string{"AC1", "WT1", "WT1", conversation, "", "", "", "", "sold", "Sales", "+18005550000", "WK1", "en", "4611686018427396097"}
	got := textsOf(&model.Engagements, r, "account_sid", "task_sid", "contact_id", "conversation_id", "recording_url", "case_id", "engagement_attribute_2", "reason",
		"outcome", "queue", "company_contact", "agent_id", "language", "row_version")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAConversationThatIsNoSIDGoes(t *testing.T) {
	for _, test := range []struct{ id, want string }{
		{conversation, conversation}, {"WT1", "WT1"}, {"+15551230001", "WT1"}, {"case 7", "WT1"},
	} {
		r := engagementOf("WT1", "ann@example.com", 1, fields{"conversation_id": test.id})
		Task([]model.Row{r}, &Names{})
		if got := model.Engagements.Get(r, "conversation_id").Str; got != test.want {
			t.Errorf("%q becomes %q, want %q", test.id, got, test.want)
		}
	}
}

func TestAllRowsOfAnErasedTaskHaveOneVersion(t *testing.T) {
	rows := []model.Row{
		engagementOf("WT1", "WT1", 5, fields{"conversation_id": conversation}),
		engagementOf("WT1", "WT1", 5, fields{"conversation_id": conversation, "recording_url": "https://x/1"}),
	}
	if !Task(rows, &Names{}) || !IsErased(rows[0]) || rows[0][len(rows[0])-1] != rows[1][len(rows[1])-1] {
		t.Errorf("%v, %v", rows[0], rows[1])
	}
	if Task(rows, &Names{}) {
		t.Error("it is erased twice")
	}
	untold := engagementOf("WT2", "WT2", 5, fields{"conversation_id": "WT2"})
	if Task([]model.Row{untold}, &Names{}) || IsErased(untold) {
		t.Error("a row that tells nobody was erased")
	}
}

func TestATaskThatIsErasedHasNoContact(t *testing.T) {
	rows := []model.Row{engagementOf("WT1", "+1", 4, nil), engagementOf("WT1", "+1", 4, nil)}
	rows[1][updatedAt] = model.Value{}
	got := Isolated(rows)
	want := []string{"WT1", "task", "", "", "", "true", "1970-01-01T00:00:01.004Z", "4611686018427387908"}
	if d := cmp.Diff(want, textsOf(&model.Customers, got, "contact_id", "contact_kind", "state", "country", "segment", "isolated", "updated_at", "row_version")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestADeleteTellsNoMoreThanItHasTo(t *testing.T) {
	r := engagementOf("WT1", "+15551230001", 4, fields{"engagement_id": "WR1", "reason": "secret"})
	r[model.Engagements.Col("start_time")] = model.Millis(int64(77))
	c := Delete(&model.Engagements, r)
	var told []string
	for i, v := range c.Row {
		if !v.IsNull() {
			told = append(told, model.Engagements.Columns[i].Name)
		}
	}
	if d := cmp.Diff([]string{"account_sid", "engagement_id", "start_time", "row_version"}, told); d != "" || !c.Delete || c.Forget {
		t.Errorf("%v, forgets %v: (-want +got):\n%s", c.Delete, c.Forget, d)
	}
	customer := model.Customers.NewRow()
	customer[0], customer[len(customer)-1] = model.Text("+1"), model.Integer(1<<60)
	if c := DeleteContact(customer, 1_700_000_000_000); !c.Forget || c.Version() != 1<<60 {
		t.Errorf("forgets %v, version %d", c.Forget, c.Version())
	}
	customer[len(customer)-1] = model.Integer(1)
	if c := DeleteContact(customer, 1_700_000_000_000); c.Version() != 1_700_000_000_000*4096+4095 {
		t.Errorf("version %d", c.Version())
	}
}

func TestADeadLetterOfThePersonLosesItsRecordAndMaybeItsRow(t *testing.T) {
	d := &model.DeadLetters
	names := &Names{}
	names.Add("+1 555 123-0001")
	names.Add("Ann@Example.com")
	names.Add("12")
	names.AddSID("WT0123456789abcdef0123456789abcdef")
	for _, test := range []struct {
		payload, position, error string
		changed, gone            bool
	}{
		{`{"from":"+15551230001"}`, "f:1", "bad", true, false},
		{`{"from":"001 (555) 123.0001"}`, "f:1", "bad", true, false},
		{`{\"email\":\"ANN@example.com\"}`, "f:1", "bad", true, false},
		{`{\"id\":\"12\"}`, "f:1", "bad", true, false},
		{`{"id":"123"}`, "f:1", "bad", false, false},
		{`{"task_sid":"WT0123456789abcdef0123456789abcdef"}`, "f:1", "bad", true, false},
		{`{"task_sid":"WT0123456789abcdef0123456789abcdee"}`, "f:1", "bad", false, false},
		{"", `["+15551230001"]`, "bad", true, true},
		{"", "f:1", "upsert: the value +15551230001 is refused", true, true},
		{"", "f:1", "WT0123456789abcdef0123456789abcdef", false, false},
	} {
		r := d.NewRow()
		for name, text := range map[string]string{"position": test.position, "error": test.error} {
			r[d.Col(name)] = model.Text(text)
		}
		if test.payload != "" {
			r[d.Col("payload")] = model.Blob([]byte(test.payload))
		}
		r[len(r)-1] = model.Integer(1)
		changed, gone := Letter(r, names)
		if changed != test.changed || gone != test.gone {
			t.Errorf("%+v: changed %v, gone %v", test, changed, gone)
		}
		if changed && !gone && (!d.Get(r, "payload").IsNull() || !IsErased(r)) {
			t.Errorf("%+v: %v", test, r)
		}
		if again, _ := Letter(r, names); again && !gone {
			t.Errorf("%+v is erased twice", test)
		}
	}
}
