package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"flexbeam/pipeline"
	"flexbeam/pipeline/sink"
)

// usagef returns an error that another command line avoids.
func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: %w", pipeline.ErrUsage, fmt.Errorf(format, args...))
}

func isUsage(err error) bool {
	return errors.Is(err, pipeline.ErrUsage) || errors.Is(err, sink.ErrUnknown) || errors.Is(err, sink.ErrURI)
}

// Beam tells an error with the whole way it took: "job job-001[…] failed:", then the bundles and
// transforms it went through, "while executing …" and "caused by:", perhaps several times. The
// cause comes last; behind it may stand the stack of a panic.
var (
	stack    = regexp.MustCompile(`(?s)\s*goroutine \d+ \[.*`)
	causedBy = regexp.MustCompile(`(?is).*caused by:\s*`)
	wrapping = regexp.MustCompile(`^(?:(?:prism|direct): |job \S+ failed:\s+|bundle \S+ \S+ failed:\s*|DoFn\[[^\]]*\] failed:\s*|rpc error: code = \w+ desc = |while executing [^\n]*\n\s*)`)
)

// rootCause returns the cause of an error as one line.
func rootCause(err error) string {
	text := strings.TrimPrefix(err.Error(), pipeline.ErrUsage.Error()+": ")
	if strings.Contains(text, "\n") {
		text = stack.ReplaceAllString(text, "")
		if tail := causedBy.ReplaceAllString(text, ""); strings.TrimSpace(tail) != "" {
			text = tail
		}
		for wrapping.MatchString(text) {
			text = wrapping.ReplaceAllString(text, "")
		}
	}
	return strings.Join(strings.Fields(text), " ")
}
