package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/model"
)

// ownColumns are a call whose application has names of its own, and the columns that read them.
const ownCall = `{"type":"com.twilio.taskrouter.task-queue.entered","id":"EV1","time":"2026-03-02T08:00:00Z","data":{"account_sid":"AC1","payload":{"task_sid":"WT1","task_queue_sid":"WQ1","task_queue_name":"Sales","timestamp":"2026-03-02T08:00:00Z","task_attributes":"{\"lang\":\"de\",\"ours\":{\"why\":\"refund\",\"queue\":\"ours\"},\"conversations\":{\"language\":\"en\",\"reason\":\"other\"},\"plan\":\"gold\"}"}}}
{"type":"com.twilio.taskrouter.reservation.accepted","id":"EV2","time":"2026-03-02T08:01:00Z","data":{"account_sid":"AC1","payload":{"task_sid":"WT1","reservation_sid":"WR1","worker_sid":"WK1","timestamp":"2026-03-02T08:01:00Z","worker_attributes":"{\"squad\":\"blue\"}"}}}
{"type":"com.twilio.taskrouter.task.completed","id":"EV3","time":"2026-03-02T08:05:00Z","data":{"account_sid":"AC1","payload":{"task_sid":"WT1","timestamp":"2026-03-02T08:05:00Z"}}}
`

func ownColumns() []model.Extra {
	return []model.Extra{
		{Column: "engagements.language", Before: []string{"lang"}}, {Column: "engagements.reason", Behind: []string{"ours.why"}},
		{Column: "engagements.case_id", Behind: []string{"missing", "ours.why"}}, {Column: "engagements.queue", Behind: []string{"ours.queue"}},
		{Column: "engagements.engaged_team", Before: []string{"squad"}}, {Column: "agents.team", Behind: []string{"squad"}},
		{Column: "customers.segment", Before: []string{"plan"}},
	}
}

// A job reads the paths of its configuration on every driver, and a job without them beside it does not.
func TestAColumnIsReadFromPathsOfTheConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.ndjson")
	if err := os.WriteFile(path, []byte(ownCall), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(o Options) (store *history.Store) {
		store = history.NewStore()
		o.Source, o.Sink = "file:"+path, memory(store)
		j, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		return store
	}
	show := func(s *history.Store) string {
		tables := s.Tables()
		var all []string
		for _, part := range []struct{ table, columns string }{
			{"engagements", "engagement_type language reason case_id queue engaged_team"}, {"agents", "team"}, {"customers", "segment"},
		} {
			all = append(all, tables.Show(part.table, part.columns)...)
		}
		return strings.Join(all, "\n")
	}
	plain := show(run(Options{}))
	for _, o := range []Options{{Runner: Direct}, {Runner: Prism, Mode: Batch}, {Runner: Prism, Mode: Stream}} {
		o.Columns = ownColumns()
		got := show(run(o))
		for _, want := range []string{"de", "other", "refund", "Sales", "blue", "gold"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s, %s: %q is missing:\n%s", o.Runner, o.Mode, want, got)
			}
		}
		if strings.Contains(got, "ours") || strings.Contains(got, "en ") {
			t.Errorf("%s, %s: a path counts before one that is better:\n%s", o.Runner, o.Mode, got)
		}
	}
	if again := show(run(Options{})); again != plain || strings.Contains(plain, "blue") || strings.Contains(plain, "de") || !strings.Contains(plain, "en") {
		t.Errorf("a job without the configuration:\n%s\nthen\n%s", plain, again)
	}
}
