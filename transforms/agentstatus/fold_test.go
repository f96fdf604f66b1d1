package agentstatus_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agentstatus"
)

// shifts are short histories of a worker, each for one rule of section 4, with the agent status as
// history.Tables tells it.
var shifts = []struct {
	rule    string
	events  string
	options history.Options
	want    []string
}{
	{
		"the previous activity held the time that the update says",
		`08:10 activity was=Break now=Lunch ms=60500`,
		history.Options{},
		[]string{"WK1 08:00 Break 60.5 Unavailable"},
	},
	{
		"the seconds stand in for the milliseconds",
		`08:10 activity was=Break now=Lunch ms=long for=60`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable"},
	},
	{
		"the milliseconds count before the seconds",
		`08:10 activity was=Break now=Lunch ms="1500" for=60`,
		history.Options{},
		[]string{"WK1 08:00 Break 1.5 Unavailable"},
	},
	{
		"time is cut at every quarter hour of UTC",
		`08:31 activity was=Break now=Lunch for=2000`,
		history.Options{},
		[]string{"WK1 07:45 Break 140 Unavailable", "WK1 08:00 Break 900 Unavailable", "WK1 08:15 Break 900 Unavailable", "WK1 08:30 Break 60 Unavailable"},
	},
	{
		"the start is clipped to the previous update",
		`08:10 activity was=Break now=Lunch for=60
		 08:11 activity was=Lunch now=Break for=600`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 Lunch 60 Unavailable"},
	},
	{
		"a gap behind the previous update belongs to the activity that it entered",
		`08:10 activity was=Break now=Lunch for=60
		 08:14 activity was=Meeting now=Break for=60`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 Lunch 180 Unavailable", "WK1 08:00 Meeting 60 Unavailable"},
	},
	{
		"without a time the previous activity held from the previous update",
		`08:10 activity was=Break now=Lunch for=60
		 08:14 activity was=Meeting now=Break`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 Meeting 240 Unavailable"},
	},
	{
		"without a time and a previous update nothing is known",
		`08:10 activity was=Break now=Lunch`,
		history.Options{},
		nil,
	},
	{
		"a deletion ends the running activity",
		`08:10 activity was=Break now=Lunch for=60
		 08:12 deleted`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 Lunch 120 Unavailable"},
	},
	{
		"an update behind a deletion clips to it, and the time between is nobody's",
		`08:10 activity was=Break now=Lunch for=60
		 08:11 deleted
		 08:13 activity was=Meeting now=Break for=600
		 08:14 activity was=Break now=Meeting for=30`,
		history.Options{},
		[]string{"WK1 08:00 Break 120 Unavailable", "WK1 08:00 Lunch 60 Unavailable", "WK1 08:00 Meeting 120 Unavailable"},
	},
	{
		"a gap behind a deletion is nobody's",
		`08:10 activity was=Break now=Lunch for=60
		 08:11 deleted
		 08:14 activity was=Meeting now=Break for=60`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 Lunch 60 Unavailable", "WK1 08:00 Meeting 60 Unavailable"},
	},
	{
		"a running activity does not count without a time it is known to last to",
		`08:10 activity was=Break now=Lunch for=60`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable"},
	},
	{
		"with one it counts to the last quarter hour before",
		`08:10 activity was=Break now=Lunch for=60`,
		history.Options{AsOf: history.At(44 * 60)},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 Lunch 300 Unavailable", "WK1 08:15 Lunch 900 Unavailable"},
	},
	{
		"as of a time before the update nothing runs",
		`08:10 activity was=Break now=Lunch for=60`,
		history.Options{AsOf: history.At(9 * 60)},
		[]string{"WK1 08:00 Break 60 Unavailable"},
	},
	{
		"offline time is dropped in any case",
		`08:10 activity was=OFFLINE now=offline for=60
		 08:12 activity was=Offline now=Break for=60`,
		history.Options{},
		nil,
	},
	{
		"other activities may be hidden instead",
		`08:10 activity was=Offline now=Break for=60
		 08:12 activity was=Break now=Lunch for=120`,
		history.Options{Hidden: []string{"break"}},
		[]string{"WK1 08:00 Offline 60 Unavailable"},
	},
	{
		"time without a named activity is nobody's",
		`08:10 activity was=" " -now for=60
		 08:14 activity was=Break now=Lunch for=60`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable"},
	},
	{
		"names are trimmed and told apart by case",
		`08:10 activity was=" Break " now=break for=60
		 08:12 activity was=break now=Lunch for=120`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 break 120 Unavailable"},
	},
	{
		"Available alone is available by its name",
		`08:10 activity was=Available now=available for=60
		 08:12 activity was=available now=Break for=120`,
		history.Options{},
		[]string{"WK1 08:00 Available 60 Available", "WK1 08:00 available 120 Unavailable"},
	},
	{
		"the update that entered an activity says whether it is available",
		`08:10 activity was=Break now=Meeting for=60 available=true
		 08:12 activity was=Meeting now=Available for=120 available=0
		 08:14 activity was=Available now=Break for=120`,
		history.Options{},
		[]string{"WK1 08:00 Available 120 Unavailable", "WK1 08:00 Break 60 Unavailable", "WK1 08:00 Meeting 120 Available"},
	},
	{
		"it does not when it entered another one",
		`08:10 activity was=Break now=Meeting for=60 available=true
		 08:12 activity was=Lunch now=Break for=60`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 Lunch 60 Unavailable", "WK1 08:00 Meeting 60 Available"},
	},
	{
		"an activity that was renamed is the same by its SID",
		`08:10 activity was=Break now=Meeting for=60 available=true worker_activity_sid=WA7
		 08:12 activity was=Conference now=Break for=120 worker_previous_activity_sid=WA7`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 Conference 120 Available"},
	},
	{
		"only worker.* counts",
		`08:10 activity was=Break now=Lunch for=60
		 08:11 accepted was=Meeting now=Break for=60
		 08:12 activity was=Lunch now=Break for=120`,
		history.Options{},
		[]string{"WK1 08:00 Break 60 Unavailable", "WK1 08:00 Lunch 120 Unavailable"},
	},
	{
		"events before 1970 are cut at quarter hours too",
		`-1772438340 activity was=Break now=Lunch for=120`,
		history.Options{},
		[]string{"WK1 00:00 Break 60 Unavailable", "WK1 23:45 Break 60 Unavailable"},
	},
}

