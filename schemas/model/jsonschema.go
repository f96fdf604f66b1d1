package model

import "flexbeam/internal/orderedjson"

type (
	object = orderedjson.Object
	member = orderedjson.Member
)

// JSONSchema returns a JSON Schema (2020-12) for the rows of tables as JSON objects, as the jsonl
// sink writes them: one definition for each table under $defs, in the order of the model. Without
// tables it has all of the model. With a single one the document itself describes a row of it.
//
// Beyond the standard it has x-key (the primary key) for a table; x-type (BigQuery's type), x-rule
// and x-sources (in order) for a column.
func JSONSchema(tables ...*Table) []byte {
	all := tables
	if len(all) == 0 {
		all = Tables
	}
	doc := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", "urn:flexbeam:model"},
		{"title", "flexbeam model"},
		{"description", "Rows of the tables that flexbeam fills."},
	}
	if len(tables) == 1 {
		doc = append(doc, member{"$ref", "#/$defs/" + tables[0].Name})
	}
	var defs object
	for _, t := range all {
		defs = append(defs, member{t.Name, t.jsonSchema()})
	}
	return append(doc, member{"$defs", defs}).Document()
}

func (t *Table) jsonSchema() object {
	var properties object
	var required []string
	for _, c := range t.Columns {
		properties = append(properties, member{c.Name, c.jsonSchema()})
		if c.Required {
			required = append(required, c.Name)
		}
	}
	return object{
		{"type", "object"},
		{"description", t.Description},
		{"x-key", t.KeyNames()},
		{"properties", properties},
		{"required", required},
		{"additionalProperties", false},
	}
}

func (c Column) jsonSchema() object {
	name := jsonTypes[c.Type]
	o := object{{"type", name}}
	if !c.Required {
		o = object{{"type", []string{name, "null"}}}
	}
	switch c.Type {
	case Timestamp:
		o = append(o, member{"format", "date-time"})
	case Bytes:
		o = append(o, member{"contentEncoding", "base64"})
	}
	o = append(o, member{"description", c.Description}, member{"x-type", bigqueryTypes[c.Type]}, member{"x-rule", c.Rule})
	if len(c.Sources) > 0 {
		var sources []string
		for _, s := range c.Sources {
			sources = append(sources, s.String())
		}
		o = append(o, member{"x-sources", sources})
	}
	return o
}

var jsonTypes = [...]string{String: "string", Timestamp: "string", Float: "number", Int: "integer", Bool: "boolean", Bytes: "string"}
