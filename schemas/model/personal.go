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
