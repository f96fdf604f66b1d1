package flinkrest

import (
	"regexp"
	"strings"
)

var (
	frame    = regexp.MustCompile(`(?m)^\s*(?:at [\w.$/<>@-]+\(.*\)|\.\.\. \d+ more)\s*$\n?`)
	causedBy = regexp.MustCompile(`(?m)^\s*(?:Caused by: |Suppressed: )`)
	class    = regexp.MustCompile(`^(?:[\w$]+\.)+[\w$]+(?:Exception|Error|Throwable)?: `)
	harness  = regexp.MustCompile(`(?s)^Error received from SDK harness for instruction \S+: `)
)

// Cause returns what went wrong out of an exception with its trace: the message of the innermost
// cause, which for a failed transform is what the worker said.
func Cause(exception string) string {
	parts := causedBy.Split(frame.ReplaceAllString(exception, ""), -1)
	for i := len(parts) - 1; i >= 0; i-- {
		text := strings.TrimSpace(parts[i])
		for class.MatchString(text) {
			text = class.ReplaceAllString(text, "")
		}
		if text = harness.ReplaceAllString(text, ""); text != "" {
			return strings.TrimSpace(text)
		}
	}
	return strings.TrimSpace(exception)
}
