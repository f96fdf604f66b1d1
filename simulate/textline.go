package simulate

// mostJoined is how many records a line holds at most.
const mostJoined = 8

// textLine is the line under way: a record, or several one behind the other, as tools write them that
// put no delimiter between records.
type textLine struct {
	dice    dice
	text    []byte
	key     string // of the first record
	arrival int64  // of the last one
	count   int
	whole   bool // whether a record can stand behind the last one: behind a broken one it would be lost
}

// joins draws whether a record stands on the line under way.
func (l *textLine) joins(share float64) bool {
	return l.dice.chance(share) && l.count > 0 && l.count < mostJoined && l.whole
}

func (l *textLine) begin(text []byte, arrival int64, key string, whole bool) {
	l.text, l.arrival, l.key, l.count, l.whole = append(l.text[:0], text...), arrival, key, 1, whole
}

// add puts a record behind the others, half of them with a blank between.
func (l *textLine) add(text []byte, arrival int64, whole bool) {
	if l.dice.chance(0.5) {
		l.text = append(l.text, ' ')
	}
	l.text = append(l.text, text...)
	l.count++
	l.arrival, l.whole = arrival, whole
}
