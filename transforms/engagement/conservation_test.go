package engagement_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/model"
)

// row reads cells by name.
type row model.Row

func (r row) text(column string) string { return model.Engagements.Get(model.Row(r), column).Str }

// ms reads a time or a duration, in ms; ok is false for null.
func (r row) ms(column string) (ms int64, ok bool) {
	v := model.Engagements.Get(model.Row(r), column)
	if v.Type == model.Float {
		return int64(math.Round(v.Float64() * 1000)), true
	}
	return v.Num, !v.IsNull()
}

// drawRows draws a history and returns its events and engagements.
func drawRows(rt *rapid.T) ([]history.Event, []row) {
	events := history.Draw(rt, history.Size{Tasks: 4})
	var rows []row
	for _, r := range history.Of(events)["engagements"] {
		rows = append(rows, row(r))
	}
	return events, rows
}

func TestEngagementAndWrapUpMakeUpACompletedAgentRow(t *testing.T) {
	seen := 0
	rapid.Check(t, func(rt *rapid.T) {
		events, rows := drawRows(rt)
		for _, r := range rows {
			start, _ := r.ms("start_time")
			end, ended := r.ms("end_time")
			engaged, known := r.ms("engagement_time_seconds")
			if r.text("engagement_type") != "Agent" || !ended || !known || end < start {
				continue
			}
			wrapUp, wrapped := r.ms("wrap_up_time_seconds")
			at, any := lastWrapup(events, r)
			if any && !wrapped && at >= end {
				continue // the agent was taken away before
			}
			if any != wrapped {
				rt.Fatalf("%s: wrap-up time known: %v, wrapup seen: %v", r.text("engagement_id"), wrapped, any)
			}
			if wrapped && (at < start || at > end) {
				continue // out of order
			}
			seen++
			if engaged+wrapUp != end-start {
				rt.Fatalf("%s: engaged %d ms and wrapped up %d ms of %d ms", r.text("engagement_id"), engaged, wrapUp, end-start)
			}
		}
	})
	if seen < 100 {
		t.Errorf("only %d rows were drawn that say something", seen)
	}
}

// lastWrapup returns the time of the last wrapup of a row's reservation.
func lastWrapup(events []history.Event, r row) (at int64, ok bool) {
	for _, e := range events {
		if e.Kind == "reservation.wrapup" && e.Text("reservation_sid") == r.text("reservation_sid") && e.Text("task_sid") == r.text("task_sid") && e.Account == r.text("account_sid") {
			at, ok = max(at, e.Time), true
		}
	}
	return at, ok
}

// takes are the events that take an accepted reservation away.
var takes = []string{"reservation.timeout", "reservation.canceled", "reservation.rejected", "reservation.rescinded", "reservation.failed"}

// TestNobodyWorksOnWhatWasTakenAway holds agent rows to the events that take their reservation
// away: a row ends at the first of them behind the acceptance, and where the customer then waits
// nobody else is there.
func TestNobodyWorksOnWhatWasTakenAway(t *testing.T) {
	taken, again := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		events, rows := drawRows(rt)
		accepted := map[string]int64{}
		for _, e := range events {
			r := e.Account + e.Text("task_sid") + e.Text("reservation_sid")
			if at, ok := accepted[r]; e.Kind == "reservation.accepted" && (!ok || e.Time < at) {
				accepted[r] = e.Time
			}
		}
		of := map[string]row{}
		for _, r := range rows {
			if r.text("engagement_type") == "Agent" {
				of[r.text("account_sid")+r.text("task_sid")+r.text("reservation_sid")] = r
			}
		}
		for _, e := range events {
			key := e.Account + e.Text("task_sid") + e.Text("reservation_sid")
			at, ok := accepted[key]
			if !ok || !slices.Contains(takes, e.Kind) || e.Time <= at {
				continue
			}
			taken++
			if end, ended := of[key].ms("end_time"); !ended || end > e.Time {
				rt.Fatalf("%s was taken away at %d, its row ends at %d", key, e.Time, end)
			}
		}
		for _, q := range rows {
			id, own := q.text("engagement_id"), q.text("task_sid")+":"
			i := slices.IndexFunc(events, func(e history.Event) bool {
				return own+e.ID == id && e.Account == q.text("account_sid") && slices.Contains(takes, e.Kind)
			})
			if i < 0 {
				continue
			}
			again++
			start, _ := q.ms("start_time")
			for _, a := range of {
				from, _ := a.ms("start_time")
				to, ended := a.ms("end_time")
				if a.text("account_sid")+a.text("task_sid") == q.text("account_sid")+q.text("task_sid") && from < start && (!ended || to > start) {
					rt.Fatalf("%s waits from %d on beside %s", id, start, a.text("engagement_id"))
				}
			}
		}
	})
	if taken < 100 || again < 30 {
		t.Errorf("only %d reservations were taken away, and %d customers waited again", taken, again)
	}
}

