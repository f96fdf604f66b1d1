package jsonscan

// An Object walks the members of an object. For every Next that returns true the caller must move
// on with Skip, Take or Seek before the following Next.
type Object struct {
	Key []byte // name of the current member, unquoted
	At  int    // index of the current value

	walk
}

// An Array walks the elements of an array, with the same rules as Object.
type Array struct {
	At int // index of the current element

	walk
}

type walk struct {
	b     []byte
	i     int
	depth int
	begun bool
	done  bool
	err   error
}

func open(b []byte, i, depth int) walk {
	w := walk{b: b, i: i + 1, depth: depth + 1}
	if w.depth > MaxDepth {
		w.err = syntax(i, "nested too deeply")
	}
	return w
}

// OpenObject returns a walk over the object whose brace is b[i]. depth is the number of arrays and
// objects around it.
func OpenObject(b []byte, i, depth int) Object { return Object{walk: open(b, i, depth)} }

// OpenArray returns a walk over the array whose bracket is b[i]. depth is the number of arrays and
// objects around it.
func OpenArray(b []byte, i, depth int) Array { return Array{walk: open(b, i, depth)} }

// step moves to the next element: it passes white space, the comma, or the closing byte.
func (w *walk) step(closing byte) bool {
	if w.err != nil || w.done {
		return false
	}
	b, i := w.b, w.i
	i = Space(b, i)
	if i >= len(b) {
		w.err = syntax(i, "the text ends inside an object or array")
		return false
	}
	switch {
	case b[i] == closing:
		w.i, w.done = i+1, true
		return false
	case !w.begun:
		w.begun = true
	case b[i] == ',':
		i = Space(b, i+1)
	default:
		w.err = syntax(i, "a comma is missing")
		return false
	}
	w.i = i
	return true
}

// Next moves to the next member.
func (o *Object) Next() bool {
	if !o.step('}') {
		return false
	}
	b, i := o.b, o.i
	if i >= len(b) || b[i] != '"' {
		o.err = syntax(i, "a member without a quoted name")
		return false
	}
	end, escaped, err := String(b, i)
	if err != nil {
		o.err = err
		return false
	}
	if escaped {
		o.Key = AppendUnquoted(nil, b[i:end])
	} else {
		o.Key = b[i+1 : end-1]
	}
	i = Space(b, end)
	if i >= len(b) || b[i] != ':' {
		o.err = syntax(i, "a colon is missing")
		return false
	}
	o.i = Space(b, i+1)
	o.At = o.i
	return true
}

// Next moves to the next element.
func (a *Array) Next() bool {
	if !a.step(']') {
		return false
	}
	a.At = a.i
	return true
}

// Skip moves behind the current value.
func (w *walk) Skip() { w.i, w.err = Value(w.b, w.i, w.depth) }

// Take moves behind the current value and returns its text, or nil after an error, which End
// returns.
func (w *walk) Take() []byte {
	start := w.i
	if w.i, w.err = Value(w.b, start, w.depth); w.err != nil {
		return nil
	}
	return w.b[start:w.i]
}

// Seek moves behind the current value, to the index end, when the caller has walked the value
// itself. err is what went wrong for the caller, and ends the walk.
func (w *walk) Seek(end int, err error) { w.i, w.err = end, err }

// Depth returns how many arrays and objects lie around the current value.
func (w *walk) Depth() int { return w.depth }

// End returns the index behind the object or array once Next has returned false, or the error that
// ended the walk.
func (w *walk) End() (int, error) { return w.i, w.err }
