package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/twiliolocal"
	_ "flexbeam/pipeline/source/taskrouter" // registers taskrouter:WORKSPACE
	"flexbeam/schemas/model"
	"flexbeam/simulate"
)

// A logged day is a simulated one: in a local Twilio's REST log, and in a file of each form.
type loggedDay struct {
	server    *twiliolocal.Server
	workspace string
	source    string // URI of the log
	dir       string // of rest.ndjson and object.ndjson
}

func logDay(t *testing.T, o twiliolocal.Options) loggedDay {
	t.Helper()
	d := loggedDay{dir: t.TempDir()}
	c := simulate.DefaultConfig()
	c.Tasks, c.Seed = 150, 7
	var log bytes.Buffer
	for _, form := range []simulate.Form{simulate.REST, simulate.Object} {
		c.Form = form
		var b bytes.Buffer
		if _, err := simulate.Write(context.Background(), c, &b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.dir, string(form)+".ndjson"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if form == simulate.REST {
			log = b
		}
	}
	_, account, _ := strings.Cut(log.String(), `"account_sid":"`)
	o.Account = account[:34]
	o.Now = func() time.Time { return c.Start.Add(36 * time.Hour) }
	d.server = twiliolocal.New(o)
	if _, err := d.server.LoadEvents(&log); err != nil {
		t.Fatal(err)
	}
	if err := d.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.server.Close() })
	t.Setenv("TWILIO_API_KEY", d.server.Key())
	t.Setenv("TWILIO_API_SECRET", d.server.Secret())
	d.workspace = d.server.Workspaces()[0]
	d.source = fmt.Sprintf("taskrouter:%s?account=%s&endpoint=%s&from=2026-03-01T12:00:00Z&to=2026-03-03T12:00:00Z&window=1h&old=yes", d.workspace, o.Account, d.server.URL)
	return d
}

// tablesOf runs a job without transcripts, which a file does not fetch, and returns what it leaves.
func tablesOf(t *testing.T, o Options) (history.Tables, Summary) {
	t.Helper()
	store := history.NewStore()
	o.Sink, o.Turns, o.AsOf = memory(store), "none", time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := j.Run(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", o.Source, err)
	}
	return store.Tables(), sum
}

// TestADayFromTheLogGivesTheTablesOfItsFile reads a day over REST while Twilio fails now and then.
func TestADayFromTheLogGivesTheTablesOfItsFile(t *testing.T) {
	d := logDay(t, twiliolocal.Options{})
	for i, f := range []twiliolocal.Fault{{Status: 500}, {Cut: true}, {Reset: true}, {NoMeta: true}} {
		f.Probability, f.Seed = 0.03, uint64(i)
		d.server.Inject(f)
	}
	want, sum := tablesOf(t, Options{Source: "file:" + filepath.Join(d.dir, "rest.ndjson")})
	if len(want["engagements"]) < 100 || len(want["agents"]) < 3 || len(want["agent_status"]) < 50 {
		t.Fatal("the day is too small")
	}
	if int64(d.server.Events(d.workspace)) != sum.Events {
		t.Fatalf("the log has %d events, the file %d", d.server.Events(d.workspace), sum.Events)
	}
	for _, o := range []Options{{Runner: Direct}, {Runner: Prism, Mode: Batch}, {Mode: Stream}} {
		o.Source = d.source + "&snapshots=no"
		got, sum := tablesOf(t, o)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-file +log):\n%s", o, diff)
		}
		if sum.DeadLetters != 0 || sum.Events-sum.Duplicates != int64(d.server.Events(d.workspace)) {
			t.Errorf("%+v: %+v", o, sum)
		}
	}
	// Event Streams tells the same, with versions of its own.
	stream, _ := tablesOf(t, Options{Source: "file:" + filepath.Join(d.dir, "object.ndjson")})
	got, _ := tablesOf(t, Options{Source: d.source + "&snapshots=no"})
	for name, rows := range stream {
		if diff := cmp.Diff(unversioned(rows), unversioned(got[name])); diff != "" {
			t.Errorf("%s (-stream +log):\n%s", name, diff)
		}
	}
}

