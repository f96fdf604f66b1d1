package config

import (
	"reflect"

	"flexbeam/internal/orderedjson"
	"flexbeam/internal/secret"
)

type (
	object = orderedjson.Object
	member = orderedjson.Member
)

// Schema returns the JSON Schema of a file, draft 7, which editors know best.
func Schema() []byte {
	top := schemaOf(reflect.TypeFor[File](), field{doc: "Configuration of flexbeam."})
	doc := append(object{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"$id", "urn:flexbeam:configuration"}, {"title", "flexbeam.yaml"}}, top...)
	return doc.Document()
}

// durations is what time.ParseDuration reads, above 0.
const durations = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`

// schemaOf returns the schema of a type, as a field says.
func schemaOf(t reflect.Type, f field) object {
	o := object{}
	if f.doc != "" {
		o = append(o, member{"description", f.doc})
	}
	element := f
	element.doc = ""
	switch {
	case t == typeOfReference:
		return append(f.examples(append(o, member{"type", "string"})), member{"pattern", secret.Pattern})
	case t == typeOfDuration:
		return append(f.examples(append(o, member{"type", "string"})), member{"pattern", durations})
	case t.Kind() == reflect.Struct:
		return append(o, structure(t)...)
	case t.Kind() == reflect.Map:
		return append(o, member{"type", "object"}, member{"additionalProperties", schemaOf(t.Elem(), element)})
	case t.Kind() == reflect.Slice:
		return append(o, member{"type", "array"}, member{"items", schemaOf(t.Elem(), element)})
	}
	return f.scalar(t, o)
}

// structure returns the schema of keys and values.
func structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	for _, f := range fieldsOf(t) {
		properties = append(properties, member{f.key, schemaOf(t.Field(f.index).Type, f)})
		if f.required {
			required = append(required, f.key)
		}
	}
	o := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		o = append(o, member{"required", required})
	}
	return append(o, member{"additionalProperties", false})
}

// scalar adds what is said of a single value.
func (f field) scalar(t reflect.Type, o object) object {
	switch t.Kind() {
	case reflect.Bool:
		return append(o, member{"type", "boolean"})
	case reflect.Int:
		o = f.examples(append(o, member{"type", "integer"}))
		if f.min != 0 || f.max != 0 {
			o = append(o, member{"minimum", f.min})
		}
		if f.max != 0 {
			o = append(o, member{"maximum", f.max})
		}
		return o
	}
	// What looks like a number or a time needs no quotes: the file's texts are read as they stand.
	kinds := any("string")
	if f.pattern == nil && len(f.enum) == 0 {
		kinds = []string{"string", "number"}
	}
	o = f.examples(append(o, member{"type", kinds}))
	if f.pattern != nil {
		o = append(o, member{"pattern", f.pattern.String()})
	}
	if len(f.enum) > 0 {
		o = append(o, member{"enum", f.enum})
	}
	return o
}

func (f field) examples(o object) object {
	if f.example == "" {
		return o
	}
	return append(o, member{"examples", []string{f.example}})
}
