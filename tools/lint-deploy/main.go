package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", "..", "the root of the project")
	operator := flag.String("flink-operator", "", "the jar of Flink's operator that has the schemas of its objects")
	flag.Parse()
	faults, err := run(*root, *operator)
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
func run(root, operator string) (faults []string, err error) {
	schemas, err := readSchemas(operator)
	if err != nil {
		return nil, fmt.Errorf("the schemas of Flink's operator: %w", err)
	}
	deploy := filepath.Join(root, "deploy")
	k, err1 := lintKubernetes(filepath.Join(deploy, "kubernetes"), schemas)
	t, err2 := lintTerraform(filepath.Join(deploy, "terraform"))
	p, err3 := lintPrometheus(filepath.Join(deploy, "prometheus"))
	a, err4 := lintAlerts(root)
	faults = append(append(append(k, t...), p...), a...)
	return faults, errors.Join(err1, err2, err3, err4)
}
