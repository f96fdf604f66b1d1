package main

import (
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// flinkMetrics are those that Flink's reporter for Prometheus shows while a job of flexbeam's runs, one a
// line with its labels behind it. They were read from a cluster; pipeline's tests hold those that alerts
// ask for to one.
//
//go:embed flink-metrics.txt
var flinkMetrics string

// metrics are what a rule may ask for: the labels of each by its name.
type metrics map[string][]string

// ofPrometheus are labels that Prometheus itself adds.
var ofPrometheus = []string{"instance", "job"}

var (
	metricRow = regexp.MustCompile("(?m)^\\| `(flexbeam_\\w+)` \\| (\\w+) \\| ([^|]*) \\|")
	quoted    = regexp.MustCompile("`(\\w+)`")
	labelUsed = regexp.MustCompile(`\$labels\.(\w+)`)
)

// knownMetrics returns the metrics of flexbeam, by the table of docs/operations.md, which a test holds to
// the code, and those of Flink.
func knownMetrics(root string) (metrics, error) {
	const table = "docs/operations.md"
	text, err := os.ReadFile(filepath.Join(root, table))
	if err != nil {
		return nil, err
	}
	known := metrics{}
	for _, row := range metricRow.FindAllStringSubmatch(string(text), -1) {
		labels := []string{}
		for _, l := range quoted.FindAllStringSubmatch(row[3], -1) {
			labels = append(labels, l[1])
		}
		if row[2] != "histogram" {
			known[row[1]] = labels
			continue
		}
		known[row[1]+"_sum"], known[row[1]+"_count"], known[row[1]+"_bucket"] = labels, labels, append(labels, "le")
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("%s has no table of metrics", table)
	}
	for line := range strings.Lines(flinkMetrics) {
		if fields := strings.Fields(line); len(fields) > 0 {
			known[fields[0]] = fields[1:]
		}
	}
	return known, nil
}

// faults tells which metrics and labels of a rule there are not.
func (m metrics) faults(rule rulefmt.Rule) (all []string) {
	fault := func(format string, args ...any) {
		all = append(all, fmt.Sprintf("alert %s: %s", rule.Alert, fmt.Sprintf(format, args...)))
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
	if err != nil {
		fault("%v", err)
		return all
	}
	has, used := map[string]bool{}, map[string]bool{}
	for _, l := range ofPrometheus {
		has[l] = true
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			labels, ok := m[n.Name]
			if !ok {
				fault("there is no metric %s", n.Name)
			}
			for _, l := range labels {
				has[l] = true
			}
			for _, l := range n.LabelMatchers {
				used[l.Name] = l.Name != "__name__"
			}
		case *parser.AggregateExpr:
			for _, l := range n.Grouping {
				used[l] = true
			}
		}
		return nil
	})
	for _, text := range rule.Annotations {
		for _, l := range labelUsed.FindAllStringSubmatch(text, -1) {
			used[l[1]] = true
		}
	}
	for _, l := range slices.Sorted(maps.Keys(used)) {
		if used[l] && !has[l] {
			fault("its metrics have no label %s", l)
		}
	}
	return all
}
