package uri_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/uri"
)

type settings struct {
	Text, Code, Mode, Endpoint, Folder string
	Writers                            int
	Retry                              time.Duration
}

func (s *settings) options() uri.Options {
	return uri.Options{
		uri.String("text", &s.Text),
		uri.Match("code", "EU", &s.Code, `^[A-Z]+$`),
		uri.Choice("mode", &s.Mode, "auto", "load"),
		uri.URL("endpoint", "http://127.0.0.1:9050", &s.Endpoint),
		uri.Int("writers", &s.Writers, 1, 64),
		uri.Duration("retry", "10m", &s.Retry, 0, 24*time.Hour),
		uri.Func("folder", "/data", func(v string) bool { s.Folder = v; return strings.HasPrefix(v, "/") }),
	}
}

func TestOptionsOfEveryTypeAreSet(t *testing.T) {
	var got settings
	place, err := got.options().Parse("calls.duckdb?text=a+b%26c%25=d&code=EU&mode=load&endpoint=http://h:1/&writers=64&retry=1m30s&folder=/x", "duckdb:FILE")
	if err != nil || place != "calls.duckdb" {
		t.Fatalf("place %q, %v", place, err)
	}
	want := settings{
		Text: "a+b&c%=d", Code: "EU", Mode: "load", Endpoint: "http://h:1", Writers: 64, Retry: 90 * time.Second, Folder: "/x",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestOptionsThatAreNotGivenKeepTheirDefaults(t *testing.T) {
	got := settings{Mode: "auto", Writers: 4}
	if place, err := got.options().Parse("f", "duckdb:FILE"); err != nil || place != "f" {
		t.Fatalf("place %q, %v", place, err)
	}
	if diff := cmp.Diff(settings{Mode: "auto", Writers: 4}, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestAWrongOptionIsRefusedWithWhatToWrite(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", `"" names nothing: write duckdb:FILE`},
		{"?mode=load", `names nothing: write duckdb:FILE`},
		{"f?colour=red", `unknown option "colour": there are text, code, mode, endpoint`},
		{"f?mode", "option mode: want mode=VALUE"},
		{"f?mode=", "option mode: is empty; give it a value"},
		{"f?mode=auto&mode=load", "option mode: is given twice"},
		{"f?mode=%zz", `option mode: invalid URL escape "%zz" in the options "mode=%zz": write a percent sign as %25`},
		{"f?%zz", `unknown option "%zz"`},
		{"f?mode=auto&", `unknown option ""`},
		{"f?code=eu", "option code=eu: write such as code=EU"},
		{"f?mode=fast", "option mode=fast: write such as mode=load (one of auto, load)"},
		{"f?endpoint=localhost:1", "want a URL: write such as endpoint=http://127.0.0.1:9050"},
		{"f?endpoint=http://:1", "want a URL"},
		{"f?endpoint=ftp://h", "want a URL"},
		{"f?endpoint=http://user:secret@h", "want a URL"},
		{"f?writers=0", "option writers=0: write a number from 1 to 64"},
		{"f?writers=65", "write a number from 1 to 64"},
		{"f?writers=two", "write a number from 1 to 64"},
		{"f?retry=soon", "option retry=soon: is no duration: write such as retry=10m"},
		{"f?retry=-1s", "want 0s to 24h0m0s: write such as retry=10m"},
		{"f?retry=48h", "write such as retry=10m"},
		{"f?folder=x", "write such as folder=/data"},
	}
	for _, test := range tests {
		_, err := new(settings).options().Parse(test.text, "duckdb:FILE")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.text, err, test.want)
		}
	}
	if _, err := (uri.Options{}).Parse("d?x=1", "jsonl:DIR"); err == nil || !strings.Contains(err.Error(), `unknown option "x": there are none`) {
		t.Error(err)
	}
}

func TestTimesAreReadAsRFC3339WritesThem(t *testing.T) {
	got, err := uri.ParseTime("2026-01-31T08:00:00+01:00")
	if want := time.Date(2026, 1, 31, 7, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"noon", "1960-01-01T00:00:00Z"} {
		if _, err := uri.ParseTime(text); err == nil || !strings.Contains(err.Error(), "want a time like 2026-01-31T08:00:00Z") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAPatternKeepsItsQuestionMarks(t *testing.T) {
	tests := []struct {
		text, want string
		retry      time.Duration
	}{
		{"events-?.ndjson", "events-?.ndjson", 0},
		{"events-?.ndjson?retry=6h", "events-?.ndjson", 6 * time.Hour},
		{"a?=b?c=d", "a?=b?c=d", 0},
		{"?retry?retry=1s", "?retry", time.Second},
	}
	for _, test := range tests {
		var s settings
		got, err := s.options().ParsePattern(test.text, "file:PATTERN")
		if err != nil || got != test.want || s.Retry != test.retry {
			t.Errorf("%s: %q, %v, %v", test.text, got, s.Retry, err)
		}
	}
	for _, text := range []string{"", "?retry=1s"} {
		if _, err := new(settings).options().ParsePattern(text, "file:PATTERN"); err == nil || !strings.Contains(err.Error(), "write file:PATTERN") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOnlySomeOptionsMayBeAllowed(t *testing.T) {
	var s settings
	o := s.options().Only("text", "mode")
	if _, err := o.Parse("f?text=a&mode=load", "x:Y"); err != nil || s.Text != "a" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := o.Parse("f?fast=true", "x:Y"); err == nil || !strings.HasSuffix(err.Error(), "there are text, mode") {
		t.Error(err)
	}
}

func TestASchemeIsFoundOrRefusedWithTheOthers(t *testing.T) {
	r := uri.Registry[int]{Plural: "sinks", ErrURI: errors.New("not a sink URI"), ErrUnknown: errors.New("unknown sink")}
	r.Register("jsonl", 2)
	r.Register("duckdb", 1)
	if got, rest, err := r.Find("jsonl:a:b?c=d"); got != 2 || rest != "a:b?c=d" || err != nil {
		t.Errorf("%d, %q, %v", got, rest, err)
	}
	for text, want := range map[string]error{"": r.ErrURI, "jsonl": r.ErrURI, "jsonl:": r.ErrURI, "mysql:x": r.ErrUnknown} {
		if _, _, err := r.Find(text); !errors.Is(err, want) || !strings.Contains(err.Error(), "duckdb, jsonl") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFormsAreListedWhereTheyAreKnown(t *testing.T) {
	r := uri.Registry[string]{
		Plural: "sources", ErrURI: errors.New("not a source URI"), ErrUnknown: errors.New("unknown source"), Form: func(s string) string { return s },
	}
	r.Register("file", "file:PATTERN")
	r.Register("kinesis", "kinesis:STREAM")
	if got, rest, err := r.Find("file:"); got != "file:PATTERN" || rest != "" || err != nil {
		t.Errorf("%q, %q, %v", got, rest, err)
	}
	for text, want := range map[string]error{"": r.ErrURI, "file": r.ErrURI, ":": r.ErrURI, "ftp:x": r.ErrUnknown} {
		if _, _, err := r.Find(text); !errors.Is(err, want) || !strings.HasSuffix(err.Error(), "write file:PATTERN or kinesis:STREAM") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	f.Add("a?mode=load&writers=1")
	f.Fuzz(func(t *testing.T, text string) {
		var s settings
		if place, err := s.options().Parse(text, "x:Y"); err == nil && place == "" {
			t.Error("no place and no error")
		}
		if place, err := s.options().ParsePattern(text, "x:Y"); err == nil && place == "" {
			t.Error("no pattern and no error")
		}
	})
}
