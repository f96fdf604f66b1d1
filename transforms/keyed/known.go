package keyed

import (
	"sync"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// Known is what a sink held when a job began: the rows that earlier jobs left, by the task or worker that they belong to.
// Folds settle against it as against what they emitted themselves.
type Known struct {
	tasks    map[string][]emitted // by account and task
	workers  map[string][]emitted // by account and worker
	isolated map[string]emitted   // isolated customers, by task
}

// Add adds a row that the sink holds: its key cells and, of engagements, task_sid.
func (k *Known) Add(id model.TableID, r model.Row) {
	if k.tasks == nil {
		*k = Known{map[string][]emitted{}, map[string][]emitted{}, map[string]emitted{}}
	}
	t := model.Tables[id]
	e := emitted{table: id, key: string(t.AppendKey(nil, r)), left: true}
	switch id {
	case model.EngagementsID:
		key := event.Key(r[0].Str, t.Get(r, "task_sid").Str)
		k.tasks[key] = append(k.tasks[key], e)
	case model.AgentStatusID:
		key := event.Key(r[0].Str, r[1].Str)
		k.workers[key] = append(k.workers[key], e)
	case model.CustomersID:
		k.isolated[r[0].Str] = e
	}
}

// Task returns the state of a task of which nothing was folded yet, nil when the sink holds no row of it.
func (k *Known) Task(account, task string) *State {
	if k == nil || k.tasks == nil {
		return nil
	}
	rows := k.tasks[event.Key(account, task)]
	if e, ok := k.isolated[task]; ok {
		rows = append(rows[:len(rows):len(rows)], e)
	}
	return fresh(rows)
}

// Worker returns the state of a worker of which nothing was folded yet, nil when the sink holds no row of it.
func (k *Known) Worker(account, worker string) *State {
	if k == nil || k.workers == nil {
		return nil
	}
	return fresh(k.workers[event.Key(account, worker)])
}

func fresh(rows []emitted) *State {
	if len(rows) == 0 {
		return nil
	}
	return &State{Pending: event.None, emitted: rows}
}

// Adopt makes the rows of other count as emitted before. other may be nil.
func (s *State) Adopt(other *State) {
	if other != nil {
		s.emitted = append(s.emitted, other.emitted...)
	}
}

var known sync.Map

// Share makes what a job's sink holds known to the job's transforms in this process; Unshare ends that.
func Share(job string, k *Known) { known.Store(job, k) }

// Unshare ends Share.
func Unshare(job string) { known.Delete(job) }

// Of returns what was shared for a job, nil when nothing was.
func Of(job string) *Known {
	if k, ok := known.Load(job); ok {
		return k.(*Known)
	}
	return nil
}
