package twilio

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// A Secret is a text that is shown to nobody: printed, logged or encoded it reads "(hidden)". The
// zero Secret is empty.
type Secret struct {
	// A function is not printed with what it returns, also where a Secret is in a field that fmt
	// cannot call methods of.
	reveal func() string
}

const hidden = "(hidden)"

// NewSecret returns a Secret that holds text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return text }}
}

// ReadSecret returns the secret that a reference names: env:NAME is an environment variable,
// file:PATH is a file, of which white space at both ends is cut.
func ReadSecret(reference string) (Secret, error) {
	kind, place, _ := strings.Cut(reference, ":")
	var text string
	switch {
	case kind == "env" && place != "":
		if text = strings.TrimSpace(os.Getenv(place)); text == "" {
			return Secret{}, fmt.Errorf("%w: the environment variable %s is not set", ErrConfig, place)
		}
	case kind == "file" && place != "":
		b, err := os.ReadFile(place)
		if err != nil {
			return Secret{}, fmt.Errorf("%w: read the secret: %w", ErrConfig, err)
		}
		if text = strings.TrimSpace(string(b)); text == "" {
			return Secret{}, fmt.Errorf("%w: the file %s with the secret is empty", ErrConfig, place)
		}
	default: // it may be the secret itself: do not show it
		return Secret{}, fmt.Errorf("%w: a secret is named by a reference: write env:NAME or file:PATH", ErrConfig)
	}
	return NewSecret(text), nil
}

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Format implements fmt.Formatter.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s.reveal == nil {
		return ""
	}
	return hidden
}

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
