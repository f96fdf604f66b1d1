package file

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/golden"
	"flexbeam/internal/wire"
)

func TestChunksAndPositionsAreReadAsTheyWere(t *testing.T) {
	c := Chunk{File: File{Path: "events/a.ndjson.gz", Size: 1 << 40, Format: Gzip, Spread: true}, Part: 3, Start: 1 << 20, End: 1 << 30, Size: ChunkSize}
	o := Chunk{File: File{Path: "s3://b/a.ndjson", Size: 1 << 30, Version: `"e-tag"`}, Part: 1, Start: 1 << 20, End: 1 << 21, Size: ChunkSize}
	g := Group{[]Chunk{c, o}}
	p := Position{Offset: 1 << 20, Line: 300, End: 1 << 40}
	golden.Encodings(t, golden.Encoding{Name: "chunk", Bytes: encodeChunk(c)}, golden.Encoding{Name: "position", Bytes: encodePosition(p)},
		golden.Encoding{Name: "chunk of an object", Bytes: encodeChunk(o)}, golden.Encoding{Name: "group", Bytes: encodeGroup(g)})
	if got, err := decodeChunk(encodeChunk(o)); err != nil || got != o {
		t.Errorf("%v:\n%s", err, cmp.Diff(o, got))
	}
	if got, err := decodeGroup(encodeGroup(g)); err != nil || !cmp.Equal(got, g) {
		t.Errorf("%v:\n%s", err, cmp.Diff(g, got))
	}
	if got, err := decodeChunk(encodeChunk(c)); err != nil || got != c {
		t.Errorf("%v:\n%s", err, cmp.Diff(c, got))
	}
	if got, err := decodePosition(encodePosition(p)); err != nil || got != p {
		t.Errorf("%v:\n%s", err, cmp.Diff(p, got))
	}
	for name, refused := range map[string]func(b []byte) error{
		"chunk":    func(b []byte) error { _, err := decodeChunk(b); return err },
		"position": func(b []byte) error { _, err := decodePosition(b); return err },
		"group":    func(b []byte) error { _, err := decodeGroup(b); return err },
	} {
		if err := refused(nil); !errors.Is(err, wire.ErrCut) {
			t.Errorf("%s of nothing: %v", name, err)
		}
		if err := refused([]byte{encoding + 2}); !errors.Is(err, wire.ErrForm) {
			t.Errorf("%s of another form: %v", name, err)
		}
	}
}
