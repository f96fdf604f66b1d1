package pipeline

import (
	"errors"
	"strings"
	"testing"

	"flexbeam/internal/telemetry"
)

func TestALimitIsANumberOrAShare(t *testing.T) {
	tests := []struct {
		limit            string
		letters, records int64
		fails            bool
	}{
		{"0", 0, 100, false}, {"0", 1, 100, true}, {"3", 3, 100, false}, {" 3 ", 4, 100, true},
		{"0%", 0, 0, false}, {"0%", 1, 1000000, true}, {"1%", 1, 100, false}, {"0.99 %", 1, 100, true}, {"50%", 1, 2, false}, {"100%", 2, 0, false}, {"99%", 1, 0, true},
	}
	for _, test := range tests {
		l, err := ParseLimit(test.limit)
		if err != nil {
			t.Fatal(err)
		}
		err = l.check(Summary{
			Records: test.records, DeadLetters: test.letters, WorstClass: "invalid_json", WorstCount: test.letters,
			WorstExample: telemetry.Example{Position: "day.ndjson:7", Error: "what is wrong"},
		})
		if failed := errors.Is(err, ErrDeadLetters); failed != test.fails {
			t.Errorf("%s, %d of %d: %v", test.limit, test.letters, test.records, err)
		}
		for _, part := range []string{"--max-dead-letters allows " + strings.TrimSpace(test.limit), "invalid_json, such as day.ndjson:7: what is wrong"} {
			if test.fails && !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
	}
	if err := (*Limit)(nil).check(Summary{DeadLetters: 9}); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}

func TestALimitThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{"", "-1", "1.5", "x", "%", "-1%", "101%", "NaN%", "5%%", "1e3"} {
		if l, err := ParseLimit(text); err == nil || !strings.Contains(err.Error(), "such as") {
			t.Errorf("%q: %+v, %v", text, l, err)
		}
	}
}
