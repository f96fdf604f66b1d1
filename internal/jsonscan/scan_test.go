package jsonscan

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// whole tells whether b is one JSON value and nothing else.
func whole(b []byte) bool {
	end, err := Value(b, Space(b, 0), 0)
	return err == nil && Space(b, end) == len(b)
}

var texts = []string{
	``, ` `, `{}`, `[]`, `[1,2]`, `[1,]`, `[,1]`, `{"a":1}`, `{"a":1,}`, `{a:1}`, `{"a" : [ {} , null ] }`, `"`, `"\`, `"\x"`,
	`"\u12"`, `"\u12g4"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`, "\"a\nb\"", `-`, `-1`, `01`, `1.`, `1.5e`, `1.5e+`, `1.5e+7`, `-0`, `.5`, `+1`, `1e5x`,
	`tru`, `true`, `nullx`, `NaN`, `Infinity`, `{"a":NaN}`, "\"a\tb\"", `{"\u0061":"b\/c"}`, `{"a":1 "b":2}`, `[1 2]`, `{"a"}`, `"tail" x`, `[[[[]]]]`, `[}`, `{]`,
	`"12345678\"12345678"`, "\"12345678\x00\"", "\"\x7f\xc3\xa9\"",
}

func TestAcceptsWhatEncodingJSONAccepts(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, s := range append(texts, deep(MaxDepth), deep(MaxDepth+1), strings.Repeat(`{"a":`, MaxDepth+1)) {
		if got, want := whole([]byte(s)), json.Valid([]byte(s)); got != want {
			t.Errorf("%.60q: accepted %v, encoding/json %v", s, got, want)
		}
	}
}

func TestUnquotesAsEncodingJSON(t *testing.T) {
	for _, s := range texts {
		var want string
		if !utf8.ValidString(s) || json.Unmarshal([]byte(s), &want) != nil || !strings.HasPrefix(s, `"`) {
			continue
		}
		if got := string(AppendUnquoted(nil, []byte(s))); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestBetweenValuesLieWhiteSpaceAndByteOrderMarks(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "{": 0, " \t\r\n\v\f{": 6, "\u00a0\u0085\u2028\u3000{": 10, "\ufeff{": 3, " \ufeff \ufeff": 8, "\u200b{": 0, "\xff{": 0, "\xef\xbb": 0, "\x1c{": 0,
	} {
		if got := Between([]byte(text), 0); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !utf8.Valid(b) {
			return // the decoder refuses it before it scans
		}
		if got, want := whole(b), json.Valid(b); got != want {
			t.Fatalf("%q: accepted %v, encoding/json %v", b, got, want)
		}
		var want any
		if json.Unmarshal(b, &want) != nil {
			return
		}
		if s, ok := want.(string); ok {
			if got := string(AppendUnquoted(nil, b[Space(b, 0):len(strings.TrimRight(string(b), " \t\r\n"))])); got != s {
				t.Fatalf("%q: unquoted %q, want %q", b, got, s)
			}
		}
		o, ok := want.(map[string]any)
		if !ok {
			return
		}
		last := map[string]string{} // the last of equal names counts
		w := OpenObject(b, Space(b, 0), 0)
		for w.Next() {
			key := string(w.Key)
			last[key] = string(w.Take())
		}
		if _, err := w.End(); err != nil || len(last) != len(o) {
			t.Fatalf("%q: %d members, error %v; want %d", b, len(last), err, len(o))
		}
		for k, v := range last {
			var a any
			if err := json.Unmarshal([]byte(v), &a); err != nil {
				t.Fatalf("%q: member %q: %v", b, k, err)
			}
		}
	})
}

func BenchmarkValue(b *testing.B) {
	text := []byte(`{"id":"EZ00000000000000000000000000000001","data":{"payload":{` + strings.Repeat(`"task_queue_sid":"WQ00000000000000000000000000000001","task_age":900,`, 20) + `"z":null}}}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Value(text, 0, 0); err != nil {
			b.Fatal(err)
		}
	}
}