func TestAgentStatusFollowsTheRules(t *testing.T) {
	for _, s := range shifts {
		t.Run(s.rule, func(t *testing.T) {
			got := history.Fold(history.Lines(history.Parse(s.events), history.All(history.Object)), s.options)
			if d := cmp.Diff(s.want, got.Activities()); d != "" {
				t.Errorf("%s\n(-want +got):\n%s", s.events, d)
			}
		})
	}
}

func TestOfAStretchTheLastThousandDaysCount(t *testing.T) {
	const days = agentstatus.Longest / (24 * 60 * 60 * 1000)
	for name, events := range map[string]string{
		"a duration in a wrong unit": `08:10 activity was=Break now=Lunch ms=600000000000000`,
		"a clock that began with 1970": `
			00:00 activity was=Lunch now=Break timestamp=17
			08:10 activity was=Break now=Lunch`,
	} {
		t.Run(name, func(t *testing.T) {
			rows := history.Of(history.Parse(events)).Rows("agent_status")
			first, sum := "", 0.0
			for _, r := range rows {
				if first == "" || r["interval_start"] < first {
					first = r["interval_start"]
				}
				seconds, err := strconv.ParseFloat(r["seconds"], 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += seconds
			}
			if want := float64(24 * 60 * 60 * days); sum != want || first != "2023-06-06T08:00:00.000Z" {
				t.Errorf("%d rows of %.0f s in all from %s on, wanted %.0f s", len(rows), sum, first, want)
			}
		})
	}
}

// All rows of a quarter hour of a worker carry one version, which grows when the quarter hour is
// settled though no event came.
func TestRunningActivitiesAreSettledQuarterHourByQuarterHour(t *testing.T) {
	events := history.Parse(`
		08:10 activity was=Break now=Lunch for=60
		08:12 activity was=Lunch now=Meeting for=120`)
	for asOf, want := range map[int64][]string{
		history.At(14 * 60): {"Break | 60 | 4", "Lunch | 120 | 4"},
		history.At(31 * 60): {"Break | 60 | 5", "Lunch | 120 | 5", "Meeting | 180 | 5", "Meeting | 900 | 1"},
	} {
		got := history.Fold(history.Lines(events, history.All(history.Object)), history.Options{AsOf: asOf}).Show("agent_status", "activity seconds row_version")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("as of %d (-want +got):\n%s", asOf, d)
		}
	}
}

