package storagewrite

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawMutation(rt *rapid.T) Mutation {
	m := Mutation{Row: rapid.SliceOf(rapid.Byte()).Draw(rt, "row"), Delete: rapid.Bool().Draw(rt, "delete")}
	for range rapid.IntRange(0, maxSections).Draw(rt, "sections") {
		m.Sequence = append(m.Sequence, rapid.Uint64().Draw(rt, "section"))
	}
	return m
}

func TestMutationsSurviveARunner(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := drawMutation(rt)
		back, err := decodeMutation(encodeMutation(m))
		if d := cmp.Diff(m, back); err != nil || d != "" {
			rt.Fatal(err, d)
		}
		b, err := encodeRefused(Refused{m, "why"})
		if err != nil {
			rt.Fatal(err)
		}
		r, err := decodeRefused(b)
		if d := cmp.Diff(Refused{m, "why"}, r); err != nil || d != "" {
			rt.Fatal(err, d)
		}
	})
	for _, cut := range [][]byte{nil, {form}, {form, 0, 1}, {9, 0, 0}} {
		if _, err := decodeMutation(cut); err == nil {
			t.Errorf("%v is decoded", cut)
		}
	}
}

func TestSequenceNumbersAreReadBackAndHaveTheirOrder(t *testing.T) {
	for _, tt := range []struct {
		sections []uint64
		text     string
	}{{[]uint64{0}, "0000000000000000"}, {[]uint64{1<<64 - 1, 0xA1}, "FFFFFFFFFFFFFFFF/00000000000000A1"}} {
		got := appendSequence(nil, tt.sections)
		if string(got) != tt.text || len(got) != sequenceSize(len(tt.sections)) || !cmp.Equal(parseSequence(got), tt.sections) {
			t.Errorf("%x: %s", tt.sections, got)
		}
	}
}
