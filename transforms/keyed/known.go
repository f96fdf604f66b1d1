package keyed

import (
	"fmt"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// Known is what a sink held when a job began: the rows that earlier jobs left, by the task or worker that they belong to.
// Folds settle against it as against what they emitted themselves.
type Known struct {
	// Find looks rows up in the sink that were noted and not added. It may be nil when none were noted.
	Find func(t model.TableID, account, sid string, f func(model.Row) error) error

	tasks    map[string][]emitted // by account and task
	workers  map[string][]emitted // by account and worker
	isolated map[string]emitted   // isolated customers, by task

	noted  [len(keptTables)][]uint64 // hashes of the tasks and workers of rows that were noted, sorted once
	sorted sync.Once
}

// keptTables are the tables whose rows are known.
var keptTables = [...]model.TableID{model.EngagementsID, model.AgentStatusID, model.CustomersID}

// KeptTables returns the tables whose rows a job has to know.
func KeptTables() []model.TableID { return keptTables[:] }

// Owner returns the kind and key of what a row of KeptTables belongs to; of an isolated customer, whose account its row does not tell, the
// task alone.
func Owner(id model.TableID, r model.Row) (Kind, string) {
	switch id {
	case model.EngagementsID:
		return Task, event.Key(r[0].Str, model.Engagements.Get(r, "task_sid").Str)
	case model.AgentStatusID:
		return Worker, event.Key(r[0].Str, r[1].Str)
	}
	return Task, r[0].Str
}

// Add adds a row that the sink holds: its key cells and, of engagements, task_sid.
func (k *Known) Add(id model.TableID, r model.Row) {
	if k.tasks == nil {
		k.tasks, k.workers, k.isolated = map[string][]emitted{}, map[string][]emitted{}, map[string]emitted{}
	}
	e := left(id, r)
	_, key := Owner(id, r)
	switch id {
	case model.EngagementsID:
		k.tasks[key] = append(k.tasks[key], e)
	case model.AgentStatusID:
		k.workers[key] = append(k.workers[key], e)
	case model.CustomersID:
		k.isolated[key] = e
	}
}

// Note remembers that the sink holds rows of a task or worker, for Find. All rows are noted before any is asked for.
func (k *Known) Note(id model.TableID, r model.Row) {
	_, key := Owner(id, r)
	i := slices.Index(keptTables[:], id)
	h := xxhash.Sum64String(key)
	if n := len(k.noted[i]); n == 0 || k.noted[i][n-1] != h {
		k.noted[i] = append(k.noted[i], h)
	}
}

func left(id model.TableID, r model.Row) emitted {
	return emitted{table: id, key: string(model.Tables[id].AppendKey(nil, r)), left: true}
}

// Task returns the state of a task of which nothing was folded yet, nil when the sink holds no row of it.
func (k *Known) Task(account, task string) (*State, error) {
	if k == nil {
		return nil, nil
	}
	rows := k.tasks[event.Key(account, task)]
	if e, ok := k.isolated[task]; ok {
		rows = append(rows[:len(rows):len(rows)], e)
	}
	for _, id := range []model.TableID{model.EngagementsID, model.CustomersID} {
		key := event.Key(account, task)
		if id == model.CustomersID {
			key = task
		}
		found, err := k.find(id, key, account, task)
		if err != nil {
			return nil, err
		}
		rows = append(rows[:len(rows):len(rows)], found...)
	}
	return fresh(rows), nil
}

// Worker returns the state of a worker of which nothing was folded yet, nil when the sink holds no row of it.
func (k *Known) Worker(account, worker string) (*State, error) {
	if k == nil {
		return nil, nil
	}
	key := event.Key(account, worker)
	rows := k.workers[key]
	found, err := k.find(model.AgentStatusID, key, account, worker)
	if err != nil {
		return nil, err
	}
	return fresh(append(rows[:len(rows):len(rows)], found...)), nil
}

// find looks up rows that were noted.
func (k *Known) find(id model.TableID, key, account, sid string) (rows []emitted, err error) {
	i := slices.Index(keptTables[:], id)
	k.sorted.Do(func() {
		for i := range k.noted {
			slices.Sort(k.noted[i])
			k.noted[i] = slices.Clip(slices.Compact(k.noted[i]))
		}
	})
	if _, ok := slices.BinarySearch(k.noted[i], xxhash.Sum64String(key)); !ok {
		return nil, nil
	}
	err = k.Find(id, account, sid, func(r model.Row) error {
		rows = append(rows, left(id, r))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("keyed: look up what the sink holds of %s: %w", sid, err)
	}
	return rows, nil
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

// Release forgets the emitted rows for which settled says so: they stay as they are.
func (s *State) Release(settled func(model.TableID, model.Row) bool) error {
	kept := s.emitted[:0]
	for _, e := range s.emitted {
		t := model.Tables[e.table]
		r := t.NewRow()
		if !t.ParseKey([]byte(e.key), r) {
			return ErrCorrupt
		}
		if !settled(e.table, r) {
			kept = append(kept, e)
		}
	}
	clear(s.emitted[len(kept):])
	s.emitted = kept
	return nil
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
