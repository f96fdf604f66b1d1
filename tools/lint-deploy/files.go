package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A checker looks at the files under deploy/ that its pattern fits.
type checker struct {
	pattern string // of path.Match, beneath deploy/
	test    string // the test that reads the file and so names it; empty: this command does
}

// checkers are all of them.
var checkers = []checker{
	{"docker/*.Dockerfile", ""},
	{"kubernetes/*/*.yaml", ""},
	{"prometheus/*.yml", ""},
	{"terraform/*/*.tf", ""},
	{"terraform/*/*/*.tf", ""},
	{"backfill/*", "cmd/flexbeam/deploy_test.go"},
	{"dataflow/*.json", "cmd/flexbeam/template_test.go"},
	{"grafana/*.json", "internal/telemetry/metrics/deploy_test.go"},
}

// lintFiles finds files under deploy/ that nothing looks at.
func lintFiles(root string) (faults []string, err error) {
	deploy := filepath.Join(root, "deploy")
	err = filepath.WalkDir(deploy, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(deploy, file)
		if err != nil {
			return err
		}
		by, ok := checkerOf(filepath.ToSlash(name))
		switch {
		case !ok:
			faults = append(faults, fmt.Sprintf("%s: nothing checks it: name its checker in tools/lint-deploy/files.go", file))
		case by.test != "":
			text, err := os.ReadFile(filepath.Join(root, by.test))
			if err != nil {
				return err
			}
			if !strings.Contains(string(text), d.Name()) {
				faults = append(faults, fmt.Sprintf("%s: nothing checks it: %s does not name it", file, by.test))
			}
		}
		return nil
	})
	return faults, err
}

func checkerOf(name string) (checker, bool) {
	for _, c := range checkers {
		if fits, _ := path.Match(c.pattern, name); fits {
			return c, true
		}
	}
	return checker{}, false
}
