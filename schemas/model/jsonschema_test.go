package model

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestJSONSchemaDescribesEveryColumnInOrder(t *testing.T) {
	var doc struct {
		Schema string `json:"$schema"`
		Ref    string `json:"$ref"`
		Defs   map[string]struct {
			Type       string
			Key        []string `json:"x-key"`
			Properties map[string]struct {
				Type        any
				Format      string
				Encoding    string `json:"contentEncoding"`
				Description string
			}
			Required   []string
			Additional *bool `json:"additionalProperties"`
		} `json:"$defs"`
	}
	text := JSONSchema()
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != "https://json-schema.org/draft/2020-12/schema" || doc.Ref != "" || len(doc.Defs) != len(Tables) {
		t.Errorf("$schema %q, $ref %q, %d tables", doc.Schema, doc.Ref, len(doc.Defs))
	}
	for _, table := range Tables {
		def := doc.Defs[table.Name]
		if len(def.Properties) != len(table.Columns) || def.Additional == nil || *def.Additional || def.Type != "object" {
			t.Errorf("%s: %d properties of %d columns, additional %v", table.Name, len(def.Properties), len(table.Columns), def.Additional)
		}
		if got, want := strings.Join(def.Key, ", "), keyNames(table); got != want {
			t.Errorf("%s: key %s, want %s", table.Name, got, want)
		}
		required := map[string]bool{}
		for _, name := range def.Required {
			required[name] = true
		}
		for _, c := range table.Columns {
			p := def.Properties[c.Name]
			_, nullable := p.Type.([]any)
			if nullable == c.Required || required[c.Name] != c.Required || p.Description == "" {
				t.Errorf("%s.%s: type %v, required %v, want required %v", table.Name, c.Name, p.Type, required[c.Name], c.Required)
			}
			if (p.Format == "date-time") != (c.Type == Timestamp) || (p.Encoding == "base64") != (c.Type == Bytes) {
				t.Errorf("%s.%s: format %q, encoding %q", table.Name, c.Name, p.Format, p.Encoding)
			}
		}
	}
	if a, b := strings.Index(string(text), `"engagement_id": {`), strings.Index(string(text), `"status": {`); a < 0 || b < a {
		t.Errorf("columns are not in the order of the table")
	}
}

func TestJSONSchemaOfOneTableDescribesItsRow(t *testing.T) {
	var doc struct {
		Ref  string         `json:"$ref"`
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(JSONSchema(&Agents), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Ref != "#/$defs/agents" || len(doc.Defs) != 1 || doc.Defs["agents"] == nil {
		t.Errorf("got $ref %q and %d definitions", doc.Ref, len(doc.Defs))
	}
}
