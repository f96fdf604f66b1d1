package history

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agentstatus"
)

// TwoJobs is what two jobs over one sink know.
type TwoJobs struct {
	Lines [2][][]byte
	Ran   [2]bool // which of them ran

	dice Dice
	of   [2]Tables             // the tables of each job alone
	all  Tables                // those of a job that knows what both know
	own  [2]map[string]bool    // the workers of which a job knows all events
	when [2]map[string][]int64 // the times of a worker's own events that a job knows
}

// DrawJobs draws a history and which of its events each of two jobs knows: of a task or worker all,
// or some.
func DrawJobs(t *rapid.T) *TwoJobs {
	j := &TwoJobs{dice: NewDice(t)}
	events := Draw(t, Size{Tasks: 2, Workers: 2})
	forms := Forms(j.dice, append(Streamed, REST))
	var union [][]byte
	var missing [2]map[string]bool
	knows := [2]map[string]bool{{}, {}}
	for i := range 2 {
		missing[i], j.own[i], j.when[i] = map[string]bool{}, map[string]bool{}, map[string][]int64{}
	}
	for _, e := range events {
		line := Lines([]Event{e}, forms)
		task, worker := e.Account+" "+e.Text("task_sid"), e.Account+" "+e.Text("worker_sid")
		known := [2]bool{}
		for i := range 2 {
			whole, drawn := knows[i][task+worker]
			if !drawn {
				whole = j.dice.OneIn(1)
				knows[i][task+worker] = whole
			}
			known[i] = whole || j.dice.OneIn(1)
		}
		for i := range 2 {
			if known[i] {
				j.Lines[i] = append(j.Lines[i], line...)
				j.own[i][worker] = true
				if strings.HasPrefix(e.Kind, "worker.") {
					j.when[i][worker] = append(j.when[i][worker], e.Time)
				}
			} else if known[1-i] {
				missing[i][worker] = true
			}
		}
		if known[0] || known[1] {
			union = append(union, line...)
		}
	}
	for i := range 2 {
		for worker := range missing[i] {
			delete(j.own[i], worker)
		}
		j.of[i] = Fold(j.Lines[i], Options{})
	}
	j.all = Fold(union, Options{})
	return j
}

// Interleave lets both jobs write to a store, each through a sink, one step after the other in any
// order.
func (j *TwoJobs) Interleave(one, two sink.Sink) {
	var jobs [2]*Job
	rest := [2][][]byte{Shuffled(j.dice, j.Lines[0]), Shuffled(j.dice, j.Lines[1])}
	for i := range jobs {
		jobs[i] = NewJob([2]sink.Sink{one, two}[i], Options{})
		defer jobs[i].End()
		j.Ran[i] = true
	}
	for len(rest[0]) > 0 || len(rest[1]) > 0 || jobs[0].Waits() || jobs[1].Waits() {
		i := j.dice.N(2)
		if len(rest[i]) == 0 && !jobs[i].Waits() {
			i = 1 - i
		}
		n := min(len(rest[i]), j.dice.N(6))
		jobs[i].Read(rest[i][:n], func() bool { return n == 0 || j.dice.OneIn(1) })
		rest[i] = rest[i][n:]
	}
}

// knowsAsMuch tells whether a job knows as many events of a quarter hour as another one.
func (j *TwoJobs) knowsAsMuch(i int, u *unit) bool {
	count, behind := int64(0), int64(0)
	for _, at := range j.when[i][u.worker] {
		switch {
		case at >= u.at+int64(agentstatus.Quarter):
			behind = 1
		case at >= u.at:
			count++
		}
	}
	return 2*count+3*behind >= u.version
}

// Checked counts what was compared.
type Checked map[string]int

// Names returns what was compared.
func (c Checked) Names() iter.Seq[string] { return maps.Keys(c) }

// unit is rows that have one version: of a task, or of a quarter hour of a worker.
type unit struct {
	worker  string // of a quarter hour
	at      int64  // when that begins
	version int64
	rows    map[string]string // by table and key, the cells
}

// Diff compares the rows of a sink with those of the job that knows all of a task or of a quarter
// hour; empty when none differs.
func (j *TwoJobs) Diff(got Tables, checked Checked) string {
	all, have := unitsOf(j.all), unitsOf(got)
	of := [2]map[string]*unit{unitsOf(j.of[0]), unitsOf(j.of[1])}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		var want []*unit
		for i := range of {
			u := of[i][name]
			if !j.Ran[i] || u == nil || u.version != all[name].version {
				continue
			}
			if u.worker != "" && (!agentstatus.Settled(u.version) || !j.own[i][u.worker]) {
				continue
			}
			if u.worker != "" && j.Ran[1-i] && j.knowsAsMuch(1-i, u) && (of[1-i][name] == nil || !gocmp.Equal(of[1-i][name].rows, u.rows)) {
				want = nil // it knows less of the time before: the later write decides
				break
			}
			want = append(want, u)
		}
		if len(want) == 0 {
			continue
		}
		checked[fmt.Sprint(name[:4], len(want))]++
		var diffs []string
		for _, u := range want {
			if have[name] == nil {
				diffs = append(diffs, "no rows are there")
			} else if d := gocmp.Diff(u.rows, have[name].rows); d != "" {
				diffs = append(diffs, d)
			}
		}
		if len(diffs) == len(want) {
			return name + " (-want +got):\n" + strings.Join(diffs, "\nor\n")
		}
	}
	return ""
}

func unitsOf(t Tables) map[string]*unit {
	all := map[string]*unit{}
	add := func(name string, m *model.Table, r model.Row) *unit {
		u := all[name]
		if u == nil {
			u = &unit{rows: map[string]string{}}
			all[name] = u
		}
		u.version = max(u.version, r[len(r)-1].Num)
		u.rows[m.Name+" "+string(m.AppendKey(nil, r))] = fmt.Sprint(Cells(m, r))
		return u
	}
	for _, r := range t[model.Engagements.Name] {
		account, task := model.Engagements.OwnerKey(r)
		add("task "+account+" "+task, &model.Engagements, r)
	}
	for _, r := range t[model.Customers.Name] {
		_, task := model.Customers.OwnerKey(r)
		for name := range all {
			if model.Customers.Owned(r) && strings.HasSuffix(name, " "+task) {
				add(name, &model.Customers, r)
			}
		}
	}
	for _, r := range t[model.AgentStatus.Name] {
		account, worker := model.AgentStatus.OwnerKey(r)
		at := model.AgentStatus.Get(r, "interval_start")
		u := add(fmt.Sprint("worker ", account, " ", worker, " ", at), &model.AgentStatus, r)
		u.worker, u.at = account+" "+worker, at.Num
	}
	return all
}
