package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/outage"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/schemas/model"
	"flexbeam/simulate"
)

// A gapDay is a day of the last weeks of which a stream lost six hours, and which a local Twilio's log has whole.
type gapDay struct {
	t       *testing.T
	dir     string // of all.ndjson, and of kept.ndjson, which is what came
	source  string // the log
	asOf    string // the end of the day
	endText string // as rows show it
}

// docsSource is the source that the commands of the docs name.
const docsSource = "taskrouter:WS0123456789abcdef0123456789abcdef"

func newGapDay(t *testing.T, start time.Time) *gapDay {
	t.Helper()
	c := simulate.DefaultConfig()
	c.Start, c.Tasks, c.Agents, c.Seed = start, 80, 8, 11
	drawn := outage.Draw(t, c, twiliolocal.Options{}, nil)
	d := &gapDay{t: t, dir: t.TempDir(), asOf: start.Add(24 * time.Hour).Format(time.RFC3339), endText: model.Millis(start.Add(24 * time.Hour).UnixMilli()).String()}
	write(t, filepath.Join(d.dir, "all.ndjson"), string(drawn.All))
	write(t, filepath.Join(d.dir, "kept.ndjson"), string(drawn.Kept))
	s := drawn.Server
	t.Setenv("TWILIO_ACCOUNT_SID", s.Account())
	d.source = "'taskrouter:" + s.Workspaces()[0] + "?snapshots=no&endpoint=" + s.URL + "'"
	return d
}

