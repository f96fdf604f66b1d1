package change_test

import (
	"fmt"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

func Example() {
	t := &model.Customers
	row := t.NewRow()
	row[t.Col("contact_id")] = model.Text("+15551230001")
	row[t.Col("contact_kind")] = model.Text("phone")
	row[t.Col("row_version")] = model.Integer(7)
	gone := t.NewRow()
	gone[t.Col("contact_id")] = model.Text("WT1")
	gone[t.Col("row_version")] = model.Integer(8)

	block := change.Block(nil).
		Append(change.Change{Table: model.CustomersID, Row: row}).
		Append(change.Change{Table: model.CustomersID, Delete: true, Row: gone})
	err := block.Each(func(c change.Change) error {
		verb := "upsert"
		if c.Delete {
			verb = "delete"
		}
		fmt.Println(verb, c.Of().Name, c.Of().Get(c.Row, "contact_id"), "version", c.Version())
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// upsert customers +15551230001 version 7
	// delete customers WT1 version 8
}
