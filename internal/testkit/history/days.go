package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"flexbeam/schemas/event"
)

// Day is the length of a day in ms.
const Day = 24 * 60 * 60 * 1000

// DrawDays draws a history of so many days of one account, in order of time. Workers live on from day to
// day: each enters an activity before the first day, with an event that tells since when it was in the one
// before, and another one in the last hour of the last day. So of every quarter hour between it is known
// what the worker did. Some tasks are parked over a night or two: those that have not ended.
func DrawDays(t *rapid.T, days int, s Size) []Event {
	var all []Event
	d := NewDice(t)
	workers := map[string]bool{}
	for day := range int64(days) {
		parked, since, ended := map[string]int64{}, map[string]int{}, map[string]bool{}
		for _, e := range Draw(t, s) {
			e.Account, e.ID = Account, fmt.Sprint(e.ID, "-", day)
			e.Time += day * Day
			for _, field := range []string{"task_sid", "reservation_sid"} {
				if sid := e.Text(field); sid != "" {
					e = e.With(field, fmt.Sprint(sid, "-", day))
				}
			}
			if strings.HasPrefix(e.Kind, "worker.") {
				workers[e.Text("worker_sid")] = true
			}
			if task := e.Text("task_sid"); task != "" {
				if since[task]++; since[task] > 2 && parked[task] == 0 && !ended[task] && d.OneIn(4) {
					parked[task] = int64(1 + d.N(2))
				}
				e.Time += parked[task] * Day
				ended[task] = ended[task] || event.ParseKind([]byte(e.Kind)).EndsTask()
			}
			all = append(all, e)
		}
	}
	sids := make([]string, 0, len(workers))
	for w := range workers {
		sids = append(sids, w)
	}
	slices.Sort(sids)
	for _, w := range sids {
		for i, at := range []int64{Start - 3*60*60*1000, Start + int64(days)*Day - 60*60*1000} {
			f := map[string]any{
				"worker_sid": w, "worker_name": "ann@example.com", "worker_attributes": `{"full_name":"Ann"}`, "worker_activity_name": "Available",
				"worker_previous_activity_name": "Offline", "worker_time_in_previous_activity_ms": 1000,
			}
			all = append(all, Event{Kind: "worker.activity.update", ID: fmt.Sprint("EV", w, i), Account: Account, Time: at, Fields: f})
		}
	}
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(a.Time, b.Time) })
	return all
}
