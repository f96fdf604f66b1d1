package simulate

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
)

func TestEscapedTextReadsBack(t *testing.T) {
	alphabet := []rune("abcdefgh \"\\\n\t\r\x00\x1f\x7f<>&/éŁ▸😀\u2028!#[]")
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := make([]rune, r.IntN(40))
		for i := range text {
			text[i] = alphabet[r.IntN(len(alphabet))]
		}
		want := string(text)
		for _, got := range []string{
			string(appendEscaped([]byte(`"`), want)),
			string(appendEscapedText([]byte(`"`), []byte(want))),
		} {
			var back string
			if err := json.Unmarshal([]byte(got+`"`), &back); err != nil || back != want {
				t.Fatalf("%q became %s: %v", want, got, err)
			}
		}
	}
}

func TestTimesReadBack(t *testing.T) {
	var x text
	for _, tt := range []struct {
		ms   int64
		want string
	}{
		{0, "1970-01-01T00:00:00.000Z"},
		{1772438399999, "2026-03-02T07:59:59.999Z"},
		{1772409600000, "2026-03-02T00:00:00.000Z"},
		{951782400001, "2000-02-29T00:00:00.001Z"},
	} {
		x.b = x.b[:0]
		x.stamp(tt.ms, true)
		if string(x.b) != tt.want {
			t.Errorf("%d: %s instead of %s", tt.ms, x.b, tt.want)
		}
	}
}