// run runs a command of the docs over the log and a sink.
func (d *gapDay) run(command, sink string) ran {
	d.t.Helper()
	for old, now := range map[string]string{docsSource: d.source, "duckdb:calls.duckdb": "'" + sink + "'"} {
		if !strings.Contains(command, old) {
			d.t.Fatalf("the command is another one: %s", command)
		}
		command = strings.ReplaceAll(command, old, now)
	}
	var out, errs bytes.Buffer
	c := exec.Command("sh", "-c", command+" --turns none")
	c.Dir, c.Stdout, c.Stderr = d.dir, &out, &errs
	err := c.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		d.t.Fatal(err)
	}
	return ran{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// fill fills a sink by what a stream sent, or by what came of it.
func (d *gapDay) fill(file, sink string) {
	d.t.Helper()
	if r := start(d.t, d.dir, "", "run", "--source=file:"+file, "--sink="+sink, "--as-of="+d.asOf, "--turns=none"); r.code != 0 {
		d.t.Fatal(r.errors)
	}
}

// rows returns the rows of a sink up to the end of the day. row_version tells how many events are known, and not
// from where.
func (d *gapDay) rows(sink string) map[string][]string {
	all := (&heldDay{d.t, sink}).rows()
	for name, rows := range all {
		kept := rows[:0]
		for _, row := range rows {
			cells := strings.Split(row, " | ")
			last := len(cells) - 1
			if name == model.AgentStatus.Name {
				if cells[model.AgentStatus.Col("interval_start")] >= d.endText {
					continue
				}
			} else if n, err := strconv.ParseInt(cells[last], 10, 64); err == nil {
				cells[last] = strconv.FormatInt(n/4096, 10)
			}
			kept = append(kept, strings.Join(cells, " | "))
		}
		all[name] = kept
	}
	return all
}

// sinks returns a DuckDB file and a dataset that a stream was written to.
func (d *gapDay) sinks() map[string]string {
	_, place := localPlaces(d.t)
	return map[string]string{"duckdb": "duckdb:" + filepath.Join(d.dir, "calls.duckdb"), "bigquery": place("gap", "&mode=stream")}
}

func (d *gapDay) undisturbed() map[string][]string {
	d.t.Helper()
	sink := "duckdb:" + filepath.Join(d.dir, "whole.duckdb")
	d.fill("all.ndjson", sink)
	return d.rows(sink)
}

// today is where the day begins, UTC.
func today() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

// withinAQuarterHour waits until the quarter hour at hand has a minute left: what is a day old can be healed, so
// a later command may find one quarter hour more.
func withinAQuarterHour() {
	now := time.Now()
	if next := now.Truncate(15 * time.Minute).Add(15 * time.Minute); next.Sub(now) < time.Minute {
		time.Sleep(next.Sub(now))
	}
}

// The commands that heal a gap, run as written over a DuckDB file and over BigQuery: a dry run says what is missing
// by its exit status, the healing leaves the tables of a stream that lost nothing, and then nothing is missing.
func TestAGapHealsAsTheDocsSay(t *testing.T) {
	commands := procedures(t, "Heal a gap")
	if len(commands) != 2 {
		t.Fatalf("wanted a dry run and a healing: %q", commands)
	}
	d := newGapDay(t, today().AddDate(0, 0, -4))
	want := d.undisturbed()
	for name, sink := range d.sinks() {
		withinAQuarterHour()
		d.fill("kept.ndjson", sink)
		before := d.rows(sink)
		dry := d.run(commands[0], sink)
		if dry.code != 3 || !strings.Contains(dry.errors, "nothing was written") || strings.Count(dry.out, "\n") < 20 {
			t.Errorf("%s: a dry run ends with %d, and says: %s%s", name, dry.code, dry.errors, dry.out)
		}
		if diff := cmp.Diff(before, d.rows(sink)); diff != "" {
			t.Errorf("%s: a dry run changes rows (-before +after):\n%.2000s", name, diff)
		}
		healed := d.run(commands[1], sink)
		if healed.code != 0 || strings.Count(healed.out, "\n") != strings.Count(dry.out, "\n") || !strings.Contains(healed.out, "mended") {
			t.Fatalf("%s: exit %d: %s%s", name, healed.code, healed.errors, healed.out)
		}
		after := d.rows(sink)
		if diff := cmp.Diff(want, after); diff != "" {
			t.Errorf("%s: the healed tables (-undisturbed +healed):\n%.4000s", name, diff)
		}
		if again := d.run(commands[0], sink); again.code != 0 || again.out != "" || !strings.Contains(again.errors, "nothing is missing") {
			t.Errorf("%s: healed, a dry run ends with %d, and says: %s%s", name, again.code, again.errors, again.out)
		}
		if again := d.run(commands[1], sink); again.code != 0 || again.out != "" {
			t.Errorf("%s: another healing: exit %d, %s%s", name, again.code, again.errors, again.out)
		}
		if diff := cmp.Diff(after, d.rows(sink)); diff != "" {
			t.Errorf("%s: another healing changes rows (-before +after):\n%.2000s", name, diff)
		}
	}
}

// The command of the daily backfill, run as written over both sinks: of the day before, tasks and customers are those
// of a stream that lost nothing, and where nothing was lost no row changes.
func TestADayIsFilledInAsTheDocsSay(t *testing.T) {
	commands := procedures(t, "Daily backfill")
	if len(commands) != 1 {
		t.Fatalf("wanted one command: %q", commands)
	}
	d := newGapDay(t, today().AddDate(0, 0, -1))
	want := d.undisturbed()
	for name, sink := range d.sinks() {
		d.fill("kept.ndjson", sink)
		r := d.run(commands[0], sink)
		if r.code != 0 || strings.Contains(r.errors, "left out") {
			t.Fatalf("%s: exit %d: %s", name, r.code, r.errors)
		}
		if !regexp.MustCompile(`(?m)^  duplicates +0 `).MatchString(r.errors) { // of the log nothing came twice, whatever it was asked for
			t.Errorf("%s: what was asked for twice counts: %s", name, r.errors)
		}
		got := d.rows(sink)
		for _, table := range []string{"engagements", "customers"} {
			if diff := cmp.Diff(want[table], got[table]); diff != "" {
				t.Errorf("%s: %s (-undisturbed +filled in):\n%.3000s", name, table, diff)
			}
		}
	}
	whole := "duckdb:" + filepath.Join(d.dir, "whole.duckdb")
	if r := d.run(commands[0], whole); r.code != 0 {
		t.Fatal(r.errors)
	}
	if diff := cmp.Diff(want, d.rows(whole)); diff != "" {
		t.Errorf("where nothing was lost rows change (-before +after):\n%.3000s", diff)
	}
}

func TestMisusesOfHealAreToldOf(t *testing.T) {
	dir := t.TempDir()
	sink := "jsonl:" + dir
	for _, test := range []struct {
		args []string
		code int
		want []string
	}{
		{nil, 2, []string{"--source is missing"}},
		{[]string{"--source=" + docsSource}, 2, []string{"--sink is missing"}},
		{[]string{"--source=" + docsSource, "--sink=duckdb:" + filepath.Join(dir, "none.duckdb")}, 1, []string{"none.duckdb", "no such file"}},
		{[]string{"--source=kinesis:s", "--sink=" + sink}, 2, []string{"--mode batch"}},
		{[]string{"--source=nowhere:s", "--sink=" + sink}, 2, []string{"nowhere"}},
	} {
		r := call(t, append([]string{"heal"}, test.args...)...)
		if r.code != test.code {
			t.Errorf("%v: exit %d", test.args, r.code)
		}
		oneLine(t, r.errors, test.want...)
	}
}

func TestMomentsBeginWhereTheZoneSays(t *testing.T) {
	prague, err := time.LoadLocation("Europe/Prague")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 29, 22, 30, 0, 0, time.UTC) // the 30th in Prague, on the day after the clocks changed
	for _, test := range []struct {
		text string
		zone *time.Location
		want string
	}{
		{"today", time.UTC, "2026-03-29T00:00:00Z"},
		{"yesterday", time.UTC, "2026-03-28T00:00:00Z"},
		{"today", prague, "2026-03-29T22:00:00Z"},
		{"yesterday", prague, "2026-03-28T23:00:00Z"},
		{"2026-03-01", prague, "2026-02-28T23:00:00Z"},
		{"2026-03-01", time.UTC, "2026-03-01T00:00:00Z"},
		{"2026-03-01T08:00:00+05:30", prague, "2026-03-01T02:30:00Z"},
		{"2026-03-01T08:00:00.250Z", prague, "2026-03-01T08:00:00.25Z"},
		{"2026-03-01T08:00:00", prague, ""}, // states no zone
		{"2026-02-30", time.UTC, ""},
		{"tomorrow", time.UTC, ""},
		{"", time.UTC, ""},
	} {
		got := ""
		if at, err := parseMoment(test.text, test.zone, now); err == nil {
			got = at.UTC().Format(time.RFC3339Nano)
		}
		if got != test.want {
			t.Errorf("%q in %v is %q, want %q", test.text, test.zone, got, test.want)
		}
	}
}

