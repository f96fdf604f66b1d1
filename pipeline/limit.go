package pipeline

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrDeadLetters is behind the error of a job that had more dead letters than it may. All that it
// read is written.
var ErrDeadLetters = errors.New("too many dead letters")

// A Limit is how many dead letters a job may have.
type Limit struct {
	text    string
	most    int64
	percent float64 // of the records; negative: most counts
}

// ParseLimit parses a number of dead letters, such as 100, or a share of the records, such as 0.5%.
func ParseLimit(text string) (*Limit, error) {
	l := &Limit{text: strings.TrimSpace(text), percent: -1}
	var err error
	if share, is := strings.CutSuffix(l.text, "%"); is {
		l.percent, err = strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err != nil || !(l.percent >= 0 && l.percent <= 100) {
			return nil, fmt.Errorf("%q is no share: write a number from 0 to 100 in front of the %%, such as 0.5%%", text)
		}
		return l, nil
	}
	if l.most, err = strconv.ParseInt(l.text, 10, 64); err != nil || l.most < 0 {
		return nil, fmt.Errorf("%q is no number of dead letters: write such as 0, 100 or 0.5%%", text)
	}
	return l, nil
}

// check returns an error if a job had more dead letters than the limit, which may be nil.
func (l *Limit) check(s Summary) error {
	if l == nil {
		return nil
	}
	most := float64(l.most)
	if l.percent >= 0 {
		// What stands for more than a record, such as the rest of an archive, counts as one.
		most = l.percent / 100 * float64(max(s.Records, s.DeadLetters))
	}
	if float64(s.DeadLetters) <= most {
		return nil
	}
	return fmt.Errorf("%w: %d beside %d records that were read, and --max-dead-letters allows %s; what could be used is in the tables; %d are of class %s, such as %s: %s",
		ErrDeadLetters, s.DeadLetters, s.Records, l.text, s.WorstCount, s.WorstClass, s.WorstExample.Position, s.WorstExample.Error)
}
