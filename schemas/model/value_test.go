package model_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/model"
)

func TestValuesAreWrittenAsTextAndJSON(t *testing.T) {
	tests := []struct {
		name       string
		value      model.Value
		text, json string
	}{
		{"null", model.Value{}, "", `null`},
		{"an empty text is null", model.Text(""), "", `null`},
		{"text", model.Text("a\"b\\\n<é>"), "a\"b\\\n<é>", ""},
		{"plain text", model.Text("plain"), "plain", `"plain"`},
		{"a time", model.Millis(int64(1772438400123)), "2026-03-02T08:00:00.123Z", `"2026-03-02T08:00:00.123Z"`},
		{"a time before 1970", model.Millis(int64(-1)), "1969-12-31T23:59:59.999Z", `"1969-12-31T23:59:59.999Z"`},
		{"seconds", model.Seconds(int64(60500)), "60.5", `60.5`},
		{"a large number", model.Number(1e21), "1000000000000000000000", `1000000000000000000000`},
		{"a number that JSON has not", model.Number(math.Inf(1)), "+Inf", `null`},
		{"an integer", model.Integer(math.MinInt64), "-9223372036854775808", `-9223372036854775808`},
		{"true", model.Boolean(true), "true", `true`},
		{"false", model.Boolean(false), "false", `false`},
		{"bytes", model.Blob([]byte{0xff, 0}), "/wA=", `"/wA="`},
		{"no bytes", model.Blob(nil), "", `null`},
		{"empty bytes are not null", model.Blob([]byte{}), "", `""`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.value.String(); got != test.text {
				t.Errorf("text %q, want %q", got, test.text)
			}
			got := string(test.value.AppendJSON([]byte("before")))
			if test.json != "" && got != "before"+test.json {
				t.Errorf("JSON %s, want %s", got, test.json)
			}
			if !json.Valid([]byte(strings.TrimPrefix(got, "before"))) {
				t.Errorf("invalid JSON %s", got)
			}
			if test.value.IsNull() != (test.json == "null" && test.text == "") {
				t.Errorf("null: %v", test.value.IsNull())
			}
		})
	}
}

func TestAnyTextIsJSONThatReadsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		want := strings.ToValidUTF8(s, "\ufffd")
		var got *string
		if err := json.Unmarshal(model.Text(s).AppendJSON(nil), &got); err != nil {
			t.Fatal(err)
		}
		if got == nil && s != "" || got != nil && *got != want {
			t.Fatalf("%q reads %v", s, got)
		}
	})
}

func TestATimeIsInUTC(t *testing.T) {
	if got := model.Millis(int64(1772438400123)).Time(); got.Location() != time.UTC || got.UnixMilli() != 1772438400123 {
		t.Errorf("got %v", got)
	}
}

// keyed draws a row with drawn cells in its key.
func keyed(t *rapid.T, table *model.Table) model.Row {
	r := table.NewRow()
	for _, i := range table.Keys() {
		r[i] = rapid.OneOf(
			rapid.Map(rapid.String(), model.Text), rapid.Map(rapid.Int64(), model.Millis),
			rapid.Map(rapid.SampledFrom([]string{"a", "ab", "b", "a\x00"}), model.Text),
		).Draw(t, table.Columns[i].Name)
	}
	return r
}

func TestKeysAreEqualForEqualKeysAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := rapid.SampledFrom(model.Tables).Draw(t, "table")
		a, b := keyed(t, table), keyed(t, table)
		x, y := table.AppendKey([]byte("before"), a), table.AppendKey([]byte("before"), b)
		if slices.Equal(a, b) != slices.Equal(x, y) {
			t.Fatalf("rows equal: %v, keys equal: %v", slices.Equal(a, b), slices.Equal(x, y))
		}
		got := table.NewRow()
		if !table.ParseKey(x[len("before"):], got) {
			t.Fatal("a key cannot be read")
		}
		if d := cmp.Diff(a, got); d != "" {
			t.Fatal(d)
		}
		if n := rapid.IntRange(0, len(x)-len("before")-1).Draw(t, "length"); table.ParseKey(x[len("before"):][:n], table.NewRow()) {
			t.Fatalf("%d bytes of %d are a key", n, len(x))
		}
		if table.ParseKey(append(x[len("before"):], 0), table.NewRow()) {
			t.Fatal("a key with a byte behind it is a key")
		}
	})
}

// FuzzParseKey: what is read as a key is written as the same bytes.
func FuzzParseKey(f *testing.F) {
	for i, t := range model.Tables {
		f.Add(byte(i), t.AppendKey(nil, t.NewRow()))
	}
	f.Add(byte(0), []byte{1, 0xff, 0xff, 0xff, 0xff, 'a'})
	f.Fuzz(func(t *testing.T, table byte, b []byte) {
		m := model.Tables[int(table)%len(model.Tables)]
		r := m.NewRow()
		if m.ParseKey(b, r) {
			if got := m.AppendKey(nil, r); string(got) != string(b) {
				t.Fatalf("%x is written as %x", b, got)
			}
		}
	})
}