// What lies outside of a range is no test event, and that nothing lies in it is told.
func TestARangeInWhichNothingLiesIsToldOf(t *testing.T) {
	args := []string{"run", "--source=file:" + filepath.Join(top, sampleDay), "--sink=jsonl:" + t.TempDir(), "--progress=none"}
	r := call(t, append(args, "--from=2020-01-01", "--to=2020-01-02")...)
	if r.code != 0 || !strings.Contains(r.errors, "warning: no task has its newest event from 2020-01-01T00:00:00Z to 2020-01-02T00:00:00Z") {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
	r = call(t, append(args, "--from=2026-06-01")...)
	if r.code != 0 || !strings.Contains(r.errors, "warning: no task has") || !regexp.MustCompile(`(?m)^  too early +[1-9]`).MatchString(r.errors) {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
	whole := call(t, args...)
	dropped := regexp.MustCompile(`(?m)^  dropped .*$`)
	if strings.Contains(whole.errors, "no task has") || strings.Contains(whole.errors, "too early") || dropped.FindString(whole.errors) == "" || dropped.FindString(whole.errors) != dropped.FindString(r.errors) {
		t.Errorf("without a range:\n%s\nwith one:\n%s", whole.errors, r.errors)
	}
}

func TestMisusesOfARangeAreToldOf(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--from=soon"}, "--from \"soon\": write yesterday, today"},
		{[]string{"--from=2026-03-01T08:00:00"}, "with its zone"},
		{[]string{"--from=yesterday", "--time-zone=Nowhere"}, "--time-zone \"Nowhere\" is no time zone"},
		{[]string{"--time-zone=Europe/Prague"}, "no --from"},
		{[]string{"--to=today"}, "give --from too"},
		{[]string{"--from=2999-01-01"}, "lies in the future"},
		{[]string{"--from=today", "--to=yesterday"}, "is not before"},
		{[]string{"--from=yesterday", "--mode=stream"}, "jobs with an end"},
	} {
		r := call(t, append([]string{"run", "--source=file:" + filepath.Join(top, sampleDay), "--sink=jsonl:" + t.TempDir()}, test.args...)...)
		if r.code != 2 {
			t.Errorf("%v: exit %d", test.args, r.code)
		}
		oneLine(t, r.errors, test.want)
	}
}
