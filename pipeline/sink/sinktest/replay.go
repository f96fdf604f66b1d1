package sinktest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// An oracle is the plainest sink: the newest change of each key.
type oracle map[string]change.Change

func (o oracle) write(c change.Change) {
	k := string(c.Of().AppendKey([]byte{byte(c.Table)}, c.Row))
	if old, ok := o[k]; !ok || c.Version() >= old.Version() {
		o[k] = c
	}
}

func (o oracle) rows(t *model.Table) []model.Row {
	var rows []model.Row
	for _, c := range o {
		if c.Table == t.ID && !c.Delete {
			rows = append(rows, c.Row)
		}
	}
	return rows
}

// Replays is the strongest test of Run alone, for sinks that repeat it with other settings: it
// writes random changes of few keys and few versions, in random blocks with flushes and reopening
// between them, and then the same changes again, cut differently. After each the sink has what the
// oracle has.
func Replays(t *testing.T, h Harness) {
	all := []*model.Table{&model.Engagements, &model.AgentStatus, &model.DeadLetters}
	rapid.Check(t, func(rt *rapid.T) {
		serial := 0
		changes := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) change.Change {
			serial++
			table := rapid.SampledFrom(all).Draw(rt, "table")
			key, version := rapid.IntRange(0, 3).Draw(rt, "key"), rapid.Int64Range(1, 4).Draw(rt, "version")
			if rapid.IntRange(0, 2).Draw(rt, "delete") == 0 {
				return remove(table, key, version)
			}
			return upsert(table, key, version, fmt.Sprint("change ", serial))
		}), 1, 60).Draw(rt, "changes")

		want := oracle{}
		r := newRun(t, h)
		for pass := range 2 {
			for rest := changes; len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(rt, "block")
				r.write(rest[:n]...)
				rest = rest[n:]
				switch rapid.IntRange(0, 7).Draw(rt, "then") {
				case 0, 1, 2:
					r.flush()
				case 3:
					r.reopen()
				}
			}
			for _, c := range changes {
				want.write(c)
			}
			r.close()
			for _, table := range all {
				compare(t, table, h.Rows(t, r.uri, table), want.rows(table))
			}
			if t.Failed() {
				rt.Fatalf("pass %d", pass)
			}
			r.open()
		}
		r.close()
	})
}
