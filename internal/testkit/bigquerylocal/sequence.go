package bigquerylocal

import (
	"fmt"
	"strconv"
	"strings"
)

// The pseudocolumns of change data capture
// (https://cloud.google.com/bigquery/docs/change-data-capture).
const (
	changeTypeField     = "_CHANGE_TYPE"
	changeSequenceField = "_CHANGE_SEQUENCE_NUMBER"
)

// A sequence is a change sequence number: one to four sections of 1 to 16 hexadecimal digits
// between slashes, compared as numbers from left to right
// (https://cloud.google.com/bigquery/docs/change-data-capture#manage_custom_ordering). Missing
// sections are zero.
type sequence [4]uint64

// parseSequence reads sections of 1 to 16 hexadecimal digits, of either case, between slashes.
func parseSequence(s string) (q sequence, err error) {
	sections := strings.Split(s, "/")
	if len(sections) > len(q) {
		return q, fmt.Errorf("%s %q has %d sections: at most %d are allowed", changeSequenceField, s, len(sections), len(q))
	}
	for i, section := range sections {
		if len(section) == 0 || len(section) > 16 {
			return q, fmt.Errorf("%s %q: a section has 1 to 16 hexadecimal digits", changeSequenceField, s)
		}
		if q[i], err = strconv.ParseUint(section, 16, 64); err != nil {
			return q, fmt.Errorf("%s %q: section %q is not hexadecimal", changeSequenceField, s, section)
		}
	}
	return q, nil
}

// less tells whether q comes before o.
func (q sequence) less(o sequence) bool {
	for i := range q {
		if q[i] != o[i] {
			return q[i] < o[i]
		}
	}
	return false
}
