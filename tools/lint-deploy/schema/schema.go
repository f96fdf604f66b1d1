// Package schema is what Terraform's providers have, as far as this project uses it.
package schema

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Providers are those that modules use.
type Providers []Provider

// A Provider has types of resources, and of data sources, whose names have data. in front.
type Provider struct {
	Name    string          `json:"name"`
	Version string          `json:"version"`
	Types   map[string]Body `json:"types"`
}

// A Body is what a block may have.
type Body struct {
	Attributes map[string]bool   `json:"attributes,omitempty"` // that may be set: whether each is required
	Types      map[string]string `json:"types,omitempty"`      // of attributes, such as list(string), also of those that can only be asked for
	Blocks     map[string]Block  `json:"blocks,omitempty"`
}

// A Block is a block within another.
type Block struct {
	Required bool `json:"required,omitempty"`
	Body
}

// A Type is a type of resource, with the provider that a module takes for it.
type Type struct{ Provider, Name string }

// TypesUsed returns the types that the modules beneath a folder use.
func TypesUsed(folder string) (all []Type, err error) {
	err = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".tf" {
			return err
		}
		body, err := Parse(path)
		if err != nil {
			return err
		}
		for _, b := range body.Blocks {
			if t, ok := TypeOf(b); ok {
				all = append(all, t)
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Type) int { return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Name, b.Name)) })
	return slices.Compact(all), err
}

// Parse reads a file.
func Parse(path string) (*hclsyntax.Body, error) {
	file, diagnostics := hclparse.NewParser().ParseHCLFile(path)
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil, fmt.Errorf("%s is in another syntax than HCL's own", path)
	}
	return body, nil
}

// TypeOf returns the type of a block that is a resource or a data source.
func TypeOf(b *hclsyntax.Block) (t Type, ok bool) {
	if b.Type != "resource" && b.Type != "data" || len(b.Labels) != 2 {
		return t, false
	}
	t.Name = b.Labels[0]
	t.Provider, _, _ = strings.Cut(t.Name, "_")
	if b.Type == "data" {
		t.Name = "data." + t.Name
	}
	if a := b.Body.Attributes["provider"]; a != nil {
		t.Provider = hcl.ExprAsKeyword(a.Expr)
	}
	return t, true
}
