package objects

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// An Overlap says how much of what lies below a path may be of use.
type Overlap int

// The overlaps.
const (
	All Overlap = iota
	Part
	None
)

// Find returns the objects whose URLs match a pattern, in order. In a pattern, *, ? and [a-z] stand
// for letters of one part of a key (path.Match), ** for any number of parts, and a slash at its end
// for all that lies below. overlap is told of keys, and of prefixes of keys that end in a slash; what
// lies below one that is None of it is not listed. Errors wrap ErrURL, ErrAccess or ErrMissing, or
// are those of the service.
func (c *Client) Find(ctx context.Context, pattern string, overlap func(path string) Overlap) ([]Object, error) {
	at, err := parse(pattern)
	if err != nil {
		return nil, err
	}
	if at.key == "" || strings.HasSuffix(at.key, "/") {
		at.key += "**"
	}
	if _, err := path.Match(at.key, ""); err != nil {
		return nil, fmt.Errorf("%w: the pattern %q is malformed: %w", ErrURL, pattern, err)
	}
	s, err := c.store(ctx, at.scheme)
	if err != nil {
		return nil, err
	}
	f := finder{c: c, ctx: ctx, store: s, at: at, pattern: strings.Split(at.key, "/"), overlap: overlap}
	if err := f.below(constant(at.key)); err != nil {
		return nil, fmt.Errorf("list %s: %w", pattern, err)
	}
	return f.found, nil
}

// constant returns the longest begin of a pattern in which nothing stands for something else.
func constant(pattern string) string {
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

// A finder lists what matches a pattern.
type finder struct {
	c       *Client
	ctx     context.Context
	store   store
	at      place
	pattern []string // parts
	overlap func(path string) Overlap
	found   []Object
}

// below lists what has a prefix: at once if all of it is of use, else one part of the keys after the
// other.
func (f *finder) below(prefix string) error {
	delimiter := ""
	folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if prefix == f.at.key || f.overlap(folder) != All {
		delimiter = "/" // of a key alone, others that begin with it are not looked into
	}
	for token := ""; ; {
		var p page
		err := f.c.try(f.ctx, func(ctx context.Context) (err error) {
			p, err = f.store.list(ctx, f.at.bucket, prefix, delimiter, token)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range p.objects {
			if !strings.HasSuffix(o.URL, "/") && match(f.pattern, strings.Split(o.URL, "/")) && f.overlap(o.URL) != None {
				o.URL = place{f.at.scheme, f.at.bucket, o.URL}.String()
				f.found = append(f.found, o)
			}
		}
		for _, below := range p.prefixes {
			if f.overlap(below) != None && leads(f.pattern, strings.Split(strings.TrimSuffix(below, "/"), "/")) {
				if err := f.below(below); err != nil {
					return err
				}
			}
		}
		if token = p.next; token == "" {
			return nil
		}
	}
}

// match tells whether the parts of a key match those of a pattern.
func match(pattern, key []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for n := range len(key) + 1 {
				if match(pattern[1:], key[n:]) {
					return true
				}
			}
			return false
		}
		if len(key) == 0 || !matchPart(pattern[0], key[0]) {
			return false
		}
		pattern, key = pattern[1:], key[1:]
	}
	return len(key) == 0
}

// leads tells whether keys that begin with some parts may match a pattern.
func leads(pattern, parts []string) bool {
	for i, part := range parts {
		switch {
		case i >= len(pattern):
			return false
		case pattern[i] == "**":
			return true
		case !matchPart(pattern[i], part):
			return false
		}
	}
	return len(parts) < len(pattern)
}

func matchPart(pattern, part string) bool {
	ok, err := path.Match(pattern, part)
	return ok && err == nil
}
