package model

import "slices"

// The kinds of keys that own rows.
const (
	TaskKind   = "task"
	WorkerKind = "worker"

	ConversationKind = "conversation"
)

// An Owner says which task, worker or conversation a row of a table belongs to. All rows of one owner are made
// from the events of that owner alone, so a job that folds it again must know which of its rows a
// sink still holds: those that it no longer gives are deleted. Of a table without an owner, a row
// is only ever replaced by its newer version.
//
// The zero Owner means that the rows have none.
type Owner struct {
	Kind    string // TaskKind, WorkerKind or ConversationKind
	Account string // column with the account's SID; empty when rows do not tell their account
	SID     string // column with the SID of the task, worker or conversation
	Only    string // BOOL column: only rows in which it is true have an owner; empty for all rows
	Time    string // TIMESTAMP column of the key that tells which rows are looked up; empty: all of an owner
}

// An Entailed is a row of another table that belongs to the owner of a row, which alone tells of it: the other
// table does not name that owner. Both rows are of one time.
type Entailed struct {
	Table TableID
	If    string   // column that is not null where there is such a row
	Key   []string // columns that the primary key of the other row is made of, in its order
}

// An OwnerKey names one owner by its account and its SID.
type OwnerKey struct{ Account, SID string }

// An OwnerQuery names rows of a table by their owners and, where the table has partitions (Day), by
// the time that tells them apart, so that a store reads only these.
type OwnerQuery struct {
	Owners   []OwnerKey
	From, To int64 // ms since 1970 UTC; both count
	Whole    bool  // rows have all their cells; else those of FoundColumns
}

// Columns returns the indexes of the columns that the query asks for.
func (q *OwnerQuery) Columns(t *Table) []int {
	if q.Whole {
		return t.All()
	}
	return t.FoundColumns()
}

// Holds tells whether the time of a row is one that the query asks for.
func (q *OwnerQuery) Holds(t *Table, r Row) bool {
	if t.Day() == "" {
		return true
	}
	at := t.Get(r, t.Day()).Num
	return q.From <= at && at <= q.To
}

// TimeColumn returns the index of the column that tells of which time a row is: the one that Day
// names, else updated_at.
func (t *Table) TimeColumn() int {
	if day := t.Day(); day != "" {
		return t.Col(day)
	}
	return t.Col("updated_at")
}

// OwnerColumns returns the indexes of the columns that tell the owner of a row, and behind them that
// of Owner.Time where there is one.
func (t *Table) OwnerColumns() (columns []int) {
	for _, name := range []string{t.Owner.Account, t.Owner.SID, t.Owner.Time} {
		if name != "" {
			columns = append(columns, t.Col(name))
		}
	}
	return columns
}

// OwnedTables returns the tables whose rows have an owner, in the order of Tables.
func OwnedTables() []TableID {
	var ids []TableID
	for _, t := range Tables {
		if t.Owner.Kind != "" {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// OwnerKey returns the account and the SID of the row's owner. The account is empty when rows of
// the table do not tell it, and both are for a table without owners. It does not look at the column
// Owner.Only, so it works with the cells of KeyColumnsWithOwner alone: see Owned.
func (t *Table) OwnerKey(r Row) (account, sid string) {
	if t.Owner.Account != "" {
		account = t.Get(r, t.Owner.Account).Str
	}
	if t.Owner.SID != "" {
		sid = t.Get(r, t.Owner.SID).Str
	}
	return account, sid
}

// Owned tells whether a whole row has an owner.
func (t *Table) Owned(r Row) bool {
	return t.Owner.Kind != "" && (t.Owner.Only == "" || t.Get(r, t.Owner.Only).Num != 0)
}

// FoundColumns returns the indexes of the columns that tell which row of which owner is there,
// where BigQuery has it, which rows it entails, and which version of it that is: KeyColumnsWithOwner,
// PartitionColumn if there is one, the columns of Entails, and row_version.
func (t *Table) FoundColumns() []int {
	columns := t.KeyColumnsWithOwner()
	if i, ok := t.PartitionColumn(); ok {
		columns = append(columns, i)
	}
	for _, e := range t.Entails {
		for _, name := range append([]string{e.If}, e.Key...) {
			if !slices.Contains(columns, t.Col(name)) {
				columns = append(columns, t.Col(name))
			}
		}
	}
	return append(columns, len(t.Columns)-1)
}

// KeyColumnsWithOwner returns the indexes of the primary key's columns in order, and behind them
// those of the owner's columns that are not part of the key.
func (t *Table) KeyColumnsWithOwner() []int {
	columns := slices.Clone(t.keys)
	for _, name := range []string{t.Owner.Account, t.Owner.SID} {
		if name != "" && !slices.Contains(columns, t.Col(name)) {
			columns = append(columns, t.Col(name))
		}
	}
	return columns
}