// What a job's events say nothing of is another job's: what lies before them, and what lies behind.
func TestAJobKnowsTheQuarterHoursFromItsEarliestTimeToItsNewestEvent(t *testing.T) {
	at := event.Millis(time.Date(2026, 3, 2, 8, 20, 0, 0, time.UTC).UnixMilli())
	e := event.Event{Kind: event.WorkerActivityUpdate, Time: at, InPreviousFor: 10 * 60 * 1000, WorkerAvailable: event.Unknown}
	e.Text[event.PreviousActivityName], e.Text[event.ActivityName] = "Break", "Lunch"
	const quarter = agentstatus.Quarter
	begin := agentstatus.Floor(at)
	tests := []struct {
		name        string
		asOf        event.Millis
		first, last event.Millis
		open        event.Millis // 0: none
	}{
		{"up to the newest event", event.None, begin - quarter, begin, 0},
		{"up to where time has passed", begin + 2*quarter + 5, begin - quarter, begin + 2*quarter, begin + 3*quarter},
		{"a quarter hour that has just begun is not known yet", begin + 2*quarter, begin - quarter, begin + quarter, begin + 3*quarter},
		{"time that has passed takes nothing back", begin - 5*quarter, begin - quarter, begin, begin - 4*quarter},
	}
	for _, test := range tests {
		f := agentstatus.NewFolder(nil)
		f.Fold("AC1", "WK1", []*event.Event{&e}, test.asOf, func(model.Row) {})
		first, last, ok := f.Known()
		open, again := f.Open()
		if first != test.first || last != test.last || !ok || open != test.open || again != (test.open != 0) {
			t.Errorf("%s: from %d to %d, open to %d %v; wanted %+v", test.name, first-begin, last-begin, open-begin, again, test)
		}
		for interval := begin - 3*quarter; interval <= begin+4*quarter; interval += quarter {
			r := model.AgentStatus.NewRow()
			r[model.AgentStatus.Col("interval_start")] = model.Millis(interval)
			if _, got := f.Deleted(r); got != (first <= interval && interval <= last) {
				t.Errorf("%s: a row %d ms behind the begin: deleted %v", test.name, interval-begin, got)
			}
		}
	}
}

// An update tells of the whole time that it names, also of what an earlier update has taken from it.
func TestAnUpdateTellsOfTheTimeBeforeTheUpdateBeforeIt(t *testing.T) {
	at := event.Millis(time.Date(2026, 3, 2, 8, 20, 0, 0, time.UTC).UnixMilli())
	first := event.Event{Kind: event.WorkerActivityUpdate, Time: at, InPreviousFor: event.None}
	second := event.Event{Kind: event.WorkerActivityUpdate, Time: at + 60_000, InPreviousFor: 60 * 60_000}
	f := agentstatus.NewFolder(nil)
	f.Fold("AC1", "WK1", []*event.Event{&first, &second}, event.None, func(model.Row) {})
	if from, _, ok := f.Known(); !ok || from != agentstatus.Floor(second.Time-second.InPreviousFor) {
		t.Errorf("known from %d ms before the first update, %v", at-from, ok)
	}
}

// A worker with an event in a quarter hour is folded when that is over, though nothing of it runs.
func TestTheQuarterHourOfTheNewestEventIsFoldedAgain(t *testing.T) {
	at := event.Millis(time.Date(2026, 3, 2, 8, 20, 0, 0, time.UTC).UnixMilli())
	e := event.Event{Kind: event.WorkerDeleted, Time: at}
	f := agentstatus.NewFolder(nil)
	end := agentstatus.Floor(at) + agentstatus.Quarter
	for asOf, want := range map[event.Millis]event.Millis{event.None: 0, at: end, end - 1: end, end: 0, end + 1: 0} {
		f.Fold("AC1", "WK1", []*event.Event{&e}, asOf, func(model.Row) {})
		if got, ok := f.Open(); ok != (want != 0) || ok && got != want {
			t.Errorf("as of %d: %d %v, want %d", asOf, got, ok, want)
		}
	}
	f.Fold("AC1", "WK1", nil, at, func(model.Row) {})
	if _, ok := f.Open(); ok {
		t.Error("a worker without events is folded again")
	}
}

// What was cut off says nothing of the rows that an earlier job wrote there.
func TestRowsBeforeTheLastThousandDaysStay(t *testing.T) {
	noon := event.Millis(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC).UnixMilli())
	e := event.Event{Kind: event.WorkerActivityUpdate, Time: noon, InPreviousFor: 2 * agentstatus.Longest, WorkerAvailable: event.Unknown}
	e.Text[event.PreviousActivityName] = "Break"
	f := agentstatus.NewFolder(nil)
	f.Fold("AC1", "WK1", []*event.Event{&e}, event.None, func(model.Row) {})
	for days, want := range map[int64]bool{1500: false, 1001: false, 999: true} {
		r := model.AgentStatus.NewRow()
		r[model.AgentStatus.Col("interval_start")] = model.Millis(noon - event.Millis(days)*24*60*60*1000)
		if _, got := f.Deleted(r); got != want {
			t.Errorf("a row of %d days before: deleted %v, want %v", days, got, want)
		}
	}
}

