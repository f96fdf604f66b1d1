package grouped_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/keyed"
)

// drawnDays is some days of a contact centre, of which a live job gets what a stream sends, and daily jobs
// read the log.
type drawnDays struct {
	events   []history.Event
	streamed [][]byte // lines
	arrivals []int64
	end      int64 // behind all events
}

// drawDays draws days. lost tells of a time whether the stream loses what happens then. Of a task without a begin
// nobody knows whether all was read, so of these it loses nothing.
func drawDays(rt *rapid.T, lost func(at int64) bool) *drawnDays {
	const days = 3
	d := &drawnDays{events: history.DrawDays(rt, days, history.Size{Tasks: 2, Workers: 1}), end: history.Start + (days+3)*history.Day}
	begun := map[string]bool{"": true}
	for _, e := range d.events {
		begun[e.Text("task_sid")] = begun[e.Text("task_sid")] || e.Kind == "task.created"
	}
	for _, e := range d.events {
		if !lost(e.Time) || !begun[e.Text("task_sid")] {
			d.streamed = append(d.streamed, e.Record(history.Object))
			d.arrivals = append(d.arrivals, e.Time)
		}
	}
	return d
}

// undisturbed returns the tables of a job that got every event. Where the last event of a worker ended an
// activity, nothing is known of the time behind it.
func (d *drawnDays) undisturbed() history.Tables {
	return history.Fold(history.Lines(d.events, history.All(history.Object)), history.Options{})
}

// log returns what the log tells at a time.
func (d *drawnDays) log(now int64) (lines [][]byte) {
	for _, e := range d.events {
		if e.Time < now {
			lines = append(lines, e.Record(history.REST))
		}
	}
	return lines
}

// job runs a job with a choice over the log into a store.
func (d *drawnDays) job(store *history.Store, now int64, c keyed.Choice) {
	o := history.Options{Store: store, Choice: &c}
	if c.Heal {
		o.AsOf = now
	}
	history.Batch(d.log(now), 3, o)
}

// interleave runs processes of a live job and jobs for each day, some of them twice. Some live jobs have no state,
// so each process begins anew.
func (d *drawnDays) interleave(rt *rapid.T, store *history.Store, dir string) {
	dice := history.NewDice(rt)
	if dice.Often(2) {
		dir = ""
	}
	live := func(until int64) {
		n := 0
		for n < len(d.arrivals) && d.arrivals[n] < until {
			n++
		}
		history.Live(d.streamed[:n], history.LiveOptions{
			Options: history.Options{Store: store}, Dir: dir, Dice: dice, Arrival: func(i int) int64 { return d.arrivals[i] }, Finally: until,
		})
	}
	for day := int64(history.Start); day <= d.end; day += history.Day {
		if dice.OneIn(1) {
			live(day + int64(dice.N(12))*60*60*1000)
		}
		now := day + int64(1+dice.N(12))*60*60*1000
		for range 1 + dice.N(2) {
			d.job(store, now, keyed.Choice{From: event.Millis(day - history.Day), To: event.Millis(day), Since: event.Millis(day - 16*history.Day)})
		}
	}
	live(d.end + history.Day)
}

// A live job that loses nothing ends with the tables of one that nobody disturbed, whatever daily jobs write
// between its processes: what it has read, and what it reads later.
func TestDailyJobsChangeNoRowOfALiveJob(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := drawDays(rt, func(int64) bool { return false })
		store := history.NewStore()
		d.interleave(rt, store, history.TempDir(rt))
		if diff := history.Diff(upTo(d.undisturbed(), d.events), upTo(store.Tables(), d.events)); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// A live job that loses events of whole hours ends, with daily jobs between its processes, with the engagements
// and customers of one that lost nothing. What its processes have written anew of quarter hours is healed once
// they have let go of them.
func TestDailyJobsFillInWhatALiveJobLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		from := history.Start + int64(rapid.IntRange(-2*60, 70*60).Draw(rt, "from"))*60*1000
		d := drawDays(rt, func(at int64) bool { return from <= at && at < from+6*60*60*1000 })
		store := history.NewStore()
		d.interleave(rt, store, history.TempDir(rt))
		want := known(upTo(d.undisturbed(), d.events))
		got := known(upTo(store.Tables(), d.events))
		for _, table := range []string{"engagements", "customers"} {
			if diff := history.Diff(history.Tables{table: want[table]}, history.Tables{table: got[table]}); diff != "" {
				rt.Fatal(diff)
			}
		}
		heal := keyed.Choice{From: history.Start - 16*history.Day, To: event.Millis(d.end), Since: history.Start - 16*history.Day, Heal: true}
		d.job(store, d.end+history.Day, heal)
		got = known(upTo(store.Tables(), d.events))
		got["agents"] = want["agents"] // of a newest event without attributes a live job may not know the older ones
		if diff := history.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// known returns tables without what tells how much a job knew.
func known(tables history.Tables) history.Tables {
	all := history.Tables{}
	for name, rows := range tables {
		for _, r := range rows {
			r = append(model.Row(nil), r...)
			r[len(r)-1] = model.Value{}
			all[name] = append(all[name], r)
		}
	}
	return all
}

// upTo leaves out the quarter hours behind a worker's last event, where a live job counts on, and agents of whom no
// event has attributes: nobody knows whether older ones had.
func upTo(tables history.Tables, events []history.Event) history.Tables {
	last, described := map[string]int64{}, map[string]bool{}
	for _, e := range events {
		if w, ok := e.Fields["worker_attributes"].(string); ok && strings.HasPrefix(w, "{") && json.Valid([]byte(w)) {
			described[e.Text("worker_sid")] = true
		}
		if strings.HasPrefix(e.Kind, "worker.") {
			last[e.Text("worker_sid")] = max(last[e.Text("worker_sid")], e.Time)
		}
	}
	all := history.Tables{}
	status := &model.AgentStatus
	for name, rows := range tables {
		for _, r := range rows {
			if name == model.Agents.Name && !described[model.Agents.Get(r, "agent_id").Str] {
				continue
			}
			if name == status.Name && status.Get(r, "interval_start").Num+int64(agentstatus.Quarter) > last[status.Get(r, "agent_id").Str] {
				continue
			}
			all[name] = append(all[name], r)
		}
	}
	return all
}
