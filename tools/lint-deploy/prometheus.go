package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"flexbeam/tools/lint-deploy/schema"
)

// lintPrometheus parses the rules of a folder as Prometheus does.
func lintPrometheus(folder string) (faults []string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yml"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for _, e := range ruleFaults(b) {
			faults = append(faults, path+": "+e.Error())
		}
	}
	return faults, nil
}

func ruleFaults(text []byte) []error {
	_, errs := parseRules(text)
	return errs
}

func parseRules(text []byte) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
}

// heading is a heading of Markdown.
var heading = regexp.MustCompile(`(?m)^#+ (.+)$`)

// lintAlerts finds alerts that ask for metrics which there are not, or that have no section which tells what
// is asked and what to do: those of Prometheus name theirs, those of Terraform's module have one of their
// name in docs/playbooks.md.
func lintAlerts(root string) (faults []string, err error) {
	known, err := knownMetrics(root)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "deploy", "prometheus", "*.yml"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		groups, errs := parseRules(text)
		if len(errs) > 0 {
			continue // lintPrometheus has them
		}
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				faults = append(faults, known.faults(r)...)
				file, anchor, _ := strings.Cut(r.Annotations["runbook"], "#")
				faults = append(faults, sectionFaults(root, r.Alert, file, anchor, "`"+r.Expr+"`")...)
			}
		}
	}
	names, err := terraformAlerts(filepath.Join(root, "deploy", "terraform", "modules", "alerts", "main.tf"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		faults = append(faults, sectionFaults(root, name, "docs/playbooks.md", strings.ToLower(name), "")...)
	}
	return faults, nil
}

// sectionFaults tells what is wrong with the section of an alert, which has steps and a text.
func sectionFaults(root, alert, file, anchor, want string) []string {
	fault := func(format string, args ...any) []string {
		return []string{fmt.Sprintf("alert %s: %s", alert, fmt.Sprintf(format, args...))}
	}
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return fault("%v", err)
	}
	all := heading.FindAllStringSubmatchIndex(string(text), -1)
	for i, h := range all {
		if strings.ToLower(strings.ReplaceAll(string(text[h[2]:h[3]]), " ", "-")) != anchor {
			continue
		}
		end := len(text)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		switch section := string(text[h[1]:end]); {
		case !strings.Contains(section, "\n1. "):
			return fault("the section %s of %s says nothing to do", anchor, file)
		case !strings.Contains(section, want):
			return fault("the section %s of %s does not have %s", anchor, file, want)
		}
		return nil
	}
	return fault("%s has no section %s", file, anchor)
}

// terraformAlerts returns the names of the alerts in a module's tables.
func terraformAlerts(path string) (names []string, err error) {
	body, err := schema.Parse(path)
	if err != nil {
		return nil, err
	}
	for _, b := range body.Blocks {
		if b.Type != "locals" {
			continue
		}
		for _, table := range []string{"dataflow", "counters", "kinesis"} {
			a := b.Body.Attributes[table]
			if a == nil {
				return nil, fmt.Errorf("%s: there is no table %s", path, table)
			}
			object, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
			if !ok {
				return nil, fmt.Errorf("%s: %s is no table", path, table)
			}
			for _, item := range object.Items {
				name, d := item.KeyExpr.Value(nil)
				if d.HasErrors() {
					return nil, d
				}
				names = append(names, name.AsString())
			}
		}
	}
	return names, nil
}
