package kinesisfake

import "sync"

type counted struct{ operation, stream, shard string }

type counts struct {
	mu sync.Mutex
	n  map[counted]int
}

func (c *counts) add(operation, stream, shard string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[counted]int{}
	}
	c.n[counted{operation, stream, shard}]++
}

// Calls is how many calls of an operation there were, failed ones included, of those that name the
// stream and the shard; "" is all.
func (s *Server) Calls(operation, stream, shard string) int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	n := 0
	for k, v := range s.counts.n {
		if k.operation == operation && (stream == "" || k.stream == stream) && (shard == "" || k.shard == shard) {
			n += v
		}
	}
	return n
}
