package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), providerPrefix); ok { // Terraform has started it
		if err := serveProvider(name); err != nil {
			fmt.Fprintln(os.Stderr, "lint-deploy:", err)
			os.Exit(2)
		}
		return
	}
	root := flag.String("root", "..", "the root of the project")
	operator := flag.String("flink-operator", "", "the jar of Flink's operator that has the schemas of its objects")
	library := flag.String("terraform", "", "the folder of Python packages that has Terraform's library")
	flag.Parse()
	faults, err := run(*root, *operator, *library)
	for _, f := range faults {
		fmt.Println(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint-deploy:", err)
		os.Exit(2)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
	fmt.Println("deploy: no faults")
}

// run looks at all of it.
func run(root, operator, library string) (faults []string, err error) {
	schemas, err := readSchemas(operator)
	if err != nil {
		return nil, fmt.Errorf("the schemas of Flink's operator: %w", err)
	}
	deploy := filepath.Join(root, "deploy")
	modules := filepath.Join(deploy, "terraform")
	var errs []error
	for _, lint := range []func() ([]string, error){
		func() ([]string, error) { return lintFiles(root) },
		func() ([]string, error) { return lintDocker(root) },
		func() ([]string, error) { return lintKubernetes(filepath.Join(deploy, "kubernetes"), schemas) },
		func() ([]string, error) {
			return lintKubernetes(filepath.Join(deploy, "backfill", "cronjob.yaml"), schemas)
		},
		func() ([]string, error) { return lintTerraform(modules) },
		func() ([]string, error) { return validateTerraform(library, modules) },
		func() ([]string, error) { return lintPrometheus(filepath.Join(deploy, "prometheus")) },
		func() ([]string, error) { return lintAlerts(root) },
	} {
		f, err := lint()
		faults, errs = append(faults, f...), append(errs, err)
	}
	return faults, errors.Join(errs...)
}
