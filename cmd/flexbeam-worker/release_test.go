package main

import (
	"bytes"
	"crypto/sha256"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// copyOf copies what a build reads to another folder.
func copyOf(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch top := strings.Split(name, string(filepath.Separator))[0]; {
		case d.IsDir() && (name != "." && strings.HasPrefix(d.Name(), ".") || top == "bin" || top == "out" || top == "tools"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), b, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// The bytes of a release follow from the source and from Go's version, and not from where it is built.
func TestReleasesOfTwoFoldersAreTheSameBytes(t *testing.T) {
	folder := copyOf(t, filepath.Join("..", ".."))
	if out, err := exec.Command("make", "-C", folder, "release").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	here, err := os.ReadFile(worker(t))
	if err != nil {
		t.Fatal(err)
	}
	there, err := os.ReadFile(filepath.Join(folder, "bin", "flexbeam-worker"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(here, there) {
		t.Errorf("%d bytes of SHA-256 %x here, %d of %x in another folder", len(here), sha256.Sum256(here), len(there), sha256.Sum256(there))
	}
	if bytes.Contains(there, []byte(folder)) {
		t.Error("the program names the folder in which it was built")
	}
}