// unversioned returns rows without their row_version.
func unversioned(rows []model.Row) (cut []model.Row) {
	for _, r := range rows {
		cut = append(cut, r[:len(r)-1])
	}
	return cut
}

// TestAJobThatWasEndedGoesOnInTheLog ends a job while it reads, and runs it again.
func TestAJobThatWasEndedGoesOnInTheLog(t *testing.T) {
	d := logDay(t, twiliolocal.Options{Latency: 5 * time.Millisecond})
	want, _ := tablesOf(t, Options{Source: d.source})
	d.source += "&parallel=1&keep=" + filepath.Join(t.TempDir(), "kept")
	before := d.server.Calls("/Events")
	ctx, stop := context.WithCancel(t.Context())
	j, err := New(Options{Source: d.source, Sink: memory(history.NewStore()), Turns: "none"})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for d.server.Calls("/Events") < before+20 {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	if _, err := j.Run(ctx); err == nil {
		t.Fatal("the job was not ended")
	}
	first := d.server.Calls("/Events") - before
	got, _ := tablesOf(t, Options{Source: d.source})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-whole +in two):\n%s", diff)
	}
	if second := d.server.Calls("/Events") - before - first; second > 48-first+3 {
		t.Errorf("%d windows were asked for, and %d again", first, second)
	}
}

// TestAgentsOfTheLogThatNoEventNamesHaveARow adds agents who do nothing all day.
func TestAgentsOfTheLogThatNoEventNamesHaveARow(t *testing.T) {
	d := logDay(t, twiliolocal.Options{})
	const idle = "WK00000000000000000000000000000001"
	d.server.AddWorker(d.workspace, twiliolocal.Worker{SID: idle, Name: "idle_40example_2Ecom", Attributes: `{"department":"Sales"}`, Updated: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	without, _ := tablesOf(t, Options{Source: d.source + "&snapshots=no"})
	with, _ := tablesOf(t, Options{Source: d.source})
	agents, rows := &model.Agents, without["agents"]
	var found model.Row
	for _, r := range with["agents"] {
		if agents.Get(r, "agent_id").Str == idle {
			found = r
		} else if v := agents.Get(r, "row_version").Num; v == 0 {
			t.Errorf("a row without an event: %v", r)
		}
	}
	if found == nil {
		t.Fatal("the agent who does nothing has no row")
	}
	for column, want := range map[string]string{"agent_name": "idle@example.com", "department": "Sales", "state": "Active"} {
		if got := agents.Get(found, column).Str; got != want {
			t.Errorf("%s is %q, want %q", column, got, want)
		}
	}
	if v := agents.Get(found, "row_version"); v != model.Integer(0) || len(rows) == 0 {
		t.Errorf("row_version %v", v)
	}
	with["agents"] = rows
	if diff := cmp.Diff(without, with); diff != "" {
		t.Errorf("a snapshot changes more than rows of agents:\n%s", diff)
	}
}

// TestEventsWhoseAttributesTheLogWithholdsCountForTimes reads a day of which the log shows no attributes
// any more.
func TestEventsWhoseAttributesTheLogWithholdsCountForTimes(t *testing.T) {
	d := logDay(t, twiliolocal.Options{})
	want, _ := tablesOf(t, Options{Source: "file:" + filepath.Join(d.dir, "rest.ndjson")})
	old := twiliolocal.New(twiliolocal.Options{Account: d.server.Account(), Now: func() time.Time { return time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC) }})
	log, err := os.Open(filepath.Join(d.dir, "rest.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := old.LoadEvents(log); err != nil {
		t.Fatal(err)
	}
	if err := old.Start(); err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	source := strings.Replace(d.source, d.server.URL, old.URL, 1)
	redacted, sum := tablesOf(t, Options{Source: source + "&snapshots=no"})
	if len(redacted["engagements"]) != len(want["engagements"]) || sum.BadAttrs != 0 {
		t.Errorf("%d engagements, want %d; %d attributes could not be parsed", len(redacted["engagements"]), len(want["engagements"]), sum.BadAttrs)
	}
}
