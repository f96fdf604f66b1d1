// Package install puts what tests need of others, servers and files, into the folder .cache of the
// project: once, at pinned versions.
package install

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Folder makes a folder of the project's cache once, even if several processes want it, and
// returns it. fill makes its content; it is done if that succeeds.
func Folder(t testing.TB, name string, fill func(folder string) error) string {
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

// Go makes a folder of the project's cache with the program that is in a folder of the project, a
// module of its own, and returns the program's path. It is made anew when a file of the folder changes.
func Go(t testing.TB, folder string) string {
	t.Helper()
	root, err := projectRoot()
	if err != nil {
		t.Fatal(err)
	}
	folder = filepath.Join(root, filepath.FromSlash(folder))
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", f.Name(), len(b), b)
	}
	name := filepath.Base(folder)
	return filepath.Join(Folder(t, fmt.Sprintf("%s-%.8x", name, sum.Sum(nil)), func(to string) error {
		build := exec.Command(Tool(t, "go", "it is what this project is written in"), "build", "-o", filepath.Join(to, name), ".")
		build.Dir = folder
		return Output(build)
	}), name)
}

// projectRoot is the folder of the project's go.mod.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if b, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(b, []byte("module flexbeam\n")) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod above the working directory: run the tests within the project")
		}
		dir = up
	}
}

// Tool finds a program, or says what is missing.
func Tool(t testing.TB, name, hint string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: %s", name, hint)
	}
	return path
}

// Output runs a command of an installation; its output is part of the error.
func Output(cmd *exec.Cmd) error {
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, b)
	}
	return nil
}

// NPM makes a folder of the project's cache with the packages that a package-lock.json pins, and
// returns it. files holds that and the package.json by their names. hint says what to do where there
// is no npm.
func NPM(t testing.TB, name, hint string, files map[string][]byte) string {
	t.Helper()
	npm := Tool(t, "npm", hint)
	return Folder(t, name, func(folder string) error {
		for name, b := range files {
			if err := os.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
				return err
			}
		}
		ci := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		ci.Dir = folder
		return Output(ci)
	})
}
