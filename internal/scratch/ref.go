package scratch

import "cmp"

// A Ref stands for a value of the store that gave it. It may be compared with ==. The zero Ref stands for none.
type Ref struct {
	segment uint32 // its number, from 1 on
	index   uint32 // of the value in the segment
	length  uint32
}

// Len returns the length of the value in bytes.
func (r Ref) Len() int { return int(r.length) }

// Compare orders values as they lie on disk, which is the order in which they were put. Many values are read quickest in this order.
func Compare(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.index, b.index))
}
