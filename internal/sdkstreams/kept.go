package sdkstreams

// kept are states that are kept beyond bundles, in two generations: when the younger one has half of the
// bytes that both may have, it becomes the older one, and what was in that and not asked for since is gone.
type kept struct {
	half       int
	young, old map[string]memory
	bytes      int // of young
}

// A memory is the value of a state, and the token of the bundles that may use it.
type memory struct {
	token string
	value []byte
}

func newKept(most int) *kept {
	return &kept{half: most / 2, young: map[string]memory{}}
}

// perState is about what a state takes besides its bytes and those of its key.
const perState = 120

func (k *kept) get(id, token string) (value []byte, ok bool) {
	m, ok := k.young[id]
	if !ok {
		if m, ok = k.old[id]; ok {
			k.put(id, m.token, m.value)
		}
	}
	return m.value, ok && m.token == token
}

func (k *kept) put(id, token string, value []byte) {
	k.drop(id)
	k.young[id] = memory{token, value}
	if k.bytes += len(id) + len(value) + perState; k.bytes > k.half {
		k.young, k.old, k.bytes = map[string]memory{}, k.young, 0
	}
}

func (k *kept) drop(id string) {
	if m, ok := k.young[id]; ok {
		k.bytes -= len(id) + len(m.value) + perState
		delete(k.young, id)
	}
	delete(k.old, id)
}
