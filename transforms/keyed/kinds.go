package keyed

import (
	"encoding/json"
	"errors"
	"fmt"
)

// kinds holds the registered kinds by their ID.
var kinds []*Kind

// Register makes a kind known under its name. Packages register theirs in init.
func Register(k *Kind) {
	for len(kinds) <= int(k.ID) {
		kinds = append(kinds, nil)
	}
	if kinds[k.ID] != nil {
		panic(fmt.Sprintf("keyed: the kinds %s and %s have one ID", kinds[k.ID].Name, k.Name))
	}
	kinds[k.ID] = k
}

// ErrUnknownKind says that a program does not have the rules of a kind.
var ErrUnknownKind = errors.New("unknown kind of key")

// Lookup returns the kind with a name.
func Lookup(name string) (*Kind, error) {
	for _, k := range kinds {
		if k != nil && k.Name == name {
			return k, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownKind, name)
}

// ByID returns the kind with an ID, nil when there is none.
func ByID(id byte) *Kind {
	if int(id) >= len(kinds) {
		return nil
	}
	return kinds[id]
}

// A Spec names a kind and holds the options of its rules. It is what travels to the workers of a job.
type Spec struct {
	Name    string
	Options []byte // as the kind's New reads them
}

// NewSpec returns the spec of a kind with its options, of texts and numbers alone, as JSON.
func NewSpec(name string, options any) Spec {
	b, err := json.Marshal(options)
	if err != nil { // texts and numbers always marshal
		panic(err)
	}
	return Spec{Name: name, Options: b}
}

// Kind returns the kind.
func (s Spec) Kind() (*Kind, error) { return Lookup(s.Name) }

// Logics returns n instances of the rules, one for each goroutine.
func (s Spec) Logics(n int, env Env) (*Kind, []Logic, error) {
	k, err := s.Kind()
	if err != nil {
		return nil, nil, err
	}
	logics := make([]Logic, n)
	for i := range logics {
		if logics[i], err = k.New(s.Options, env); err != nil {
			return nil, nil, fmt.Errorf("options of %s: %w", k.Name, err)
		}
	}
	return k, logics, nil
}
