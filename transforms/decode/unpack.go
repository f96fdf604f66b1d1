package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// MaxUnpacked is how large a packed record of a stream may be once it is unpacked, in bytes.
const MaxUnpacked = 64 << 20

// maxWindow bounds what zstd may ask for to unpack anything, in bytes; programs that pack refuse more
// by themselves.
const maxWindow = 128 << 20

var errTooLarge = errors.New("it holds more than 64 MiB")

// An unpacker unpacks records. It serves one goroutine.
type unpacker struct {
	gzip gzip.Reader
	zstd *zstd.Decoder // nil until it is needed
}

// packing returns how a record is packed, as its first bytes tell; nil if it is not.
func packing(b []byte) func(*unpacker, io.Reader) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		return (*unpacker).openGzip
	case bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return (*unpacker).openZstd
	}
	return nil
}

func (u *unpacker) openGzip(r io.Reader) (io.Reader, error) { return &u.gzip, u.gzip.Reset(r) }

func (u *unpacker) openZstd(r io.Reader) (_ io.Reader, err error) {
	if u.zstd == nil {
		u.zstd, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		return u.zstd, err
	}
	return u.zstd, u.zstd.Reset(r)
}

// unpack returns a record unpacked, in memory of its own, or as it is if it is not packed.
func (u *unpacker) unpack(record []byte) ([]byte, error) {
	open := packing(record)
	if open == nil {
		return record, nil
	}
	r, err := open(u, bytes.NewReader(record))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(r, MaxUnpacked+1))
	if err == nil && n > MaxUnpacked {
		err = errTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("after %d bytes: %w", min(n, MaxUnpacked), err)
	}
	return out.Bytes(), nil
}
