package deadletter

import (
	"context"
	"errors"
	"testing"

	"flexbeam/internal/testkit/golden"
	"flexbeam/internal/wire"
)

func TestANoteIsEncodedAsItWas(t *testing.T) {
	n := Note{Source: "file", Part: 2, Lines: 7, Letters: []Letter{{Line: 3, Value: 1, Index: -1, Class: "invalid_json", Error: "why", Payload: []byte("{")}}}
	golden.Encodings(t, golden.Encoding{Name: "note", Bytes: n.Encode()})
}

func TestANoteInAnotherFormIsAnError(t *testing.T) {
	b := Note{}.Encode()
	b[0]++
	read := false
	err := (&NumberFn{}).ProcessElement(context.Background(), "f", func(p *[]byte) bool {
		*p, read = b, !read
		return read
	}, nil)
	if !errors.Is(err, wire.ErrForm) {
		t.Errorf("got %v", err)
	}
}
