package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"flexbeam/pipeline/runtime"
)

// contactKey returns the key with which contacts are hashed, from a file or the environment; empty:
// there is none. A key that is there but empty is refused: contacts must not become readable by
// mistake.
func contactKey(file string) (string, error) {
	if file == "" {
		key, err := runtime.EnvironmentKey()
		if errors.Is(err, runtime.ErrEmptyKey) || errors.Is(err, runtime.ErrTwoKeys) {
			return "", usagef("%w", err)
		}
		return key, err
	}
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
