package config_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"flexbeam/internal/config"
)

func TestTheSchemaTakesWhatTheProgramTakes(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("flexbeam.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("flexbeam.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		text string
		good bool
	}{
		{config.Example, true},
		{"run: {max_dead_letters: 100, as_of: 1772000000, sink: 'duckdb:x'}", true},
		{"model: {contact_key: 'file:key.txt'}", true},
		{"run: {flush-every: 2s}", false},
		{"run: {flush_every: 2}", false},
		{"run: {at_once: 1}", false},
		{"turns: {fetch: some}", false},
		{"accounts: [{account: AC0123456789abcdef0123456789abcdef}]", false},
		{"model: {contact_key: abc}", false},
		{"model: {offline_activities: Offline}", false},
	}
	for _, test := range tests {
		_, err := config.Parse("f", []byte(test.text))
		if (err == nil) != test.good {
			t.Errorf("the program: %s: %v", test.text, err)
		}
		var value any
		if err := yaml.Unmarshal([]byte(test.text), &value); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != test.good {
			t.Errorf("the schema: %s: %v", test.text, err)
		}
	}
}
