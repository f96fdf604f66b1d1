package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"flexbeam/internal/secret"
)

// A field is what the tags of a field of a struct say.
type field struct {
	index    int
	key      string
	doc      string
	flag     string
	example  string
	pattern  *regexp.Regexp // nil: any text
	enum     []string       // empty: any
	min, max int            // of a number; both 0: any
	required bool
}

// fieldsOf returns the fields of a struct that have a key.
func fieldsOf(t reflect.Type) (all []field) {
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		f := field{index: i, key: tag.Get("yaml"), doc: tag.Get("doc"), flag: tag.Get("flag"), example: tag.Get("example"), required: tag.Get("required") == "true"}
		if f.key == "" {
			continue
		}
		if p := tag.Get("pattern"); p != "" {
			f.pattern = regexp.MustCompile(p)
		}
		if e := tag.Get("enum"); e != "" {
			f.enum = strings.Split(e, "|")
		}
		f.min, _ = strconv.Atoi(tag.Get("min"))
		f.max, _ = strconv.Atoi(tag.Get("max"))
		all = append(all, f)
	}
	return all
}

var (
	typeOfDuration  = reflect.TypeFor[Duration]()
	typeOfReference = reflect.TypeFor[secret.Reference]()
)

// such says what to write.
func (f field) such() string {
	switch {
	case len(f.enum) > 0:
		return "write one of " + strings.Join(f.enum, ", ")
	case f.example != "":
		return "write such as " + f.example
	}
	return "write something else"
}

// set sets a scalar from its text. Errors do not show the text: it may be a secret in the wrong place.
func (f field) set(v reflect.Value, text string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("is empty: %s, or leave the key out", f.such())
	}
	switch {
	case v.Type() == typeOfDuration:
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return fmt.Errorf("is no time above 0: %s", f.such())
		}
		v.SetInt(int64(d))
		return nil
	case v.Type() == typeOfReference:
		v.SetString(text)
		return secret.Reference(text).Check()
	}
	switch v.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("is neither true nor false")
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.Atoi(text)
		bounded := f.min != 0 || f.max != 0
		if err != nil || bounded && n < f.min || f.max != 0 && n > f.max {
			return fmt.Errorf("is no whole number that will do: %s", f.such())
		}
		v.SetInt(int64(n))
	default:
		if f.pattern != nil && !f.pattern.MatchString(text) {
			return fmt.Errorf("does not have the right form: %s", f.such())
		}
		if len(f.enum) > 0 && !slices.Contains(f.enum, text) {
			return fmt.Errorf("is not known: %s", f.such())
		}
		v.SetString(text)
	}
	return nil
}
