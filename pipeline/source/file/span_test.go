package file

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"flexbeam/internal/objects"
	"flexbeam/pipeline/source"
)

func TestAPathTellsWhenItsFilesWereWritten(t *testing.T) {
	for path, want := range map[string]string{
		// Firehose.
		"flex/2026/01/31/08/flex-1-2026-01-31-08-05-03-abc.gz": "2026-01-31T08:00:00Z 1h0m0s",
		"flex/2026/01/31/":                         "2026-01-31T00:00:00Z 24h0m0s",
		"flex/2026/02/":                            "2026-02-01T00:00:00Z 672h0m0s",
		"2026/01/31/08/a.gz":                       "2026-01-31T08:00:00Z 1h0m0s",
		"flex/year=2026/month=01/day=31/hour=08/a": "2026-01-31T08:00:00Z 1h0m0s",
		"flex/Year=2026/Month=1/Day=3/a":           "2026-01-03T00:00:00Z 24h0m0s",
		// Dataflow, and others in the manner of Hive.
		"flex/date=2026-01-31/part-0": "2026-01-31T00:00:00Z 24h0m0s",
		"flex/dt=20260131/hour=7/a":   "2026-01-31T07:00:00Z 1h0m0s",
		"flex/dt=2026-01-31-07/a":     "2026-01-31T07:00:00Z 1h0m0s",
		"flex/2026-01-31T07/a":        "2026-01-31T07:00:00Z 1h0m0s",
		"flex/2026-01-31/07/15/a":     "2026-01-31T07:00:00Z 1h0m0s",
		"flex/month=2026-01/31/a":     "2026-01-31T00:00:00Z 24h0m0s",
		// Of several the first one.
		"copied/2025/12/31/flex/2026/01/31/a": "2025-12-31T00:00:00Z 24h0m0s",
		"2025-12-31/2026-01-31/":              "2025-12-31T00:00:00Z 24h0m0s",
		// No time.
		"flex/2026/a": "", "flex/2026/": "", "flex/": "", "a": "", "": "", "2026-01-31.ndjson": "", "flex/2048/13/a": "", "flex/2026/02/30/a": "",
		"flex/0031/01/31/a": "", "flex/1/2/3/a": "", "flex/shard=2026/01/a": "", "flex/20261301/a": "", "flex/+026/01/": "", "=/=/": "", "year=/month=/": "",
	} {
		got := ""
		if from, to, ok := written(path); ok {
			got = from.Format(time.RFC3339) + " " + to.Sub(from).String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestAPathOutsideOfASpanIsLeftOutWithADayOfMargin(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse("2006-01-02 15", text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	span := source.Span{From: at("2026-01-10 06"), To: at("2026-01-12 18")}
	from, to := source.Span{From: span.From}, source.Span{To: span.To}
	for _, test := range []struct {
		path   string
		within source.Span
		want   objects.Overlap
	}{
		{"2026/01/09/04/a", span, objects.None},
		{"2026/01/09/05/a", span, objects.None}, // until 06, and the margin behind it
		{"2026/01/09/06/a", span, objects.Part},
		{"2026/01/11/06/a", span, objects.All},
		{"2026/01/11/10/", span, objects.All},
		{"2026/01/13/17/a", span, objects.Part},
		{"2026/01/13/18/a", span, objects.None},
		{"2026/01/", span, objects.Part},
		{"2025/12/", span, objects.None},
		{"2026/02/", span, objects.None},
		{"2026/", span, objects.Part},
		{"a", span, objects.Part},
		{"2020/01/", from, objects.None},
		{"2020/01/", to, objects.All},
		{"2030/01/", from, objects.All},
		{"2030/01/", to, objects.None},
		{"2020/01/", source.Span{}, objects.All},
		{"a", source.Span{}, objects.All},
	} {
		if got := overlap(test.path, test.within); got != test.want {
			t.Errorf("%s within %v: %v, want %v", test.path, test.within, got, test.want)
		}
	}
}

// What is left out of a folder is left out of all folders in it, and what is of use as a whole has
// nothing in it that is not.
func TestWhatHoldsOfAFolderHoldsOfWhatIsInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hour := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 90*24).Draw(t, "hour")) * time.Hour)
		begin := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 90*24).Draw(t, "from")) * time.Hour)
		span := source.Span{From: begin, To: begin.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "length")) * time.Hour)}
		format := rapid.SampledFrom([]string{"flex/2006/01/02/15/", "year=2006/month=01/day=02/hour=15/", "x/2006-01-02/15/", "month=2006-01/02/15/", "2006-01-02/2031/01/01/"}).Draw(t, "layout")
		path := hour.Format(format)
		within := overlap(path+"a.gz", span)
		for i := range path {
			if path[i] != '/' {
				continue
			}
			switch of := overlap(path[:i+1], span); {
			case of == objects.None && within != objects.None:
				t.Fatalf("%s is left out, and %s is not", path[:i+1], path)
			case of == objects.All && within != objects.All:
				t.Fatalf("all of %s is of use, and of %s is not", path[:i+1], path)
			}
		}
		if happened := hour.Add(30 * time.Minute); !happened.Before(span.From) && happened.Before(span.To) && within == objects.None {
			t.Fatalf("%s is left out of %v", path, span)
		}
	})
}
