package beamstate

import (
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// paths are the attribute paths of a job. A runner gives a job the states of an earlier one, whose events
// may keep other paths: they are read by the names of these.
type paths struct {
	part       event.Part
	attributes *model.Attributes
	own        string

	of map[string]*model.Translation // by the paths of earlier jobs
}

// adapt makes the events of a state such as this job keeps them.
func (p *paths) adapt(s *keyed.State) error {
	if len(s.Block) == 0 || s.Own == p.own {
		return nil
	}
	t := p.of[s.Own]
	if t == nil {
		var err error
		if t, err = model.TranslateOwn(s.Own, p.attributes); err != nil {
			return err
		}
		if p.of == nil {
			p.of = map[string]*model.Translation{}
		}
		p.of[s.Own] = t
	}
	block, err := t.Block(s.Block, p.part)
	s.Block, s.Own = block, p.own
	return err
}

// mark says of a state which paths its events keep.
func (p *paths) mark(s *keyed.State) {
	if s.Own = ""; len(s.Block) > 0 {
		s.Own = p.own
	}
}
