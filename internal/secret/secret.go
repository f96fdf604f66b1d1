// Package secret holds texts that nobody may see, and reads them from where references say they are.
//
// A reference names a secret without holding it, so it may stand in configurations, command lines, the
// graph of a job and errors:
//
//	env:NAME                                        an environment variable
//	file:PATH                                       a file
//	awssecretsmanager://NAME?region=eu-west-1       the current version of a secret in AWS Secrets Manager
//	gcpsecretmanager://projects/P/secrets/NAME      the newest version of a secret in Google Secret Manager
//
// White space at both ends of a secret is cut. Behind the last two, #MEMBER names a text of the JSON
// object that a secret may be. Both take endpoint=URL in place of the service; credentials are those
// that the clients of AWS and Google find by themselves.
package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// A Secret is a text that is shown to nobody: printed, logged or encoded it reads "(hidden)". The
// zero Secret is empty.
type Secret struct {
	// A function is not printed with what it returns, also where a Secret is in a field that fmt
	// cannot call methods of.
	reveal func() string
}

// Hidden is what is shown in the place of a secret.
const Hidden = "(hidden)"

// New returns a Secret that holds text.
func New(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return text }}
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
	return Hidden
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
