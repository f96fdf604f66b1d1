package decode

import (
	"hash/maphash"

	"flexbeam/internal/jsonscan"
	"flexbeam/schemas/attribute"
)

// cacheSize bounds the attributes that a cache holds; a chunk of a file has some thousand tasks
// open.
const cacheSize = 1 << 13

// cache keeps the snapshots of attributes by a hash of their JSON text: comparing the texts would
// cost as much as parsing them. The hash has a random seed, so nobody can make texts that collide.
type cache struct {
	parser  *attribute.Parser
	known   map[digest]cached
	scratch []byte
	out     []byte
}

type digest struct {
	hash   uint64
	length int
}

var seed = maphash.MakeSeed()

type cached struct {
	snapshot attribute.Snapshot
	ok       bool
}

func (c *cache) snapshot(v []byte) (attribute.Snapshot, bool) {
	d := digest{maphash.Bytes(seed, v), len(v)}
	if k, ok := c.known[d]; ok {
		return k.snapshot, k.ok
	}
	b := v
	if v[0] == '"' {
		c.scratch = jsonscan.AppendUnquoted(c.scratch[:0], v)
		b = c.scratch
	}
	var k cached
	c.out, k.ok = c.parser.Append(c.out[:0], b)
	if k.ok {
		k.snapshot = attribute.Snapshot(c.out)
	}
	if c.known == nil || len(c.known) >= cacheSize {
		c.known = make(map[digest]cached, cacheSize)
	}
	c.known[d] = k
	return k.snapshot, k.ok
}