// TestAKeyLeavesNoContactInClear folds each task with and without a key: what names a customer in
// clear stands in no cell.
func TestAKeyLeavesNoContactInClear(t *testing.T) {
	hidden := 0
	rapid.Check(t, func(rt *rapid.T) {
		tasks := map[string][]history.Event{}
		for _, e := range history.Draw(rt, history.Size{Tasks: 3}) {
			tasks[e.Account+e.Text("task_sid")] = append(tasks[e.Account+e.Text("task_sid")], e)
		}
		for _, events := range tasks {
			lines := history.Lines(events, history.All(history.Object))
			contacts := map[string]bool{}
			for _, c := range history.Fold(lines, history.Options{}).Rows("customers") {
				if c["isolated"] == "false" {
					contacts[c["contact_id"]] = true
				}
			}
			keyed := history.Fold(lines, history.Options{ContactKey: "secret"})
			for _, r := range keyed.Rows("engagements") {
				for column, v := range r {
					if contacts[v] && model.Engagements.Columns[model.Engagements.Col(column)].Type == model.String {
						rt.Fatalf("%s of %s is %q in clear", column, r["engagement_id"], v)
					}
					if len(v) == 64 && column != "contact_id" && column != "conversation_id" {
						hidden++
					}
				}
			}
			for _, c := range keyed.Rows("customers") {
				if contacts[c["contact_id"]] {
					rt.Fatalf("the customer %q is in clear", c["contact_id"])
				}
			}
		}
	})
	if hidden < 30 {
		t.Errorf("only %d cells were hidden", hidden)
	}
}

func TestQueueRowsOfATaskNeverOverlap(t *testing.T) {
	seen := 0
	rapid.Check(t, func(rt *rapid.T) {
		_, rows := drawRows(rt)
		of := map[[2]string][][2]int64{}
		for _, r := range rows {
			if r.text("engagement_type") != "Queue" {
				continue
			}
			start, _ := r.ms("start_time")
			end, ended := r.ms("end_time")
			if !ended {
				end = math.MaxInt64
			}
			task := [2]string{r.text("account_sid"), r.text("task_sid")}
			for _, s := range of[task] {
				seen++
				if max(s[0], start) < min(s[1], end) {
					rt.Fatalf("%v: [%d, %d) overlaps [%d, %d)", task, start, end, s[0], s[1])
				}
			}
			of[task] = append(of[task], [2]int64{start, end})
		}
	})
	if seen < 100 {
		t.Errorf("only %d pairs of rows were drawn", seen)
	}
}

func TestAReservationIsAnAgentOrAnInvitationNeverBoth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events, rows := drawRows(rt)
		kind := map[[2]string]string{}
		for _, r := range rows {
			if r.text("reservation_sid") == "" {
				continue
			}
			key := [2]string{r.text("task_sid"), r.text("reservation_sid")}
			if was := kind[key]; was != "" {
				rt.Fatalf("%v is %s and %s", key, was, r.text("engagement_type"))
			}
			kind[key] = r.text("engagement_type")
		}
		for _, e := range events {
			served := slices.Contains([]string{"reservation.accepted", "reservation.wrapup", "reservation.completed"}, e.Kind)
			if got := kind[[2]string{e.Text("task_sid"), e.Text("reservation_sid")}]; served && got != "Agent" {
				rt.Fatalf("%s has %s, its row is %q", e.Text("reservation_sid"), e.Kind, got)
			}
		}
	})
}

// TestVersionsCountWhatIsKnown mixes the forms: versions count distinct events, and among them
// those of Event Streams.
func TestVersionsCountWhatIsKnown(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		events := history.Draw(rt, history.Size{Tasks: 3})
		var lines [][]byte
		type task struct{ account, sid string }
		distinct, streamed, newest := map[task]int64{}, map[task]int64{}, map[task]int64{}
		for _, e := range events {
			k := task{e.Account, e.Text("task_sid")}
			distinct[k]++
			newest[k] = max(newest[k], e.Time)
			rest := d.OneIn(1)
			if rest {
				lines = append(lines, e.Record(history.REST))
			}
			if !rest || d.OneIn(1) {
				streamed[k]++
				lines = append(lines, e.Record(history.Object), e.Record(history.String))
			}
		}
		got := history.Fold(lines, history.Options{})
		check := func(table string, r map[string]string, k task) {
			if want := model.Integer(distinct[k]*4096 + streamed[k]).String(); r["row_version"] != want {
				rt.Fatalf("%s of %v: version %s, want %s", table, k, r["row_version"], want)
			}
		}
		for _, r := range got.Rows("engagements") {
			k := task{r["account_sid"], r["task_sid"]}
			check("engagement", r, k)
			if want := model.Millis(newest[k]).String(); r["updated_at"] != want {
				rt.Fatalf("engagement of %v: updated at %s, want %s", k, r["updated_at"], want)
			}
		}
		for _, r := range got.Rows("customers") {
			for k := range distinct {
				if r["isolated"] == "true" && r["contact_id"] == k.sid {
					check("isolated customer", r, k)
				}
			}
		}
	})
}
