package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"flexbeam/pipeline"
	"flexbeam/pipeline/sink"
)

// usagef returns an error that the user can mend by writing another command line.
func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: %w", pipeline.ErrUsage, fmt.Errorf(format, args...))
}

func isUsage(err error) bool {
	return errors.Is(err, pipeline.ErrUsage) || errors.Is(err, sink.ErrUnknown) || errors.Is(err, sink.ErrURI)
}

// Beam wraps an error on its way through bundles and transforms: "job job-001[…] failed:", "while
// executing …", "caused by:", perhaps several times. The cause comes last. The stack of a panic may
// follow it.
var (
	stack    = regexp.MustCompile(`(?s)\s*goroutine \d+ \[.*`)
	causedBy = regexp.MustCompile(`(?is).*caused by:\s*`)
	wrapping = regexp.MustCompile(`^(?:(?:prism|direct): |job \S+ failed:\s+|bundle \S+ \S+ failed:\s*|DoFn\[[^\]]*\] failed:\s*|rpc error: code = \w+ desc = |while executing [^\n]*\n\s*)`)
)

// isPanic tells whether an error, or its cause, is a panic that Beam has caught in a transform.
func isPanic(err error, cause string) bool {
	return strings.HasPrefix(cause, "panic: ") || stack.MatchString(err.Error())
}

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
