// Package workerenv gives workers that a service starts, and whose environment nobody can set, what
// they need to find there: credentials and keys. With a job travel the names of variables, each with
// the reference of the secret that is its value. The worker reads the secrets, from a secret manager
// under its own account, and sets the variables before anything else looks at them. So a secret is in
// no option, no graph and no page of the service.
package workerenv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"flexbeam/internal/secret"
)

// Option is the option of Beam's Go SDK in which references travel.
const Option = "flexbeam_secrets"

// The errors of references.
var (
	ErrName  = errors.New("no name of an environment variable")
	ErrLocal = errors.New("a worker has neither the environment nor the files of this machine")
)

// References are environment variables, each with the reference of its value.
type References map[string]secret.Reference

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Check returns an error that says what to write instead if a reference leads nowhere from a worker.
// Errors wrap ErrName, ErrLocal or secret.ErrForm, and do not show what is no reference, since that
// may be the secret.
func (r References) Check() error {
	for _, name := range slices.Sorted(maps.Keys(r)) {
		kind, _, _ := strings.Cut(string(r[name]), ":")
		switch err := r[name].Check(); {
		case !variable.MatchString(name):
			return fmt.Errorf("%q: %w: write such as FLEXBEAM_CONTACT_KEY", name, ErrName)
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case kind == "env", kind == "file":
			return fmt.Errorf("%s: %w: write gcpsecretmanager://projects/PROJECT/secrets/NAME", name, ErrLocal)
		}
	}
	return nil
}

// Encode returns the references as the value of Option.
func (r References) Encode() string {
	b, err := json.Marshal(r) // which sorts by name
	if err != nil {           // texts always marshal
		panic(err)
	}
	return string(b)
}

// Decode reads what Encode has written; nothing of an empty text.
func Decode(text string) (References, error) {
	if text == "" {
		return nil, nil
	}
	var r References
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("option %s: %w", Option, err)
	}
	return r, r.Check()
}

// Set reads the secrets and sets the variables of this process. One that is set already is left, so
// that what starts a worker has the last word.
func (r References) Set(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if _, ok := os.LookupEnv(name); ok {
			continue
		}
		value, err := secret.Read(ctx, r[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.Setenv(name, value.Reveal()); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}
