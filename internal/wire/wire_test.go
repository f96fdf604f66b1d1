package wire_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/wire"
)

func TestWhatIsWrittenIsReadAndNothingShorter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		number, text := rapid.Int64().Draw(rt, "number"), rapid.String().Draw(rt, "text")
		bytes, flag := rapid.SliceOf(rapid.Byte()).Draw(rt, "bytes"), rapid.Bool().Draw(rt, "flag")
		w := wire.New(7, 0)
		w.Number(number, math.MinInt64)
		w.Text(text, "")
		w.Bytes(bytes)
		w.Flag(flag)
		read := func(b []byte) (equal bool, err error) {
			r := wire.Read("a thing", 7, b)
			equal = r.Number() == number && r.Number() == math.MinInt64 && r.Text() == text && r.Text() == "" && string(r.Bytes()) == string(bytes) && r.Flag() == flag
			return equal, r.End()
		}
		if equal, err := read(w); err != nil || !equal {
			rt.Fatalf("%v, %v", equal, err)
		}
		if _, err := read(w[:rapid.IntRange(0, len(w)-1).Draw(rt, "cut")]); !errors.Is(err, wire.ErrCut) {
			rt.Fatalf("cut: %v", err)
		}
		if _, err := read(append(w, 0)); !errors.Is(err, wire.ErrCut) {
			rt.Fatalf("with something behind it: %v", err)
		}
	})
}

func TestAnotherFormIsAnErrorThatSaysSo(t *testing.T) {
	w := wire.New(2, 0)
	w.Number(1)
	r := wire.Read("a thing", 1, w)
	if n := r.Number(); n != 0 || r.Count() != 0 || r.Flag() || r.Text() != "" {
		t.Error("something was read")
	}
	err := r.End()
	if !errors.Is(err, wire.ErrForm) || !strings.Contains(err.Error(), "form 2") || !strings.Contains(err.Error(), "reads form 1") {
		t.Errorf("got %v", err)
	}
}
