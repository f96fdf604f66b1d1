package model

import "fmt"

// A Column is one column of a table, with where its value comes from.
type Column struct {
	Name        string
	Type        Type
	Key         bool     // part of the primary key
	Required    bool     // never null; keys are always required
	Later       bool     // came after the first release: tables that exist get it as their last column, where it may be null
	Sources     []Source // where the value is read from: the first non-empty one counts
	Description string   // what the value means, one sentence or two
	Rule        string   // the rule that decides it: a section of the contract, see docs/contract.md
}

// A Table is a table of the model.
type Table struct {
	ID          TableID
	Name        string
	Description string
	Columns     []Column
	Owner       Owner      // which task or worker a row belongs to, if any
	Entails     []Entailed // rows of other tables that are there because of a row

	index map[string]int
	keys  []int
}

// TableID names a table in a Change.
type TableID uint8

// The tables of the model.
const (
	EngagementsID TableID = iota
	AgentsID
	AgentStatusID
	CustomersID
	TurnsID
	TurnContentsID
	DeadLettersID
)

// Tables lists the tables, indexed by TableID.
var Tables = []*Table{&Engagements, &Agents, &AgentStatus, &Customers, &Turns, &TurnContents, &DeadLetters}

func init() {
	for i, t := range Tables {
		if int(t.ID) != i {
			panic("model: table " + t.Name + " is not at its id")
		}
		t.Columns = append(t.Columns, tail...)
		t.index = make(map[string]int, len(t.Columns))
		for j := range t.Columns {
			c := &t.Columns[j]
			t.index[c.Name] = j
			if c.Key {
				c.Required = true
				t.keys = append(t.keys, j)
			}
		}
	}
}

// tail holds the two columns that end every table.
var tail = []Column{
	{Name: "updated_at", Type: Timestamp, Description: "Time of the newest event behind the row.", Rule: "6, 7"},
	{Name: "row_version", Type: Int, Description: "How much the row knows: of two changes of one key the greater version stays.", Rule: "7"},
}

// Lookup returns the table of that name, nil when there is none.
func Lookup(name string) *Table {
	for _, t := range Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Col returns the index of the named column. It panics on an unknown name: names are written in
// code, not read from input.
func (t *Table) Col(name string) int {
	i, ok := t.index[name]
	if !ok {
		panic(fmt.Sprintf("model: table %s has no column %q", t.Name, name))
	}
	return i
}

// Keys returns the indexes of the primary key's columns, in order.
func (t *Table) Keys() []int { return t.keys }

// KeyNames returns the names of the primary key's columns, in order.
func (t *Table) KeyNames() []string {
	names := make([]string, len(t.keys))
	for n, i := range t.keys {
		names[n] = t.Columns[i].Name
	}
	return names
}

// All returns the indexes of all columns.
func (t *Table) All() []int {
	all := make([]int, len(t.Columns))
	for i := range all {
		all[i] = i
	}
	return all
}

// NewRow returns a row of nulls.
func (t *Table) NewRow() Row { return make(Row, len(t.Columns)) }

// Get returns the named cell of a row of this table.
func (t *Table) Get(r Row, name string) Value { return r[t.Col(name)] }

// AppendKey appends an encoding of the row's primary key: equal for equal keys, different otherwise.
func (t *Table) AppendKey(b []byte, r Row) []byte {
	for _, i := range t.keys {
		v := r[i]
		b = append(b, byte(v.Type))
		if v.Type == String || v.Type == Bytes {
			n := len(v.Str)
			b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
			b = append(b, v.Str...)
			continue
		}
		for s := 0; s < 64; s += 8 {
			b = append(b, byte(v.Num>>s))
		}
	}
	return b
}

// ParseKey fills the key cells of r from what AppendKey wrote. ok is false for anything else.
func (t *Table) ParseKey(b []byte, r Row) (ok bool) {
	for _, i := range t.keys {
		if len(b) == 0 {
			return false
		}
		v := Value{Type: Type(b[0])}
		b = b[1:]
		if v.Type == String || v.Type == Bytes {
			if len(b) < 4 {
				return false
			}
			n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16 | int(b[3])<<24
			b = b[4:]
			if n < 0 || n > len(b) {
				return false
			}
			v.Str, b = string(b[:n]), b[n:]
		} else {
			if len(b) < 8 {
				return false
			}
			for s := 7; s >= 0; s-- {
				v.Num = v.Num<<8 | int64(b[s])
			}
			b = b[8:]
		}
		r[i] = v
	}
	return len(b) == 0
}
