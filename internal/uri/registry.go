package uri

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Registry knows by their schemes the sources, or the sinks, that a binary has. T is what opens one. The methods may be called
// from several goroutines.
type Registry[T any] struct {
	Plural     string // what the schemes name, for errors: sinks
	ErrURI     error  // what errors wrap when the text is no URI
	ErrUnknown error  // what errors wrap when there is no such scheme

	mu      sync.RWMutex
	openers map[string]T
}

// Register makes a source or sink available under a scheme. They register themselves in init, so a binary has those it imports.
func (r *Registry[T]) Register(scheme string, opener T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.openers == nil {
		r.openers = map[string]T{}
	}
	r.openers[scheme] = opener
}

// Schemes returns the registered schemes in order.
func (r *Registry[T]) Schemes() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.openers))
}

// Find returns what is registered under the scheme of a URI, and the rest of the URI behind the colon. Errors wrap ErrURI or
// ErrUnknown.
func (r *Registry[T]) Find(text string) (opener T, rest string, err error) {
	scheme, rest, ok := strings.Cut(text, ":")
	schemes := strings.Join(r.Schemes(), ", ")
	if !ok || rest == "" {
		return opener, "", fmt.Errorf("%w: %q: write SCHEME:PLACE with one of the schemes %s", r.ErrURI, text, schemes)
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	opener, ok = r.openers[scheme]
	if !ok {
		return opener, "", fmt.Errorf("%w: %q: this binary has the %s %s", r.ErrUnknown, text, r.Plural, schemes)
	}
	return opener, rest, nil
}
