package telemetry_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
)

func TestDeadLettersOfAllClassesAddUpToTheTotal(t *testing.T) {
	c := new(telemetry.Counters)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			c.DeadLetter("invalid_json", 2)
			c.DeadLetter(telemetry.Gap, 1)
			c.DeadLetters.Add(3) // of no class
			sum := int64(0)
			for _, n := range c.Letters() {
				sum += n
			}
			if total := c.DeadLetters.Load(); sum > total {
				t.Errorf("%d of all classes, %d in total", sum, total)
			}
		})
	}
	wg.Wait()
	want := map[string]int64{"invalid_json": 40, telemetry.Gap: 20, telemetry.Late: 0, "unclassified": 60}
	if diff := cmp.Diff(want, c.Letters()); diff != "" {
		t.Error(diff)
	}
	if n := c.DeadLetters.Load(); n != 120 {
		t.Errorf("%d in total", n)
	}
}

func TestTheClassWithTheMostDeadLettersHasAnExample(t *testing.T) {
	c := new(telemetry.Counters)
	if class, n, e := c.MostLetters(); class != "" || n != 0 || e != (telemetry.Example{}) {
		t.Errorf("without any: %s, %d, %v", class, n, e)
	}
	for _, position := range []string{"f:10", "f:9", "f:2", "f:11", "f:3"} {
		c.DeadLetter("missing_time", 1)
		c.LetterExample("missing_time", telemetry.Example{Position: position, Error: "at " + position})
	}
	c.DeadLetter("invalid_json", 5)
	c.DeadLetter("invalid_utf8", 4)
	if class, n, _ := c.MostLetters(); class != "invalid_json" || n != 5 {
		t.Errorf("of equal classes %s counts, with %d", class, n)
	}
	c.DeadLetter("missing_time", 1)
	if class, n, e := c.MostLetters(); class != "missing_time" || n != 6 || e != (telemetry.Example{Position: "f:2", Error: "at f:2"}) {
		t.Errorf("got %s, %d, %v", class, n, e)
	}
}
