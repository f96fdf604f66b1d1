package decode

import (
	"flexbeam/internal/jsonscan"
	"flexbeam/schemas/attribute"
)

// cacheSize bounds the attributes that a cache holds; a chunk of a file has some thousand tasks open.
const cacheSize = 1 << 13

// cache keeps the snapshots of attributes by their JSON text.
type cache struct {
	parser  *attribute.Parser
	known   map[string]cached
	scratch []byte
	out     []byte
}

type cached struct {
	snapshot attribute.Snapshot
	ok       bool
}

func (c *cache) snapshot(v []byte) (attribute.Snapshot, bool) {
	if k, ok := c.known[string(v)]; ok {
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
		c.known = make(map[string]cached)
	}
	c.known[string(v)] = k
	return k.snapshot, k.ok
}
