package telemetry_test

import (
	"sync"
	"testing"
	"time"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/model"
)

func TestCountersMayBeMovedFromAnyGoroutine(t *testing.T) {
	c := telemetry.New(time.Now)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			c.Events.Add(2)
			c.Distinct.Add(1)
			c.Change(model.AgentsID, false)
			c.Change(model.AgentsID, true)
		})
	}
	wg.Wait()
	if c.Duplicates() != 50 || c.Changes[model.AgentsID].Load() != 50 || c.Deletes.Load() != 50 {
		t.Errorf("%d duplicates, %d changes, %d deletes", c.Duplicates(), c.Changes[model.AgentsID].Load(), c.Deletes.Load())
	}
}

func TestThereAreNeverFewerThanNoDuplicates(t *testing.T) {
	c := new(telemetry.Counters)
	c.Distinct.Add(5) // folds may be ahead of the sum of events
	if c.Duplicates() != 0 {
		t.Errorf("%d duplicates", c.Duplicates())
	}
}

func TestThereIsACounterForEveryTable(t *testing.T) {
	c := new(telemetry.Counters)
	for _, table := range model.Tables {
		c.Change(table.ID, false)
	}
	for _, table := range model.Tables {
		c.Change(table.ID, true)
		if c.Changes[table.ID].Load() != 1 || c.Deleted[table.ID].Load() != 1 {
			t.Errorf("%s: %d changes, %d deletes", table.Name, c.Changes[table.ID].Load(), c.Deleted[table.ID].Load())
		}
	}
	if c.Deletes.Load() != int64(len(model.Tables)) {
		t.Errorf("%d deletes of all tables", c.Deletes.Load())
	}
}

func TestCopiesCountWhenTheyAreFoldedNotWhileTheyWait(t *testing.T) {
	c := new(telemetry.Counters)
	c.Events.Add(10)
	c.Folded(6, 2)
	if c.Distinct.Load() != 6 || c.Repeats.Load() != 2 || c.Duplicates() != 4 {
		t.Errorf("%d distinct, %d copies, %d duplicates", c.Distinct.Load(), c.Repeats.Load(), c.Duplicates())
	}
}
