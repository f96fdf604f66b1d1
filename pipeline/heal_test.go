package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/outage"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/schemas/model"
	"flexbeam/simulate"
	"flexbeam/transforms/task"
)

// A lostDay is a simulated day that a stream had an outage on: what it sent and what came of that, in
// files, and a local Twilio's log of all.
type lostDay struct {
	start, now time.Time
	all, kept  string // sources
	workspace  string
	log        string // source, up to now
	server     *twiliolocal.Server
}

// loseDay draws a day of the last weeks, since the log goes no further back.
func loseDay(t *testing.T, o twiliolocal.Options) lostDay {
	t.Helper()
	return loseChangedDay(t, o, nil)
}

// loseChangedDay is loseDay of a day in which some texts, that change finds in all of it, are others.
func loseChangedDay(t *testing.T, o twiliolocal.Options, change func(all []byte) *strings.Replacer) lostDay {
	t.Helper()
	c := simulate.DefaultConfig()
	today := time.Now().UTC().Truncate(24 * time.Hour)
	c.Start = today.AddDate(0, 0, -7-int(today.Weekday()+6)%7) // a Monday
	c.Tasks, c.Agents, c.Seed = 150, 12, 7
	d := lostDay{start: c.Start, now: c.Start.Add(4 * 24 * time.Hour)}
	drawn := outage.Draw(t, c, o, change)
	d.server = drawn.Server
	dir := t.TempDir()
	for name, lines := range map[string][]byte{"all": drawn.All, "kept": drawn.Kept} {
		if err := os.WriteFile(filepath.Join(dir, name+".ndjson"), lines, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.all, d.kept = "file:"+filepath.Join(dir, "all.ndjson"), "file:"+filepath.Join(dir, "kept.ndjson")
	d.workspace = d.server.Workspaces()[0]
	d.log = d.from(c.Start.AddDate(0, 0, -7)) // before the time that the first events of agents tell of
	return d
}

// from returns the source of the log from a time on.
func (d lostDay) from(at time.Time) string {
	return fmt.Sprintf("taskrouter:%s?account=%s&endpoint=%s&from=%s&to=%s", d.workspace, d.server.Account(), d.server.URL, at.Format(time.RFC3339), d.now.Format(time.RFC3339))
}

// streamed fills a store by what a stream sent. Quarter hours have gone by up to the time until which they
// are healed.
func (d lostDay) streamed(t *testing.T, source string) *history.Store {
	t.Helper()
	store := history.NewStore()
	j, err := New(Options{Source: source, Sink: memory(store), Turns: "none", AsOf: d.now.Add(-settled)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func heal(t *testing.T, source string, store *history.Store, dry bool) Healed {
	t.Helper()
	h, err := NewHealing(HealOptions{Options: Options{Source: source, Sink: memory(store), Turns: "none"}, DryRun: dry})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := h.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// counted returns tables in which row_version tells how many events are known, or of which moment the newest
// is, and not from where: what is healed is known from REST.
func counted(tables history.Tables) history.Tables {
	all := history.Tables{}
	for name, rows := range tables {
		for _, r := range rows {
			if r = append(model.Row(nil), r...); name != "agent_status" {
				r[len(r)-1] = model.Integer(r[len(r)-1].Num / 4096)
			}
			all[name] = append(all[name], r)
		}
	}
	return all
}

// An outage of six hours heals to the tables of a stream that lost nothing, cell by cell; a dry run tells of
// it before, and another one finds nothing behind it.
func TestAnOutageHeals(t *testing.T) {
	d := loseDay(t, twiliolocal.Options{})
	d.server.Inject(twiliolocal.Fault{Status: 500, Probability: 0.03, Seed: 1})
	want, store := d.streamed(t, d.all).Tables(), d.streamed(t, d.kept)
	before := store.Tables()
	if n := len(want["engagements"]) - len(before["engagements"]); n < 20 || len(want["agent_status"]) < 100 {
		t.Fatalf("the outage takes %d engagements; %d rows of agent status", n, len(want["agent_status"]))
	}
	dry := heal(t, d.log, store, true)
	if diff := cmp.Diff(before, store.Tables()); diff != "" {
		t.Errorf("a dry run writes (-before +after):\n%s", diff)
	}
	healed := heal(t, d.log, store, false)
	if diff := cmp.Diff(dry.Found, healed.Found); diff != "" {
		t.Errorf("a dry run has found something else (-dry +healed):\n%s", diff)
	}
	if diff := history.Diff(counted(want), counted(store.Tables())); diff != "" {
		t.Errorf("healed tables (-undisturbed +healed):\n%s", diff)
	}
	tasks, events, quarters := healed.Lacking()
	if tasks < 20 || events < 100 || quarters < 20 || healed.Left() != 0 {
		t.Errorf("%d events of %d tasks and %d quarter hours were missing, %d tasks are left", events, tasks, quarters, healed.Left())
	}
	after := store.Tables()
	if again := heal(t, d.log, store, false); len(again.Found) > 0 {
		t.Errorf("another run finds %+v", again.Found)
	}
	if diff := cmp.Diff(after, store.Tables()); diff != "" {
		t.Errorf("another run changes rows (-before +after):\n%s", diff)
	}
	// Where nothing was lost there is nothing to heal, and no row changes.
	whole := d.streamed(t, d.all)
	if sum := heal(t, d.log, whole, false); len(sum.Found) > 0 {
		t.Errorf("where nothing is missing it finds %+v", sum.Found)
	}
	if diff := cmp.Diff(want, whole.Tables()); diff != "" {
		t.Errorf("where nothing is missing rows change (-before +after):\n%s", diff)
	}
}

// Tasks that the log does not show whole, and tasks that are not over for a day, are listed and stay as they
// are: what the sink knows of them is not lost.
func TestWhatIsNotWholeOrNotOverIsLeft(t *testing.T) {
	d := loseDay(t, twiliolocal.Options{})
	reasons := map[string]string{
		"its begin is not in the log": d.from(d.start.Add(11 * time.Hour)),
		"it had not ended a day before": strings.Replace(d.log, "&to="+d.now.Format(time.RFC3339),
			"&to="+d.start.Add(24*time.Hour).Format(time.RFC3339), 1),
	}
	for reason, source := range reasons {
		store := d.streamed(t, d.kept)
		before := rowsOf(store.Tables()["engagements"])
		sum := heal(t, source, store, false)
		after := rowsOf(store.Tables()["engagements"])
		left := 0
		for _, f := range sum.Found {
			if f.Left == "" {
				continue
			}
			if left++; f.Left != reason || f.Kind != task.Name || f.Known >= f.All {
				t.Errorf("%s: %+v", source, f)
			}
			if diff := cmp.Diff(before[f.SID], after[f.SID]); diff != "" {
				t.Errorf("the task %s was left and its rows change (-before +after):\n%s", f.SID, diff)
			}
		}
		if left == 0 || int64(left) != sum.Left() {
			t.Errorf("%d tasks are left, because %s", left, reason)
		}
	}
}

// rowsOf returns engagements by their task.
func rowsOf(rows []model.Row) map[string][]model.Row {
	of := map[string][]model.Row{}
	for _, r := range rows {
		sid := model.Engagements.Get(r, "task_sid").Str
		of[sid] = append(of[sid], r)
	}
	return of
}

func TestOnlyALogHeals(t *testing.T) {
	d := loseDay(t, twiliolocal.Options{})
	for source, want := range map[string]string{d.all: "it is no log", d.log + "&old=yes": "old=yes"} {
		_, err := NewHealing(HealOptions{Options: Options{Source: source, Sink: memory(history.NewStore())}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
}
