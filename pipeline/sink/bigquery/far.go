package bigquery

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"flexbeam/schemas/model"
)

// farRows counts the streamed rows that BigQuery refused since their day is too far away, by day
// (https://cloud.google.com/bigquery/docs/write-api#time-unit_column_partitioning).
type farRows struct {
	mu   sync.Mutex
	days map[string]int
}

// add counts a row if that is why it was refused.
func (f *farRows) add(t *table, row model.Row, reason string) {
	if t.day == "" || !strings.Contains(reason, "outside the allowed bounds") {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.days == nil {
		f.days = map[string]int{}
	}
	f.days[time.UnixMilli(t.model.Get(row, t.day).Num).UTC().Format(time.DateOnly)]++
}

// toldDays is how many days the warning names.
const toldDays = 10

// tell warns of the rows, once.
func (f *farRows) tell() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.days) == 0 {
		return
	}
	days := slices.Sorted(maps.Keys(f.days))
	n := 0
	for _, d := range f.days {
		n += d
	}
	named := strings.Join(days[:min(len(days), toldDays)], " ")
	if len(days) > toldDays {
		named += " … " + days[len(days)-1]
	}
	slog.Warn("BigQuery takes no streamed rows of days that are so far away: they are dead letters of class "+Refused+"; load such archives into a new dataset with mode=load before anything is streamed there",
		"rows", n, "days", len(days), "which", named)
	f.days = nil
}
