package simulate

// sid128 is the hexadecimal part of a SID.
type sid128 struct{ hi, lo uint64 }

func (s sid128) appendHex(b []byte) []byte {
	for _, v := range [2]uint64{s.hi, s.lo} {
		for shift := 60; shift >= 0; shift -= 4 {
			b = append(b, hexDigits[v>>shift&15])
		}
	}
	return b
}

// twin is a second identity that follows from the first, such as the envelope's id from the
// event's.
func (s sid128) twin() sid128 { return sid128{mix(s.hi + 1), mix(s.lo + 2)} }

func (s sid128) text(prefix string) string {
	var b [34]byte
	return string(s.appendHex(append(b[:0], prefix...)))
}

// mix spreads the bits of v (the finalizer of splitmix64).
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
