package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"flexbeam/internal/config"
	"flexbeam/internal/secret"
	"flexbeam/pipeline/runtime"
	"flexbeam/transforms/keyed"
)

// keyFlags are the flags that say where the contact key is.
type keyFlags struct {
	file      string
	reference string
}

func (k *keyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&k.file, "contact-key-file", "", "`FILE` that holds the key with which contacts are hashed")
	cmd.Flags().StringVar(&k.reference, "contact-key", "", "`REFERENCE` to that key: env:NAME, file:PATH, or a secret of AWS or Google; see above")
	completeNothing(cmd, "contact-key")
}

// key returns the key with which contacts are hashed; empty: there is none. That of a flag counts,
// else that of the environment, else that of the configuration. Contacts must not become readable by
// mistake, or be hashed with another key: one that is there but empty is refused, and so are two that
// differ of a flag and the environment.
func (k keyFlags) key(ctx context.Context, f *config.File) (string, error) {
	environment, err := runtime.EnvironmentKey()
	if errors.Is(err, runtime.ErrEmptyKey) || errors.Is(err, runtime.ErrTwoKeys) {
		err = usagef("%w", err)
	}
	if err != nil {
		return "", err
	}
	flag, said, err := k.said(ctx)
	switch {
	case err != nil:
		return "", err
	case said != "" && environment != "" && said != environment:
		return "", usagef("%s and the environment (%s or %s) hold two contact keys that differ: leave one out", flag, keyed.KeyVariable, keyed.KeyFileVariable)
	case said != "":
		return said, nil
	case environment != "" || f.Model.ContactKey == "":
		return environment, nil
	}
	s, err := secret.Read(ctx, f.Model.ContactKey)
	if err != nil {
		return "", f.Fault("model.contact_key", err)
	}
	return s.Reveal(), nil
}

// said returns the key that a flag names, and the flag.
func (k keyFlags) said(ctx context.Context) (flag, key string, err error) {
	switch {
	case k.file != "" && k.reference != "":
		return "", "", usagef("--contact-key and --contact-key-file both name a contact key: leave one out")
	case k.file != "":
		key, err = keyFile(k.file)
		return "--contact-key-file", key, err
	case k.reference == "":
		return "", "", nil
	}
	s, err := secret.Read(ctx, secret.Reference(k.reference))
	if errors.Is(err, secret.ErrForm) {
		return "", "", usagef("--contact-key: %w", err)
	}
	if err != nil {
		return "", "", fmt.Errorf("--contact-key: %w", err)
	}
	return "--contact-key", s.Reveal(), nil
}

// keyFile returns the key that a file holds.
func keyFile(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--contact-key-file: cannot read %s: %w", file, cause(err))
	}
	key := strings.TrimSpace(string(b))
	if key == "" {
		return "", usagef("--contact-key-file: %s is empty: write a key into it, such as the output of openssl rand -hex 32", file)
	}
	return key, nil
}

// cause returns what is wrong with a file, without the name of the call and the file.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
