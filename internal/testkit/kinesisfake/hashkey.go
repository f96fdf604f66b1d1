package kinesisfake

import (
	"crypto/md5"
	"encoding/binary"
	"math/big"
	"math/bits"
)

// A hashKey is a point of the ring of 2^128 points over which the shards of a stream are spread.
type hashKey struct{ hi, lo uint64 }

var maxHashKey = hashKey{1<<64 - 1, 1<<64 - 1}

// hashOf is where records with the partition key lie: its MD5 digest, read as a number with the
// high byte first.
func hashOf(partitionKey string) hashKey {
	d := md5.Sum([]byte(partitionKey))
	return hashKey{binary.BigEndian.Uint64(d[:8]), binary.BigEndian.Uint64(d[8:])}
}

func hashKeyOf(n *big.Int) (hashKey, bool) {
	if n.Sign() < 0 || n.BitLen() > 128 {
		return hashKey{}, false
	}
	var b [16]byte
	n.FillBytes(b[:])
	return hashKey{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}, true
}

// parseHashKey reads a decimal number without sign or leading zeros.
func parseHashKey(s string) (hashKey, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return hashKey{}, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return hashKey{}, false
		}
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return hashKey{}, false
	}
	return hashKeyOf(n)
}

func (k hashKey) big() *big.Int {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	return new(big.Int).SetBytes(b[:])
}

func (k hashKey) String() string { return k.big().String() }

func (k hashKey) less(o hashKey) bool { return k.hi < o.hi || k.hi == o.hi && k.lo < o.lo }

func (k hashKey) next() hashKey {
	lo, c := bits.Add64(k.lo, 1, 0)
	return hashKey{k.hi + c, lo}
}

func (k hashKey) previous() hashKey {
	lo, b := bits.Sub64(k.lo, 1, 0)
	return hashKey{k.hi - b, lo}
}

// middle returns the point halfway between a and b, rounded up.
func middle(a, b hashKey) hashKey {
	n := a.big()
	n.Add(n, b.big()).Add(n, big.NewInt(1)).Rsh(n, 1)
	k, _ := hashKeyOf(n)
	return k
}

// evenStarts returns where each of n equal parts of the ring begins.
func evenStarts(n int) []hashKey {
	size := new(big.Int).Lsh(big.NewInt(1), 128)
	size.Div(size, big.NewInt(int64(n)))
	starts := make([]hashKey, n)
	for i := range starts {
		starts[i], _ = hashKeyOf(new(big.Int).Mul(size, big.NewInt(int64(i))))
	}
	return starts
}
