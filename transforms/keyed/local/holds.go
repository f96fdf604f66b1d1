package local

import "flexbeam/transforms/keyed"

// State returns a copy of what the store holds of a key of a kind: its state, be it in memory or on
// disk, or the tombstone that is left of it. ok is false where it holds nothing. It changes
// nothing.
func (s *Store) State(kind byte, key string) (state keyed.State, ok bool, err error) {
	z := s.slotOf(kind)
	if z == nil {
		return state, false, nil
	}
	if l := s.lock(z, key); l != nil {
		defer l.Unlock()
		return l.State, true, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := hashOf(key)
	if f, ok := z.spill.get(h); ok {
		_, found, err := s.readSpilled(z, f)
		if err != nil {
			return state, false, err
		}
		return *found, true, nil
	}
	if until := z.spill.until(h); until != 0 {
		return z.kind.Buried(until), true, nil
	}
	return state, false, nil
}
