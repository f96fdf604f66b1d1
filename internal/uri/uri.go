// Package uri reads the URIs that name a source or a sink: SCHEME:PLACE?name=value&name=value.
//
// The scheme chooses the source or sink (see [Registry]). What the place is, the source or sink
// knows. The options behind the question mark are declared as a list of [Option]s, each with a
// type, so that every URI is checked alike: an option that there is not, one that is given twice or
// without a value, and a value that does not fit are errors that say what to write instead.
//
// In a value, an ampersand is written as %26 and a percent sign as %25. A plus sign stands for
// itself: times and names of roles have them.
package uri

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Options are the options that a URI may have, in the order in which errors list them.
type Options []Option

// Values are the options that a URI has, by name, as text without escapes.
type Values map[string]string

// Parse reads PLACE?name=value&…, sets the variables of the options that are given, and returns the
// place. form is what the whole URI looks like, such as duckdb:FILE; an error about a missing place
// quotes it.
func (o Options) Parse(text, form string) (place string, err error) {
	place, query, _ := strings.Cut(text, "?")
	if strings.TrimSpace(place) == "" {
		return "", Missing(text, form)
	}
	values, err := o.Read(query)
	if err != nil {
		return place, err
	}
	return place, o.Set(values)
}

// ParsePattern is Parse for a place that may have question marks of its own, as patterns of file
// names do: the options begin behind the first question mark that the name of an option and an
// equals sign follow.
func (o Options) ParsePattern(text, form string) (pattern string, err error) {
	query := ""
	for i := range len(text) {
		if name, _, ok := strings.Cut(text[i+1:], "="); ok && text[i] == '?' && o.has(name) {
			text, query = text[:i], text[i+1:]
			break
		}
	}
	if strings.TrimSpace(text) == "" {
		return "", Missing(text, form)
	}
	values, err := o.Read(query)
	if err != nil {
		return text, err
	}
	return text, o.Set(values)
}

// Missing returns the error about a URI whose place is missing.
func Missing(text, form string) error {
	return fmt.Errorf("%q names nothing: write %s", text, form)
}

// Read reads name=value pairs with ampersands between them and checks their names. The values are
// not looked at: Set does that.
func (o Options) Read(query string) (Values, error) {
	values := Values{}
	if query == "" {
		return values, nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, text, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(text)
		_, twice := values[name]
		switch {
		case err != nil:
			return nil, fmt.Errorf("option %s: %w in the options %q: write a percent sign as %%25", name, err, query)
		case !o.has(name) && len(o) == 0:
			return nil, fmt.Errorf("unknown option %q: there are none", name)
		case !o.has(name):
			return nil, fmt.Errorf("unknown option %q: there are %s", name, strings.Join(o.Names(), ", "))
		case !ok:
			return nil, fmt.Errorf("option %s: want %s=VALUE", name, name)
		case twice:
			return nil, fmt.Errorf("option %s: is given twice: leave one out", name)
		}
		values[name] = value
	}
	return values, nil
}

// Set sets the variables of the options that are given.
func (o Options) Set(values Values) error {
	for _, option := range o {
		value, given := values[option.Name]
		if !given {
			continue
		}
		if value == "" {
			return fmt.Errorf("option %s: is empty; give it a value or leave it out", option.Name)
		}
		if err := option.Set(value); err != nil {
			if option.Hidden {
				value = "(hidden)"
			}
			return fmt.Errorf("option %s=%s: %w", option.Name, value, err)
		}
	}
	return nil
}

// Names returns the names of the options.
func (o Options) Names() []string {
	names := make([]string, len(o))
	for i, option := range o {
		names[i] = option.Name
	}
	return names
}

// Only returns those options that have one of the names.
func (o Options) Only(names ...string) Options {
	return slices.DeleteFunc(slices.Clone(o), func(option Option) bool { return !slices.Contains(names, option.Name) })
}

func (o Options) has(name string) bool {
	return slices.ContainsFunc(o, func(option Option) bool { return option.Name == name })
}
