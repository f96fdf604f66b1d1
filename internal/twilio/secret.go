package twilio

import (
	"context"
	"fmt"

	"flexbeam/internal/secret"
)

// A Secret is a text that is shown to nobody.
type Secret = secret.Secret

// hidden is shown in the place of a secret.
const hidden = secret.Hidden

// NewSecret returns a Secret that holds text.
func NewSecret(text string) Secret { return secret.New(text) }

// ReadSecret returns the secret that a reference names (secret.Read). Errors wrap ErrConfig.
func ReadSecret(reference string) (Secret, error) {
	s, err := secret.Read(context.Background(), secret.Reference(reference))
	if err != nil {
		return Secret{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return s, nil
}
