package model_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/model"
)

func TestTheOwnersOfRowsAreThoseOfTheContract(t *testing.T) {
	want := map[string]struct {
		owner   model.Owner
		columns []string // the key's and the owner's
	}{
		"engagements": {
			model.Owner{Kind: "task", Account: "account_sid", SID: "task_sid"},
			[]string{"account_sid", "engagement_id", "task_sid"},
		},
		"agent_status": {
			model.Owner{Kind: "worker", Account: "account_sid", SID: "agent_id", Time: "interval_start"},
			[]string{"account_sid", "agent_id", "interval_start", "activity"},
		},
		"customers": {
			model.Owner{Kind: "task", SID: "contact_id", Only: "isolated"},
			[]string{"contact_id"},
		},
		"agents": {columns: []string{"account_sid", "agent_id"}},
		"turns": {
			model.Owner{Kind: "conversation", Account: "account_sid", SID: "conversation_sid"},
			[]string{"account_sid", "turn_id", "conversation_sid"},
		},
		"turn_contents": {columns: []string{"account_sid", "turn_id"}},
		"dead_letters":  {columns: []string{"source", "position"}},
	}
	var owned []model.TableID
	for _, table := range model.Tables {
		w := want[table.Name]
		if d := cmp.Diff(w.owner, table.Owner); d != "" {
			t.Errorf("%s: owner (-want +got):\n%s", table.Name, d)
		}
		var columns []string
		for _, i := range table.KeyColumnsWithOwner() {
			columns = append(columns, table.Columns[i].Name)
		}
		if d := cmp.Diff(w.columns, columns); d != "" {
			t.Errorf("%s: columns (-want +got):\n%s", table.Name, d)
		}
		if w.owner.Kind != "" {
			owned = append(owned, table.ID)
		}
	}
	if d := cmp.Diff(owned, model.OwnedTables()); d != "" {
		t.Errorf("tables with owners (-want +got):\n%s", d)
	}
}

func TestARowTellsItsOwner(t *testing.T) {
	cells := map[string]model.Value{
		"account_sid": model.Text("AC1"), "task_sid": model.Text("WT1"), "agent_id": model.Text("WK1"), "contact_id": model.Text("WT1"),
	}
	tests := []struct {
		table        *model.Table
		isolated     bool
		account, sid string
		owned        bool
	}{
		{&model.Engagements, false, "AC1", "WT1", true},
		{&model.AgentStatus, false, "AC1", "WK1", true},
		{&model.Customers, true, "", "WT1", true},
		{&model.Customers, false, "", "WT1", false},
		{&model.Agents, false, "", "", false},
		{&model.DeadLetters, false, "", "", false},
	}
	for _, test := range tests {
		r := test.table.NewRow()
		for i, c := range test.table.Columns {
			r[i] = cells[c.Name]
		}
		if test.isolated {
			r[test.table.Col("isolated")] = model.Boolean(true)
		}
		account, sid := test.table.OwnerKey(r)
		if account != test.account || sid != test.sid || test.table.Owned(r) != test.owned {
			t.Errorf("%s: %q %q, owned %v, want %q %q, %v", test.table.Name, account, sid, test.table.Owned(r), test.account, test.sid, test.owned)
		}
	}
}
