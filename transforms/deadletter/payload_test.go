package deadletter_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/transforms/deadletter"
)

func TestAHiddenDeadLetterKeepsAllButItsPayload(t *testing.T) {
	letter := deadletter.Letter{Line: 4, Index: -1, Class: "invalid_json", Error: "what is wrong", Payload: []byte(`{"from":"+1555`)}
	agent := model.Agents.NewRow()
	agent[model.Agents.Col("agent_id")] = model.Text("WK1")
	block := letter.Append(nil, "file", "day.ndjson", 3)
	block = block.Append(change.Change{Table: model.AgentsID, Row: agent})
	letter.Payload = nil
	want := letter.Append(nil, "file", "day.ndjson", 3)
	want = want.Append(change.Change{Table: model.AgentsID, Row: agent})
	got, err := deadletter.WithoutPayload(block)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
