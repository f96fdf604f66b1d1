package uri

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An Option is one option of a URI.
type Option struct {
	Name string
	// Set takes the value, which is not empty. Its error says what to write instead; the name and
	// the value are put before it.
	Set func(value string) error
	// Hidden says that the value may be a secret, by mistake: then no error shows it.
	Hidden bool
}

// Hide returns the option whose value is in no error.
func (o Option) Hide() Option {
	o.Hidden = true
	return o
}

// such returns the error that shows a value that would do.
func such(name, example string) error {
	return fmt.Errorf("write such as %s=%s", name, example)
}

// Func is an option that set takes; where set returns false, the error shows the example.
func Func(name, example string, set func(value string) bool) Option {
	return Option{Name: name, Set: func(value string) error {
		if !set(value) {
			return such(name, example)
		}
		return nil
	}}
}

// String is an option of any text.
func String(name string, to *string) Option {
	return Option{Name: name, Set: func(value string) error {
		*to = value
		return nil
	}}
}

// Match is an option of text that has the form of a pattern, which is a regular expression.
func Match(name, example string, to *string, pattern string) Option {
	form := regexp.MustCompile(pattern)
	return Func(name, example, func(value string) bool {
		*to = value
		return form.MatchString(value)
	})
}

// URL is an option of a URL with the scheme http or https, a host, and no user. A slash at its end
// is left out.
func URL(name, example string, to *string) Option {
	return Option{Name: name, Set: func(value string) error {
		u, err := url.Parse(value)
		if err == nil && u.User != nil {
			return fmt.Errorf("want a URL without a user: %w", such(name, example))
		}
		if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("want a URL: %w", such(name, example))
		}
		*to = strings.TrimSuffix(value, "/")
		return nil
	}}
}

// Choice is an option of one of several words. Errors take the last one as the example.
func Choice(name string, to *string, words ...string) Option {
	return Option{Name: name, Set: func(value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("%w (one of %s)", such(name, words[len(words)-1]), strings.Join(words, ", "))
		}
		*to = value
		return nil
	}}
}

// Int is an option of a whole number within limits.
func Int(name string, to *int, least, most int) Option {
	return Option{Name: name, Set: func(value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return fmt.Errorf("write a number from %d to %d", least, most)
		}
		*to = n
		return nil
	}}
}

// Duration is an option of a duration within limits, written as time.ParseDuration reads it. If
// most is math.MaxInt64 there is no upper one.
func Duration(name, example string, to *time.Duration, least, most time.Duration) Option {
	return Option{Name: name, Set: func(value string) error {
		d, err := time.ParseDuration(value)
		switch {
		case err != nil:
			return fmt.Errorf("is no duration: %w", such(name, example))
		case d < least && most == math.MaxInt64:
			return fmt.Errorf("want %v or more: %w", least, such(name, example))
		case d < least || d > most:
			return fmt.Errorf("want %v to %v: %w", least, most, such(name, example))
		}
		*to = d
		return nil
	}}
}

var errTime = errors.New("want a time like 2026-01-31T08:00:00Z")

// ParseTime reads a time after 1970 as RFC 3339 writes it.
func ParseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.UnixMilli() <= 0 {
		return time.Time{}, errTime
	}
	return t, nil
}
