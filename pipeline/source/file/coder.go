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
	beam.RegisterCoder(reflect.TypeFor[Position](), encodePosition, decodePosition)
}

func encodeChunk(c Chunk) []byte {
	w := wire.New(encoding, len(c.Path)+64)
	w.Text(c.Path)
	w.Number(c.File.Size, int64(c.Format))
	w.Flag(c.Spread)
	w.Number(c.Part, c.Start, c.End, c.Size)
	return w
}

func decodeChunk(b []byte) (c Chunk, err error) {
	r := wire.Read("a chunk of a file", encoding, b)
	c.Path, c.File.Size, c.Format, c.Spread = r.Text(), r.Number(), Format(r.Number()), r.Flag()
	c.Part, c.Start, c.End, c.Size = r.Number(), r.Number(), r.Number(), r.Number()
	return c, r.End()
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
