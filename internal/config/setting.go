package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"flexbeam/internal/secret"
)

// A Setting is a key that stands for a flag.
type Setting struct {
	Key    string   // such as run.flush_every
	Flag   string   // such as flush-every
	Values []string // several of a flag that may be repeated
}

// Settings returns the keys that are set and stand for flags, in the order of the structs.
func (f *File) Settings() []Setting {
	var all []Setting
	f.settings(reflect.ValueOf(f).Elem(), "", &all)
	return all
}

func (f *File) settings(v reflect.Value, key string, to *[]Setting) {
	for _, field := range fieldsOf(v.Type()) {
		path := within(key, field.key)
		if _, given := f.at[path]; !given {
			continue
		}
		part := v.Field(field.index)
		switch {
		case field.flag != "":
			*to = append(*to, Setting{path, field.flag, texts(part)})
		case part.Kind() == reflect.Struct:
			f.settings(part, path, to)
		}
	}
}

// texts returns a value as flags take it.
func texts(v reflect.Value) []string {
	switch v.Kind() {
	case reflect.Bool:
		return []string{strconv.FormatBool(v.Bool())}
	case reflect.Int:
		return []string{strconv.FormatInt(v.Int(), 10)}
	case reflect.Int64:
		return []string{time.Duration(v.Int()).String()}
	case reflect.Slice:
		all := make([]string, v.Len())
		for i := range all {
			all[i] = v.Index(i).String()
		}
		return all
	}
	return []string{v.String()}
}

// A Reference is a key that names a secret.
type Reference struct {
	Key    string
	Secret secret.Reference
}

// References returns all references of the file.
func (f *File) References() []Reference {
	var all []Reference
	for i, a := range f.Accounts {
		all = append(all, Reference{fmt.Sprintf("accounts[%d].secret", i), a.Secret})
	}
	if f.Model.ContactKey != "" {
		all = append(all, Reference{"model.contact_key", f.Model.ContactKey})
	}
	return all
}

// Variable returns the environment variable that stands for a flag.
func Variable(flag string) string {
	return "FLEXBEAM_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Flags returns the names of all flags for which there are keys, in the order of the structs.
func Flags() []string {
	var all []string
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for _, f := range fieldsOf(t) {
			switch part := t.Field(f.index).Type; {
			case f.flag != "":
				all = append(all, f.flag)
			case part.Kind() == reflect.Struct:
				walk(part)
			}
		}
	}
	walk(reflect.TypeFor[File]())
	return all
}
