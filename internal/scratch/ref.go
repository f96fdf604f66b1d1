package scratch

import "cmp"

// A Ref stands for a value of the store that gave it. It may be compared with ==. The zero Ref stands for none.
type Ref struct {
	Segment uint32 // number of the file, from 1 on
	Index   uint32 // of the value in the segment
	Length  uint32 // in bytes
}

// Len returns the length of the value in bytes.
func (r Ref) Len() int { return int(r.Length) }

// Compare orders values as they lie on disk, which is the order in which they were put. Many values are read quickest in this order.
func Compare(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Index, b.Index))
}
