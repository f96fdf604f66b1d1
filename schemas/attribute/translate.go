package attribute

// Translate returns what turns snapshots of one tree into those of another. Values at paths that
// the other tree does not have are left out.
func Translate(from, to *Tree) func(Snapshot) Snapshot {
	return func(s Snapshot) Snapshot {
		values := make([]value, len(to.nodes))
		var stars []starred
		for r := (reader{string(s)}); len(r.s) > 0; {
			id := ID(r.byte())
			if id > 0 && int(id) <= len(from.nodes) && from.nodes[id-1].each {
				stars = append(stars, starred{[]byte(r.text()), r.entry().value(), r.entry().value()})
				continue
			}
			v := r.cell().value()
			if at, ok := to.ids[from.nodes[id].path]; ok {
				values[at] = v
			}
		}
		return Snapshot(to.append(nil, values, stars))
	}
}

func (c cell) value() value { return value{c.kind, []byte(c.text)} }