func TestAnOddVersionIsThatOfASettledQuarterHour(t *testing.T) {
	for version, want := range map[int64]bool{2: false, 3: true, 4: false, 5: true} {
		if got := agentstatus.Settled(version); got != want {
			t.Errorf("%d: settled %v", version, got)
		}
	}
}

// A stretch of just a thousand days is not cut off, so a job knows of what lies before it.
func TestOfAStretchOfAThousandDaysNothingIsCutOff(t *testing.T) {
	const day = event.Millis(24 * 60 * 60 * 1000)
	noon := event.Millis(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC).UnixMilli())
	made := event.Event{Kind: event.OtherWorker, Time: noon - 1500*day, InPreviousFor: event.None, WorkerAvailable: event.Unknown}
	update := event.Event{Kind: event.WorkerActivityUpdate, Time: noon, InPreviousFor: agentstatus.Longest, WorkerAvailable: event.Unknown}
	update.Text[event.PreviousActivityName] = "Break"
	f := agentstatus.NewFolder(nil)
	f.Fold("AC1", "WK1", []*event.Event{&made, &update}, event.None, func(model.Row) {})
	if first, _, ok := f.Known(); !ok || first != agentstatus.Floor(noon-1500*day) {
		t.Errorf("known from %d on, %v", first, ok)
	}
}

func TestVersionAndTimeComeFromTheEventsUpToTheFirstBehindTheQuarterHour(t *testing.T) {
	tests := []struct {
		name, events, want string
		asOf               int64 // 0: none
	}{
		{"the first behind counts and gives the time", `
			07:59  worker.created
			08:01  activity was=Break now=Lunch for=30
			08:02  worker.attributes.update
			08:20  activity was=Lunch now=Break for=100
			08:21  worker.attributes.update`, "7 at 08:20:00", 0},
		{"one exactly at the end is behind", `
			08:01  activity was=Break now=Lunch for=30
			08:15  worker.attributes.update
			08:16  worker.attributes.update`, "5 at 08:15:00", 0},
		{"an event just at the end settles it, with none behind", `
			08:01  activity was=Break now=Lunch for=30
			08:15  worker.attributes.update`, "5 at 08:15:00", 0},
		{"none behind: the newest gives the time", `
			08:01  activity was=Break now=Lunch for=30
			08:02  worker.attributes.update`, "4 at 08:02:00", 0},
		{"the quarter hour is not over as of a time within it", `
			08:01  activity was=Break now=Lunch for=30
			08:02  worker.attributes.update`, "4 at 08:02:00", history.At(15*60 - 0.001)},
		{"it is settled as of its end", `
			08:01  activity was=Break now=Lunch for=30
			08:02  worker.attributes.update`, "5 at 08:02:00", history.At(15 * 60)},
		{"events of tasks do not count", `
			08:01  activity was=Break now=Lunch for=30
			08:02  accepted
			08:20  completed`, "2 at 08:01:00", 0},
		{"duplicates count once", `
			08:01  activity EV1 was=Break now=Lunch for=30
			08:01  activity EV1 was=Break now=Lunch for=30`, "2 at 08:01:00", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, r := range history.Fold(history.Lines(history.Parse(test.events), history.All(history.Object)), history.Options{AsOf: test.asOf}).Rows("agent_status") {
				if r["interval_start"] != "2026-03-02T08:00:00.000Z" || r["activity"] != "Break" {
					continue
				}
				if got := r["row_version"] + " at " + r["updated_at"][11:19]; got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
				return
			}
			t.Error("no row")
		})
	}
}

func TestTheLatestPieceDecidesWhatPiecesOfARowDisagreeOn(t *testing.T) {
	events := history.Parse(`
		08:05  activity was=Break worker_previous_activity_sid=WA1 now=Meeting for=60
		08:06  activity was=Meeting now=Break worker_activity_sid=WA2 for=60 available=true
		08:08  activity was=Break worker_previous_activity_sid=WA2 now=Meeting for=120`)
	got := history.Of(events).Show("agent_status", "activity activity_sid availability seconds")
	want := []string{"Break | WA2 | Available | 180", "Meeting | - | Unavailable | 60"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
