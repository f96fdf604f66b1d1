package kinesistest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// install makes a folder of the project's cache once, even if several processes want it, and
// returns it. fill makes its content; it is done if that succeeds.
func install(t testing.TB, name string, fill func(folder string) error) string {
	t.Helper()
	folder, err := installed(name, fill)
	if err != nil {
		t.Fatalf("install %s: %v", name, err)
	}
	return folder
}

func installed(name string, fill func(folder string) error) (string, error) {
	root, err := projectRoot()
	if err != nil {
		return "", err
	}
	cache := filepath.Join(root, ".cache")
	folder := filepath.Join(cache, name)
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	f, err := os.OpenFile(folder+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := lock(f); err != nil {
		return "", err
	}
	done := filepath.Join(folder, ".installed")
	if _, err := os.Stat(done); err == nil {
		return folder, nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	if err := fill(folder); err != nil {
		return "", err
	}
	return folder, os.WriteFile(done, nil, 0o644)
}

// projectRoot is the folder of go.mod.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod above the working directory: run the tests within the project")
		}
		dir = up
	}
}

// tool finds a program, or says what is missing.
func tool(t testing.TB, name, hint string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: %s", name, hint)
	}
	return path
}

// output runs a command of an installation; its output is part of the error.
func output(cmd *exec.Cmd) error {
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, b)
	}
	return nil
}
