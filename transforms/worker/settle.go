package worker

import (
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// settling folds a worker from its state and settles the rows against those that it had before.
type settling struct {
	folder *Folder
	known  *keyed.Known
	count  *telemetry.Counters
}

func (f *settling) setup(job string, o Options) {
	f.folder, f.known, f.count = NewFolder(o), keyed.Of(job), telemetry.For(job)
}

// fold emits what has changed. A running activity counts up to the last quarter hour before asOf. Rows for which settled says so are not
// touched any more; nil: all are open.
func (f *settling) fold(s *keyed.State, asOf int64, settled func(model.TableID, model.Row) bool, changes func([]byte)) ([]event.Event, error) {
	events, err := event.Decode(s.Blocks, nil)
	if err != nil {
		return nil, err
	}
	groups := event.Groups(events, event.WorkerSID)
	if s.Folds == 0 {
		for _, g := range groups {
			known, err := f.known.Worker(g.Account, g.SID)
			if err != nil {
				return nil, err
			}
			s.Adopt(known)
		}
		if settled != nil {
			if err := s.Release(settled); err != nil {
				return nil, err
			}
		}
	}
	s.Folds++
	settler := s.Settle()
	emit := settler.Row
	if settled != nil {
		emit = func(t model.TableID, r model.Row) {
			if !settled(t, r) {
				settler.Row(t, r)
			}
		}
	}
	var own int64
	for _, g := range groups {
		n, err := f.folder.FoldAsOf(g.Account, g.SID, g.Events, asOf, emit)
		if err != nil {
			return nil, err
		}
		own += int64(n)
	}
	all := int64(0)
	for i := range events {
		if !events[i].OfTask {
			all++
		}
	}
	f.count.Folded(s.Count(own, all-own))
	block, err := settler.Done(f.folder.Deleted)
	if err != nil {
		return nil, err
	}
	if len(block) > 0 {
		changes(block)
	}
	return events, nil
}
