package model

import "slices"

// personal names the columns that identify a customer or hold what was said or sent.
var personal = map[TableID][]string{
	EngagementsID:  {"contact_id"},
	CustomersID:    {"contact_id"},
	TurnContentsID: {"text"},
	DeadLettersID:  {"payload"},
}

// Personal tells whether the named column has personal data of customers: a contact that no key
// hides, the text of a message, or a raw record.
func (t *Table) Personal(column string) bool { return slices.Contains(personal[t.ID], column) }

// PersonalTables lists the tables that are about nothing else, so that a store may keep them apart.
var PersonalTables = []*Table{&Customers, &TurnContents, &DeadLetters}

// Erased is the bit that the row_version of an erased row has: such a version is greater than any
// that events give. So what is folded again of an erased task or worker leaves the row as it is
// (contract, section 11).
const Erased = 1 << 62

// emptied names the columns that are null in a row that is erased and stays.
var emptied = map[TableID][]string{
	EngagementsID: {"recording_url", "case_id", "engagement_attribute_1", "engagement_attribute_2", "engagement_attribute_3"},
	AgentsID:      {"agent_name", "email", "location", "manager"},
	CustomersID:   {"state", "country", "category", "organization", "region", "segment"},

	TurnContentsID: {"text"},
	DeadLettersID:  {"payload"},
}

// Empty makes those cells of a row null that an erased row does not have, and tells whether any was
// not. Cells that may name the person but are never null, such as contact_id, are left.
func (t *Table) Empty(r Row) (changed bool) {
	for _, name := range emptied[t.ID] {
		if v := &r[t.Col(name)]; !v.IsNull() {
			*v, changed = Value{}, true
		}
	}
	return changed
}
