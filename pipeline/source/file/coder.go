package file

import (
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/wire"
)

// encoding is the form of encoded chunks and positions.
const encoding = 1

func init() {
	beam.RegisterCoder(reflect.TypeFor[Chunk](), encodeChunk, decodeChunk)
	beam.RegisterCoder(reflect.TypeFor[Group](), encodeGroup, decodeGroup)
	beam.RegisterCoder(reflect.TypeFor[Position](), encodePosition, decodePosition)
}

// ofObject is the form of a chunk of an object, which has a version too.
const ofObject = 2

func encodeChunk(c Chunk) []byte {
	form := byte(encoding)
	if c.Version != "" {
		form = ofObject
	}
	w := wire.New(form, len(c.Path)+len(c.Version)+64)
	w.Text(c.Path)
	w.Number(c.File.Size, int64(c.Format))
	w.Flag(c.Spread)
	w.Number(c.Part, c.Start, c.End, c.Size)
	if c.Version != "" {
		w.Text(c.Version)
	}
	return w
}

func decodeChunk(b []byte) (c Chunk, err error) {
	form := byte(encoding)
	if len(b) > 0 && b[0] == ofObject {
		form = ofObject
	}
	r := wire.Read("a chunk of a file", form, b)
	c.Path, c.File.Size, c.Format, c.Spread = r.Text(), r.Number(), Format(r.Number()), r.Flag()
	c.Part, c.Start, c.End, c.Size = r.Number(), r.Number(), r.Number(), r.Number()
	if form == ofObject {
		c.Version = r.Text()
	}
	return c, r.End()
}

func encodeGroup(g Group) []byte {
	w := wire.New(encoding, 128*len(g.Chunks))
	w.Number(int64(len(g.Chunks)))
	for _, c := range g.Chunks {
		w.Bytes(encodeChunk(c))
	}
	return w
}

func decodeGroup(b []byte) (g Group, err error) {
	r := wire.Read("a group of chunks of objects", encoding, b)
	g.Chunks = make([]Chunk, r.Count())
	for i := range g.Chunks {
		if g.Chunks[i], err = decodeChunk(r.Bytes()); err != nil {
			return g, err
		}
	}
	return g, r.End()
}

func encodePosition(p Position) []byte {
	w := wire.New(encoding, 32)
	w.Number(p.Offset, p.Line, p.End)
	return w
}

func decodePosition(b []byte) (p Position, err error) {
	r := wire.Read("a position in a file", encoding, b)
	p.Offset, p.Line, p.End = r.Number(), r.Number(), r.Number()
	return p, r.End()
}
