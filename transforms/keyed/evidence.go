package keyed

import "flexbeam/schemas/evidence"

// CountEvidence notes what a fold of the key found to be missing, and adds to out what is new of
// it: a key counts once, however often it is folded.
func (s *State) CountEvidence(c evidence.Counts, out *Output) {
	out.Evidence = out.Evidence.Plus(c.Minus(s.Evidence))
	s.Evidence = c
}

func (r *Reader) evidence() evidence.Counts {
	c, rest, err := evidence.Read(r.b)
	if err != nil {
		r.fail()
		return c
	}
	r.b = rest
	return c
}
