package main

import (
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"flexbeam/tools/lint-deploy/schema"
)

//go:embed providers.json
var providersFile []byte

// a module is a folder of Terraform's files.
type module struct {
	folder    string
	blocks    []*hclsyntax.Block
	names     map[string]bool // of what references may lead to: var.x, local.x, module.x, resource.x
	required  map[string]bool // variables without a default
	variables map[string]bool
	outputs   map[string]bool
	faults    []string
}

// lintTerraform looks at every module beneath a folder.
func lintTerraform(folder string) (faults []string, err error) {
	providers, err := readProviders()
	if err != nil {
		return nil, err
	}
	modules := map[string]*module{}
	err = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".tf" {
			return err
		}
		body, err := schema.Parse(path)
		if err != nil {
			faults = append(faults, err.Error())
			return nil
		}
		dir := filepath.Dir(path)
		if modules[dir] == nil {
			modules[dir] = &module{folder: dir, names: map[string]bool{}, required: map[string]bool{}, variables: map[string]bool{}, outputs: map[string]bool{}}
		}
		modules[dir].blocks = append(modules[dir].blocks, body.Blocks...)
		return nil
	})
	for _, dir := range slices.Sorted(maps.Keys(modules)) {
		modules[dir].declare()
	}
	for _, dir := range slices.Sorted(maps.Keys(modules)) {
		m := modules[dir]
		for _, b := range m.blocks {
			m.block(b, providers, modules)
		}
		faults = append(faults, m.faults...)
	}
	return faults, err
}

func (m *module) fault(at hcl.Range, format string, args ...any) {
	m.faults = append(m.faults, fmt.Sprintf("%s:%d: %s", at.Filename, at.Start.Line, fmt.Sprintf(format, args...)))
}

// declare notes what the module has.
func (m *module) declare() {
	for _, b := range m.blocks {
		switch {
		case b.Type == "variable" && len(b.Labels) == 1:
			m.variables[b.Labels[0]], m.names["var."+b.Labels[0]] = true, true
			m.required[b.Labels[0]] = b.Body.Attributes["default"] == nil
			if b.Body.Attributes["description"] == nil || b.Body.Attributes["type"] == nil {
				m.fault(b.Range(), "variable %s: has no description or no type", b.Labels[0])
			}
		case b.Type == "output" && len(b.Labels) == 1:
			m.outputs[b.Labels[0]] = true
		case b.Type == "locals":
			for name := range b.Body.Attributes {
				m.names["local."+name] = true
			}
		case b.Type == "module" && len(b.Labels) == 1:
			m.names["module."+b.Labels[0]] = true
		case b.Type == "resource" && len(b.Labels) == 2:
			m.names[strings.Join(b.Labels, ".")] = true
		case b.Type == "data" && len(b.Labels) == 2:
			m.names["data."+strings.Join(b.Labels, ".")] = true
		}
	}
}

// block looks at one block of a file.
func (m *module) block(b *hclsyntax.Block, providers schema.Providers, modules map[string]*module) {
	switch b.Type {
	case "resource", "data":
		m.resource(b, providers)
	case "module":
		m.call(b, modules)
	case "terraform":
		m.versions(b, providers)
	case "variable", "output", "locals", "provider":
	default:
		m.fault(b.Range(), "there is no block %s", b.Type)
	}
	m.references(b, modules)
}

// metaAttributes and metaBlocks are what every resource may have.
var (
	metaAttributes = []string{"count", "for_each", "depends_on", "provider"}
	metaBlocks     = []string{"lifecycle"}
)

// resource holds a resource or a data source to what its provider has.
func (m *module) resource(b *hclsyntax.Block, providers schema.Providers) {
	t, ok := schema.TypeOf(b)
	if !ok {
		m.fault(b.Range(), "a %s has two labels", b.Type)
		return
	}
	for _, p := range providers {
		if body, known := p.Types[t.Name]; known && p.Name == t.Provider {
			m.fits(b.Labels[0], b.Body, body, true)
			return
		}
	}
	m.fault(b.Range(), "%s of the provider %s is not in providers.json: is it right? Then make terraform-schemas", t.Name, t.Provider)
}

// fits tells what of a body its schema does not have, and what it lacks.
func (m *module) fits(name string, body *hclsyntax.Body, want schema.Body, top bool) {
	for _, attribute := range slices.Sorted(maps.Keys(body.Attributes)) {
		_, ok := want.Attributes[attribute]
		if !ok && !(top && slices.Contains(metaAttributes, attribute)) {
			m.fault(body.Attributes[attribute].NameRange, "%s has no attribute %s", name, attribute)
		}
	}
	for attribute, required := range want.Attributes {
		if required && body.Attributes[attribute] == nil {
			m.fault(body.SrcRange, "%s lacks %s", name, attribute)
		}
	}
	given := map[string]bool{}
	for _, inner := range body.Blocks {
		kind, content := inner.Type, inner.Body
		if kind == "dynamic" && len(inner.Labels) == 1 {
			kind = inner.Labels[0]
			for _, c := range inner.Body.Blocks {
				if c.Type == "content" {
					content = c.Body
				}
			}
		}
		given[kind] = true
		if top && slices.Contains(metaBlocks, kind) {
			continue
		}
		block, ok := want.Blocks[kind]
		if !ok {
			m.fault(inner.Range(), "%s has no block %s", name, kind)
			continue
		}
		m.fits(name+"."+kind, content, block.Body, false)
	}
	for kind, block := range want.Blocks {
		if block.Required && !given[kind] {
			m.fault(body.SrcRange, "%s lacks the block %s", name, kind)
		}
	}
}

