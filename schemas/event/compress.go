package event

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Compress returns a block with the same events in fewer bytes: worth it where blocks cross a
// process boundary, or a runner that copies every element several times.
func Compress(b Block) Block {
	z := encoders.Get().(*zstd.Encoder)
	defer encoders.Put(z)
	frame := z.EncodeAll(b, nil)
	// A block of no length does not occur otherwise: it marks a compressed one.
	out := make(Block, 0, len(frame)+binary.MaxVarintLen64+1)
	out = append(out, 0)
	out = binary.AppendUvarint(out, uint64(len(frame)))
	return append(out, frame...)
}

func decompress(frame string) (Block, error) {
	z := decoders.Get().(*zstd.Decoder)
	defer decoders.Put(z)
	b, err := z.DecodeAll([]byte(frame), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return b, nil
}

var encoders = sync.Pool{New: func() any {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil { // options of ours
		panic(err)
	}
	return z
}}

var decoders = sync.Pool{New: func() any {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil { // options of ours
		panic(err)
	}
	return z
}}
