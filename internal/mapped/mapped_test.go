package mapped

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func file(t *testing.T, size int) (*os.File, []byte) {
	t.Helper()
	text := make([]byte, size)
	for i := range text {
		text[i] = byte(i * 7)
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, text
}

func TestMapGivesTheBytesOfThePart(t *testing.T) {
	f, text := file(t, 100_000)
	for _, c := range []struct{ offset, length int }{{0, 1}, {0, 100_000}, {4095, 2}, {4096, 4096}, {12_345, 54_321}, {99_999, 1}} {
		data, release, err := Map(f, int64(c.offset), c.length)
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		if !bytes.Equal(data, text[c.offset:c.offset+c.length]) {
			t.Errorf("%v: other bytes", c)
		}
		release()
	}
}

func TestGuardTurnsTruncationIntoAnError(t *testing.T) {
	f, _ := file(t, 1<<20)
	data, release, err := Map(f, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	n := 0
	err = Guard(func() error {
		n = bytes.Count(data, []byte{1})
		return nil
	})
	if _, copied := any(data).([]byte); err == nil && n == 0 && copied {
		t.Error("the fault was not seen")
	}
	if err != nil && !errors.Is(err, ErrChanged) {
		t.Errorf("got %v", err)
	}
}

func TestGuardPassesErrorsAndPanics(t *testing.T) {
	want := errors.New("mine")
	if err := Guard(func() error { return want }); err != want {
		t.Errorf("got %v", err)
	}
	defer func() {
		if r := recover(); r != "mine" {
			t.Errorf("got %v", r)
		}
	}()
	_ = Guard(func() error { panic("mine") })
}
