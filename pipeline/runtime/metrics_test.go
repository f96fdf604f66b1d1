package runtime

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
)

// What workers report, taken in by the process that submitted their job, gives the counters of a job in
// one process.
func TestWhatWorkersReportGivesTheirCounters(t *testing.T) {
	worker := telemetry.New(time.Now)
	for i, m := range metrics {
		m.add(worker, int64(i+1)-m.value(worker))
	}
	worker.DeadLetter(telemetry.Late, 2)
	counted := map[string]int64{lettersOf + telemetry.Late: 2}
	for _, m := range metrics {
		counted[m.name] = m.value(worker)
	}
	here := telemetry.New(time.Now)
	for range 2 { // sums are told again and again
		Take(here, counted)
	}
	for _, m := range metrics {
		if got, want := m.value(here), m.value(worker); got != want {
			t.Errorf("%s is %d, want %d", m.name, got, want)
		}
	}
	if d := cmp.Diff(worker.Letters(), here.Letters()); d != "" {
		t.Errorf("dead letters (-want +got):\n%s", d)
	}
	if here.Missing.Counts() != worker.Missing.Counts() || here.Missing.Counts() == (evidence.Counts{}) {
		t.Errorf("missing: %v, want %v", here.Missing.Counts(), worker.Missing.Counts())
	}
	if here.Changes[model.EngagementsID].Load() == 0 || here.Deletes.Load() != worker.Deletes.Load() {
		t.Errorf("%d upserts of engagements, %d deletes, want %d", here.Changes[model.EngagementsID].Load(), here.Deletes.Load(), worker.Deletes.Load())
	}
	counted["records"] += 5
	Take(here, counted)
	if got := here.Records.Load() - worker.Records.Load(); got != 5 {
		t.Errorf("5 more records are %d", got)
	}
}
