// Package tape keeps what goroutines and processes write, for those who read it meanwhile.
package tape

import (
	"bytes"
	"sync"
)

// A Tape is a writer whose text may be read at any time, from any goroutine. The zero value is empty.
type Tape struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (t *Tape) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

// String returns all that was written.
func (t *Tape) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}
