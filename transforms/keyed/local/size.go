package local

// A Size says how much a store holds.
type Size struct {
	Kinds    map[string]KindSize // by the kind's name
	Log      int64               // bytes of the files in the state directory, 0 without one
	Rewrites int64               // of the log
}

// KindSize says how much a store holds of one kind. What belongs to no key of it counts in bytes alone.
type KindSize struct {
	Keys         int64 // with a state
	Open         int64 // of these, those whose end has not come
	Spilled      int64 // of these, those that are on disk
	Tombstones   int64 // of states that were dropped
	Bytes        int64 // of the states
	SpilledBytes int64 // of these, those on disk
}

// Bytes returns the bytes of all states.
func (z Size) Bytes() (n int64) {
	for _, k := range z.Kinds {
		n += k.Bytes
	}
	return n
}

// kept is about how many bytes the disk needs for what the store holds, without those of spilled
// states.
func (s *Store) kept() (n int64) {
	size := s.Size()
	for _, z := range s.kinds {
		if k := size.Kinds[z.kind.Name]; z.kept {
			n += k.Bytes - k.SpilledBytes + 128*(k.Keys-k.Spilled) + 56*k.Spilled + 40*k.Tombstones
		}
	}
	return n
}

// Size returns how much the store holds.
func (s *Store) Size() Size {
	size := Size{Kinds: map[string]KindSize{}, Rewrites: s.rewrites.Load()}
	for _, z := range s.kinds {
		s.mu.RLock()
		keys := int64(len(z.live)) - z.anonymous.Load()
		s.mu.RUnlock()
		k := KindSize{Open: z.open.Load(), Spilled: z.spill.count.Load(), Tombstones: z.spill.tombstones.Load(), SpilledBytes: z.spill.bytes.Load()}
		k.Keys, k.Bytes = keys+k.Spilled, z.bytes.Load()+k.SpilledBytes
		size.Kinds[z.kind.Name] = k
	}
	if s.keeps {
		size.Log = s.disk.Size()
	}
	return size
}

// Of returns the size of a kind.
func (z Size) Of(kind string) KindSize { return z.Kinds[kind] }