// call looks at what a module is given.
func (m *module) call(b *hclsyntax.Block, modules map[string]*module) {
	source := b.Body.Attributes["source"]
	if source == nil {
		m.fault(b.Range(), "a module has no source")
		return
	}
	path, d := source.Expr.Value(nil)
	if d.HasErrors() {
		m.fault(b.Range(), "%v", d)
		return
	}
	called := modules[filepath.Join(m.folder, path.AsString())]
	if called == nil {
		m.fault(b.Range(), "there is no module %s", path.AsString())
		return
	}
	for name := range b.Body.Attributes {
		if !called.variables[name] && !slices.Contains([]string{"source", "version", "providers", "count", "for_each", "depends_on"}, name) {
			m.fault(b.Body.Attributes[name].NameRange, "the module %s has no variable %s", path.AsString(), name)
		}
	}
	for name, required := range called.required {
		if required && b.Body.Attributes[name] == nil {
			m.fault(b.Range(), "the module %s needs %s", path.AsString(), name)
		}
	}
}

// versions compares the versions that a module wants with those whose schemas are known.
func (m *module) versions(b *hclsyntax.Block, providers schema.Providers) {
	for _, inner := range b.Body.Blocks {
		if inner.Type != "required_providers" {
			continue
		}
		for name, a := range inner.Body.Attributes {
			value, d := a.Expr.Value(nil)
			if d.HasErrors() || !value.Type().HasAttribute("version") {
				m.fault(a.NameRange, "provider %s: no version", name)
				continue
			}
			wanted := value.GetAttr("version").AsString()
			i := slices.IndexFunc(providers, func(p schema.Provider) bool { return p.Name == name })
			if i < 0 || wanted != "~> "+providers[i].Version[:strings.LastIndex(providers[i].Version, ".")] {
				m.fault(a.NameRange, "provider %s %s: its schemas in providers.json are of another version", name, wanted)
			}
		}
	}
}

// references finds references that lead nowhere.
func (m *module) references(b *hclsyntax.Block, modules map[string]*module) {
	_ = hclsyntax.VisitAll(b.Body, func(n hclsyntax.Node) hcl.Diagnostics {
		expr, ok := n.(*hclsyntax.ScopeTraversalExpr)
		if !ok {
			return nil
		}
		parts := names(expr.Traversal)
		switch root := parts[0]; {
		case slices.Contains([]string{"each", "count", "path", "self", "terraform"}, root) || len(parts) < 2:
		case root == "var", root == "local", root == "module":
			m.leads(expr.Range(), parts[:2], b)
		case root == "data" && len(parts) >= 3:
			m.leads(expr.Range(), parts[:3], b)
		case strings.Contains(root, "_"):
			m.leads(expr.Range(), parts[:2], b)
		}
		if parts[0] == "module" && len(parts) >= 3 {
			m.output(expr.Range(), parts[1], parts[2], modules)
		}
		return nil
	})
}

func (m *module) leads(at hcl.Range, parts []string, in *hclsyntax.Block) {
	if name := strings.Join(parts, "."); !m.names[name] && !iterates(in.Body, parts[0]) {
		m.fault(at, "there is no %s", name)
	}
}

// iterates tells whether a dynamic block gives a name to its iterator.
func iterates(body *hclsyntax.Body, name string) bool {
	return slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool {
		return b.Type == "dynamic" && len(b.Labels) == 1 && b.Labels[0] == name || iterates(b.Body, name)
	})
}

// output finds outputs that a called module does not have.
func (m *module) output(at hcl.Range, name, output string, modules map[string]*module) {
	for _, b := range m.blocks {
		if b.Type != "module" || b.Labels[0] != name || b.Body.Attributes["source"] == nil {
			continue
		}
		path, d := b.Body.Attributes["source"].Expr.Value(nil)
		if d.HasErrors() {
			continue
		}
		if called := modules[filepath.Join(m.folder, path.AsString())]; called != nil && !called.outputs[output] {
			m.fault(at, "the module %s has no output %s", name, output)
		}
	}
}

// names returns the names of a reference.
func names(t hcl.Traversal) (all []string) {
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			all = append(all, s.Name)
		case hcl.TraverseAttr:
			all = append(all, s.Name)
		}
	}
	return all
}
