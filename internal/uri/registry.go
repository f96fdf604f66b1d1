package uri

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Registry knows by their schemes the sources, or the sinks, that a binary has. T is what opens
// one. The methods may be called from several goroutines.
type Registry[T any] struct {
	Plural     string // what the schemes name, for errors: sinks
	ErrURI     error  // what errors wrap when the text is no URI
	ErrUnknown error  // what errors wrap when there is no such scheme

	// Form returns what a URI of an opener looks like, such as file:PATTERN. If it is set, errors
	// list these forms, and a URI without a place is left to its opener.
	Form func(T) string

	mu      sync.RWMutex
	openers map[string]T
}

// Register makes a source or sink available under a scheme. They register themselves in init, so a
// binary has those it imports.
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

// Find returns what is registered under the scheme of a URI, and the rest of the URI behind the
// colon. Errors wrap ErrURI or ErrUnknown.
func (r *Registry[T]) Find(text string) (opener T, rest string, err error) {
	scheme, rest, ok := strings.Cut(text, ":")
	schemes := strings.Join(r.Schemes(), ", ")
	r.mu.RLock()
	defer r.mu.RUnlock()
	opener, known := r.openers[scheme]
	advice := "SCHEME:PLACE with one of the schemes " + schemes
	if r.Form != nil {
		advice = r.forms()
	}
	switch {
	case !ok, rest == "" && !(known && r.Form != nil):
		return opener, "", fmt.Errorf("%w: %q: write %s", r.ErrURI, text, advice)
	case !known && r.Form != nil:
		return opener, "", fmt.Errorf("%w: %q: write %s", r.ErrUnknown, text, advice)
	case !known:
		return opener, "", fmt.Errorf("%w: %q: this binary has the %s %s", r.ErrUnknown, text, r.Plural, schemes)
	}
	return opener, rest, nil
}

// forms lists what the URIs of this binary look like.
func (r *Registry[T]) forms() string {
	var forms []string
	for _, scheme := range slices.Sorted(maps.Keys(r.openers)) {
		forms = append(forms, r.Form(r.openers[scheme]))
	}
	return strings.Join(forms, " or ")
}
