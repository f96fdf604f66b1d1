package simulate

import (
	"slices"
	"testing"
)

func keys(events []seen) []string {
	list := make([]string, len(events))
	for i, e := range events {
		list[i] = e.key()
	}
	slices.Sort(list)
	return list
}

func TestEveryFormTellsTheSameEvents(t *testing.T) {
	small := func(c *Config) { c.Tasks, c.Accounts = 300, 2 }
	events, stats := draw(t, day(small))
	want := keys(events)
	if distinct := slices.Compact(slices.Clone(want)); len(distinct) != len(want) || int64(len(want)) != stats.Events {
		t.Fatalf("%d events, %d distinct, stats say %d", len(want), len(distinct), stats.Events)
	}
	for _, form := range []Form{"", Object, String, REST, Webhook, Mixed} {
		t.Run(string(form), func(t *testing.T) {
			c := day(small)
			c.Form = form
			events, stats := draw(t, c)
			if !slices.Equal(keys(events), want) {
				t.Error("events differ from those of the object form")
			}
			if several := stats.Records < stats.Events; several != (form == Webhook || form == Mixed) {
				t.Errorf("%d events in %d records", stats.Events, stats.Records)
			}
		})
	}
}

func TestFormsCarryTheSameAttributes(t *testing.T) {
	small := func(c *Config) { c.Tasks = 200 }
	attributes := func(form Form) map[string][2]string {
		c := day(small)
		c.Form = form
		m := map[string][2]string{}
		events, _ := draw(t, c)
		for _, e := range events {
			m[e.id] = [2]string{e.text("task_attributes"), e.text("worker_attributes")}
		}
		return m
	}
	want := attributes(Object)
	for _, form := range []Form{String, REST, Webhook} {
		for id, got := range attributes(form) {
			if got != want[id] {
				t.Fatalf("%s: attributes of %s differ:\n%s\n%s", form, id, got, want[id])
			}
		}
	}
}
