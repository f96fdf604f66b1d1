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

// lintAlerts finds alerts without a section that says what to do: those of Prometheus name theirs, those
// of Terraform's module have one of their name in docs/playbooks.md.
func lintAlerts(root string) (faults []string, err error) {
	rules, err := os.ReadFile(filepath.Join(root, "deploy", "prometheus", "alerts.yml"))
	if err != nil {
		return nil, err
	}
	groups, errs := parseRules(rules)
	if len(errs) > 0 {
		return nil, nil // lintPrometheus has them
	}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			file, anchor, _ := strings.Cut(r.Annotations["runbook"], "#")
			if f, err := section(root, file, anchor); err != nil || f != "" {
				faults = append(faults, fmt.Sprintf("alert %s: %s%v", r.Alert, f, orNothing(err)))
			}
		}
	}
	names, err := terraformAlerts(filepath.Join(root, "deploy", "terraform", "modules", "alerts", "main.tf"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if f, err := section(root, "docs/playbooks.md", strings.ToLower(name)); err != nil || f != "" {
			faults = append(faults, fmt.Sprintf("alert %s: %s%v", name, f, orNothing(err)))
		}
	}
	return faults, nil
}

func orNothing(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// section says what is wrong with a reference to a section of a document; nothing if it is there and
// has steps.
func section(root, file, anchor string) (fault string, err error) {
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return "", err
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
		if !strings.Contains(string(text[h[1]:end]), "\n1. ") {
			return fmt.Sprintf("the section %s of %s says nothing to do", anchor, file), nil
		}
		return "", nil
	}
	return fmt.Sprintf("%s has no section %s", file, anchor), nil
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
		for _, table := range []string{"dataflow", "kinesis"} {
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
