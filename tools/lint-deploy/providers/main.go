// Command providers makes lint-deploy/providers.json: which attributes and blocks the resources have
// that the modules under deploy/terraform use. Terraform itself asks the providers, programs of
// hundreds of megabytes from a registry of its own; here it comes from npm, from packages in which
// their schemas are types of TypeScript:
//
//	npm pack @cdktf/provider-NAME@VERSION, unpacked into FOLDER/NAME
//	go run ./lint-deploy/providers FOLDER ../deploy/terraform > lint-deploy/providers.json
//
// make terraform-schemas does both.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"flexbeam/tools/lint-deploy/schema"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "providers: name the folder of unpacked packages, and that of the modules")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "providers:", err)
		os.Exit(1)
	}
}

func run(packages, modules string) error {
	types, err := schema.TypesUsed(modules)
	if err != nil {
		return err
	}
	var all schema.Providers
	for _, name := range []string{"aws", "google", "google-beta"} {
		p, err := read(filepath.Join(packages, name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		out := schema.Provider{Name: name, Version: p.version, Types: map[string]schema.Body{}}
		for _, t := range types {
			if t.Provider == name {
				if out.Types[t.Name], err = p.body(t.Name); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		all = append(all, out)
	}
	b, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	fmt.Println(string(b))
	return nil
}

// pkg is a package.
type pkg struct {
	version string // of the provider
	types   map[string]declared
	lower   map[string]string // full names by their small letters
}

// declared is a type of TypeScript.
type declared struct {
	Kind       string
	Properties []struct {
		Name     string
		Optional bool
		Static   bool
		Type     json.RawMessage
	}
}

func read(folder string) (*pkg, error) {
	var manifest struct {
		CDKTF struct{ Provider struct{ Version string } }
	}
	var assembly struct{ Types map[string]declared }
	for file, to := range map[string]any{"package.json": &manifest, ".jsii": &assembly} {
		b, err := os.ReadFile(filepath.Join(folder, "package", file))
		if err == nil {
			err = json.Unmarshal(b, to)
		}
		if err != nil {
			return nil, err
		}
	}
	p := &pkg{version: manifest.CDKTF.Provider.Version, types: assembly.Types, lower: map[string]string{}}
	for name := range assembly.Types {
		p.lower[strings.ToLower(name[strings.LastIndex(name, ".")+1:])] = name
	}
	return p, nil
}

// body returns what a resource, or with data. in front a data source, has.
func (p *pkg) body(name string) (schema.Body, error) {
	kind, rest, isData := strings.Cut(name, ".")
	if isData {
		rest = kind + "_" + rest
	} else {
		rest = name
	}
	whole := strings.ReplaceAll(rest, "_", "") + "config" // of the beta provider
	_, short, _ := strings.Cut(strings.ReplaceAll(rest, "_", " "), " ")
	for _, candidate := range []string{whole, strings.ReplaceAll(short, " ", "") + "config"} {
		if full, ok := p.lower[candidate]; ok {
			body := p.of(full, true)
			p.asked(strings.TrimSuffix(full, "Config"), body)
			return body, nil
		}
	}
	return schema.Body{}, fmt.Errorf("there is no %s", name)
}

// meta are what every resource has beside what its provider says.
var meta = []string{"connection", "count", "dependsOn", "forEach", "lifecycle", "provider", "provisioners"}

// named is the name of a type within another.
var named = regexp.MustCompile(`"fqn":\s*"([^"]+)"`)

func (p *pkg) of(full string, top bool) schema.Body {
	body := schema.Body{Attributes: map[string]bool{}, Types: map[string]string{}, Blocks: map[string]schema.Block{}}
	for _, property := range p.types[full].Properties {
		if top && slices.Contains(meta, property.Name) {
			continue
		}
		inner := ""
		for _, m := range named.FindAllStringSubmatch(string(property.Type), -1) {
			if inner == "" && p.types[m[1]].Kind == "interface" {
				inner = m[1]
			}
		}
		if name := snake(property.Name); inner != "" {
			body.Blocks[name] = schema.Block{Required: !property.Optional, Body: p.of(inner, false)}
		} else {
			body.Attributes[name] = !property.Optional
			if t := typeOf(property.Type); t != "" {
				body.Types[name] = t
			}
		}
	}
	return body
}

// asked adds the attributes that a resource only tells: its class has them, and its configuration has not.
func (p *pkg) asked(class string, body schema.Body) {
	for _, property := range p.types[class].Properties {
		name := snake(property.Name)
		_, attribute := body.Attributes[name]
		_, block := body.Blocks[name]
		if t := typeOf(property.Type); t != "" && !property.Static && !attribute && !block && !strings.HasSuffix(property.Name, "Input") {
			body.Types[name] = t
		}
	}
}

// typeOf returns a type of TypeScript in Terraform's words; nothing for one that has none.
func typeOf(text json.RawMessage) string {
	var t struct {
		Primitive  string
		Collection struct {
			Kind        string
			ElementType json.RawMessage
		}
		Union struct{ Types []json.RawMessage }
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return ""
	}
	inner := ""
	if t.Collection.Kind != "" {
		inner = typeOf(t.Collection.ElementType)
	}
	switch {
	case t.Primitive == "boolean":
		return "bool"
	case t.Primitive == "string", t.Primitive == "number":
		return t.Primitive
	case inner != "" && t.Collection.Kind == "array":
		return "list(" + inner + ")"
	case inner != "":
		return "map(" + inner + ")"
	}
	for _, of := range t.Union.Types { // a value, or one that is known later
		if name := typeOf(of); name != "" {
			return name
		}
	}
	return ""
}

// snake returns a name as Terraform writes it.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
