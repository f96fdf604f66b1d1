package simulate

import (
	"slices"
	"strconv"
	"testing"
)

// TestScaledCentresBearTheirLoad keeps the rules of thumb of scale.go close to what the model does.
func TestScaledCentresBearTheirLoad(t *testing.T) {
	tests := []struct {
		name string
		set  func(*Config)
	}{
		{"day", func(c *Config) { c.Tasks = 1500 }},
		{"events", func(c *Config) { c.Events = 25_000 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, stats := draw(t, day(tt.set))
			var waits []int
			hung := 0
			for _, e := range events {
				if e.kind == "reservation.accepted" && e.text("task_age_in_queue") != "" {
					w, _ := strconv.Atoi(e.text("task_age_in_queue"))
					waits = append(waits, w)
				}
				if e.kind == "task.canceled" && e.text("reason") == "hangup" {
					hung++
				}
			}
			slices.Sort(waits)
			if median, late := waits[len(waits)/2], waits[len(waits)*9/10]; median > 20 || late < 9 || late > 200 {
				t.Errorf("median wait %d s, nine in ten within %d s", median, late)
			}
			if share := float64(hung) / float64(stats.Tasks); share < 0.03 || share > 0.13 {
				t.Errorf("%.1f %% of the customers hang up", share*100)
			}
			if ratio := float64(stats.Events) / float64(stats.Tasks); ratio < 9 || ratio > 12 {
				t.Errorf("%.1f events per task", ratio)
			}
		})
	}
}

func TestArrivalsFollowTheCurve(t *testing.T) {
	s := newScale(day(func(c *Config) { c.Tasks = 20_000 }))
	var counts [24]int
	last := int64(0)
	for when, ok := s.arrivals.next(); ok; when, ok = s.arrivals.next() {
		if when < last {
			t.Fatal("arrivals are not in order")
		}
		last = when
		counts[min(when-s.begin, s.span-1)/hour]++
	}
	for h, n := range counts {
		want := hourly[h] / dayWeight * 20_000
		if float64(n) < want*0.8-10 || float64(n) > want*1.2+10 {
			t.Errorf("hour %d: %d arrivals, about %.0f expected", h, n, want)
		}
	}
}
