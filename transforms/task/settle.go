package task

import (
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// settling folds a task from its state and settles the rows against those that it had before.
type settling struct {
	job    string
	folder *Folder
	known  *keyed.Known
	count  *telemetry.Counters
}

func (f *settling) setup(job string, o Options) {
	f.job, f.folder, f.known, f.count = job, NewFolder(o), keyed.Of(job), telemetry.For(job)
}

// fold emits what has changed and calls see with every customer's row that the task gives. It returns the task's events.
func (f *settling) fold(s *keyed.State, changes func([]byte), see func(eventID string, r model.Row)) ([]event.Event, error) {
	events, err := event.Decode(s.Blocks, nil)
	if err != nil {
		return nil, err
	}
	groups := event.Groups(events, event.TaskSID)
	if s.Folds == 0 {
		for _, g := range groups {
			known, err := f.known.Task(g.Account, g.SID)
			if err != nil {
				return nil, err
			}
			s.Adopt(known)
		}
	}
	s.Folds++
	settler := s.Settle()
	var version, distinct int64
	for _, g := range groups {
		out, err := f.folder.Fold(g.Account, g.SID, g.Events, settler.Row, see)
		if err != nil {
			return nil, err
		}
		version = max(version, out.Version)
		distinct += int64(out.Distinct)
	}
	f.count.Folded(s.Count(distinct, int64(len(events))-distinct))
	block, err := settler.Done(func(model.TableID, model.Row) (int64, bool) { return version, true })
	if err != nil {
		return nil, err
	}
	if len(block) > 0 {
		changes(block)
	}
	return events, nil
}
