package model_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/model"
)

// columns are the tables as contract, section 6 names them: a star marks the primary key, an
// exclamation mark what is never null.
var columns = map[string]string{
	"engagements": `*account_sid *engagement_id !engagement_type !status outcome_type !conversation_id !task_sid reservation_sid agent_id !contact_id
		!start_time end_time engagement_time_seconds wrap_up_time_seconds invitation_time_seconds wait_time_seconds focus_time_seconds hold_time_seconds
		queue_sid queue channel channel_type !channel_vendor !platform !direction company_contact campaign case_id category language outcome
		outcome_category priority reason engaged_department engaged_location engaged_organization engaged_manager engaged_role engaged_team
		engagement_attribute_1 engagement_attribute_2 engagement_attribute_3 engagement_fact_1 engagement_fact_2 engagement_fact_3
		recording_url end_reason workspace_sid workflow_sid workflow_name !inferred !is_virtual updated_at row_version`,
	"agents": `*account_sid *agent_id agent_name email department location manager team organization role roles cost_per_hour cost_per_engagement
		!state !agent_type updated_at row_version`,
	"agent_status":  `*account_sid *agent_id *interval_start *activity activity_sid !availability !seconds updated_at row_version`,
	"customers":     `*contact_id !contact_kind state country category organization region segment !isolated updated_at row_version`,
	"turns":         `*account_sid *turn_id !conversation_id conversation_sid !task_sid engagement_id agent_id !turn_time author_type !turn_type turn_index length updated_at row_version`,
	"turn_contents": `*account_sid *turn_id text updated_at row_version`,
	"dead_letters":  `*source *position !error_class !error payload received_at updated_at row_version`,
}

func TestTheTablesAreThoseOfTheContract(t *testing.T) {
	if len(model.Tables) != len(columns) {
		t.Errorf("%d tables, want %d", len(model.Tables), len(columns))
	}
	for _, table := range model.Tables {
		var got []string
		for _, c := range table.Columns {
			switch {
			case c.Key:
				got = append(got, "*"+c.Name)
			case c.Required:
				got = append(got, "!"+c.Name)
			default:
				got = append(got, c.Name)
			}
		}
		if d := cmp.Diff(strings.Fields(columns[table.Name]), got); d != "" {
			t.Errorf("%s:\n%s", table.Name, d)
		}
	}
}

func TestEveryColumnIsDescribedWithItsSourceAndRule(t *testing.T) {
	for _, table := range model.Tables {
		if model.Lookup(table.Name) != table || table.Description == "" {
			t.Errorf("%s is not found by its name, or not described", table.Name)
		}
		for i, c := range table.Columns {
			if c.Description == "" || c.Rule == "" || c.Type == model.Null || i < len(table.Columns)-2 && len(c.Sources) == 0 {
				t.Errorf("%s.%s lacks a description, rule, type or source", table.Name, c.Name)
			}
			if table.Col(c.Name) != i {
				t.Errorf("%s.%s is not found by its name", table.Name, c.Name)
			}
		}
	}
	if model.Lookup("nothing") != nil {
		t.Error("a table that is not there is found")
	}
}

func TestAnUnknownColumnPanics(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), "nothing") {
			t.Errorf("got %v", r)
		}
	}()
	model.Agents.Col("nothing")
}
