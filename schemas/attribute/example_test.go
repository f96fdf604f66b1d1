package attribute_test

import (
	"fmt"

	"flexbeam/schemas/attribute"
)

func Example() {
	tree := attribute.NewTree("from", "customers.phone", "customers.email")
	parser, overlay := attribute.NewParser(tree), attribute.NewOverlay(tree)
	for _, text := range []string{
		`{"from": "+15551230001", "customers": {"phone": "+15551230001", "loyalty": {"points": 7}}}`,
		`{"from": " ", "customers": {"email": "ann@example.com", "phone": null}}`,
	} {
		snapshot, ok := parser.Append(nil, []byte(text))
		if !ok {
			continue // no attributes
		}
		overlay.Add(attribute.Snapshot(snapshot))
	}
	fmt.Println(overlay.Text(tree.ID("from")))
	fmt.Println(overlay.First(tree.ID("customers.email"), tree.ID("customers.phone")))
	fmt.Println(overlay.Has(tree.ID("customers.phone")))
	// Output:
	// +15551230001
	// ann@example.com
	// true
}
