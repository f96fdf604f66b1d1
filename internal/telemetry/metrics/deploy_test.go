package metrics_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.yaml.in/yaml/v3"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/telemetry/metrics"
)

const (
	dashboardFile = "../../../deploy/grafana/flexbeam.json"
	alertsFile    = "../../../deploy/prometheus/alerts.yml"
)

// A dashboard is what the tests look at of a Grafana dashboard.
type dashboard struct {
	UID           string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               source
	FieldConfig              struct {
		Defaults struct {
			Unit       string
			Thresholds struct {
				Steps []struct{ Value *float64 }
			}
		}
	}
	Targets []struct {
		Expr       string
		Datasource source
	}
}

type source struct{ Type, UID string }

// A rule is an alert.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func readAlerts(t *testing.T) (all []rule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, alertsFile)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// A use is a metric in a query, with the labels that are selected.
type use struct {
	metric string
	labels []string
}

var (
	metricUse = regexp.MustCompile(`\b((?:flexbeam|go|process)_\w+)(?:\{([^}]*)\})?`)
	labelUse  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"`)
	grouping  = regexp.MustCompile(`\b(?:by|without)\s*\(([^)]*)\)`)
)

func usesOf(query string) (all []use) {
	var grouped []string
	for _, g := range grouping.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			grouped = append(grouped, strings.TrimSpace(label))
		}
	}
	for _, m := range metricUse.FindAllStringSubmatch(query, -1) {
		u := use{m[1], slices.Clone(grouped)}
		for _, l := range labelUse.FindAllStringSubmatch(m[2], -1) {
			u.labels = append(u.labels, l[1])
		}
		all = append(all, u)
	}
	return all
}

// check fails the test if a query names a metric that is not there, or a label that its metric does
// not have. It returns the names of the metrics of the table.
func check(t *testing.T, where, query string) (names []string) {
	t.Helper()
	others := runtimeMetrics(t)
	uses := usesOf(query)
	if len(uses) == 0 {
		t.Errorf("%s: no metric in %s", where, query)
	}
	for _, u := range uses {
		if others[u.metric] {
			continue
		}
		var found *metrics.Metric
		for i, m := range metrics.Table {
			if m.Name == u.metric || m.Kind == metrics.Histogram && slices.Contains([]string{m.Name + "_bucket", m.Name + "_sum", m.Name + "_count"}, u.metric) {
				found = &metrics.Table[i]
			}
		}
		if found == nil {
			t.Errorf("%s: there is no metric %s: %s", where, u.metric, query)
			continue
		}
		names = append(names, found.Name)
		allowed := append([]string{"instance", "job"}, found.Labels...)
		if strings.HasSuffix(u.metric, "_bucket") {
			allowed = append(allowed, "le")
		}
		for _, l := range u.labels {
			if !slices.Contains(allowed, l) {
				t.Errorf("%s: %s has no label %s: %s", where, u.metric, l, query)
			}
		}
	}
	return names
}

// runtimeMetrics returns the names of the metrics that the endpoint adds, as far as this system has
// them.
func runtimeMetrics(t *testing.T) map[string]bool {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range families {
		names[f.GetName()] = true
	}
	for _, name := range []string{"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"} {
		names[name] = true
	}
	return names
}

func TestDashboardShowsEveryMetricAndNoOther(t *testing.T) {
	var shown []string
	for _, p := range readDashboard(t).Panels {
		for _, q := range p.Targets {
			shown = append(shown, check(t, p.Title, q.Expr)...)
		}
	}
	for _, m := range metrics.Table {
		if !slices.Contains(shown, m.Name) {
			t.Errorf("no panel shows %s", m.Name)
		}
	}
}

func TestDashboardAsksTheChosenSourceInstanceStreamAndShard(t *testing.T) {
	d := readDashboard(t)
	if d.UID != "flexbeam" || d.SchemaVersion < 41 {
		t.Errorf("uid %q, schema version %d", d.UID, d.SchemaVersion)
	}
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name+" "+v.Type)
		if v.Type == "query" {
			check(t, "variable "+v.Name, v.Definition)
		}
	}
	if want := []string{"datasource datasource", "instance query", "stream query", "shard query"}; !slices.Equal(variables, want) {
		t.Errorf("variables %q, want %q", variables, want)
	}
	chosen := source{"prometheus", "${datasource}"}
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		if p.Datasource != chosen || len(p.Targets) == 0 || p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("%s: source %v, %d queries, unit %q", p.Title, p.Datasource, len(p.Targets), p.FieldConfig.Defaults.Unit)
		}
		for _, q := range p.Targets {
			if q.Datasource != chosen {
				t.Errorf("%s: a query asks %v", p.Title, q.Datasource)
			}
			for _, m := range metricUse.FindAllStringSubmatch(q.Expr, -1) {
				if !strings.Contains(m[2], `instance=~"$instance"`) {
					t.Errorf("%s: %s is of any instance", p.Title, m[1])
				}
			}
			for _, u := range usesOf(q.Expr) {
				if strings.HasPrefix(u.metric, "flexbeam_shard_") && !(slices.Contains(u.labels, "stream") && slices.Contains(u.labels, "shard")) {
					t.Errorf("%s: %s is of any shard", p.Title, u.metric)
				}
			}
		}
	}
}

func TestDashboardPanelsLieInRowsWithoutOverlap(t *testing.T) {
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	var rows []string
	for _, p := range readDashboard(t).Panels {
		if ids[p.ID] {
			t.Errorf("%s: id %d comes twice", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			rows = append(rows, p.Title)
		}
		g := p.GridPos
		if g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s leaves the grid", p.Title)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	want := []string{"Throughput", "Lag and watermark", "Dead letters", "Open tasks and state", "Rows by table", "Latency", "Flushes of the sink", "Calls to Twilio", "Process"}
	if !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
}

func TestEveryThresholdOfTheDashboardIsThatOfAnAlert(t *testing.T) {
	alerts := map[string]rule{}
	for _, a := range readAlerts(t) {
		alerts[a.Alert] = a
	}
	name := regexp.MustCompile(`\bFlexbeam\w+`)
	for _, p := range readDashboard(t).Panels {
		for _, s := range p.FieldConfig.Defaults.Thresholds.Steps {
			if s.Value == nil {
				continue
			}
			number := regexp.MustCompile(`> ` + regexp.QuoteMeta(strconv.FormatFloat(*s.Value, 'f', -1, 64)) + `\b`)
			if a := alerts[name.FindString(p.Description)]; !number.MatchString(a.Expr) {
				t.Errorf("%s: threshold %v is not that of the alert %q that its description names", p.Title, *s.Value, a.Alert)
			}
		}
		for _, named := range name.FindAllString(p.Description, -1) {
			if _, ok := alerts[named]; !ok {
				t.Errorf("%s: there is no alert %s", p.Title, named)
			}
		}
	}
}

func TestEveryAlertHasASectionThatSaysWhatToDo(t *testing.T) {
	text := read(t, operations)
	_, part, ok := strings.Cut(text, "\n## Alerts\n")
	if !ok {
		t.Fatal("docs/operations.md has no section Alerts")
	}
	part, _, _ = strings.Cut(part, "\n## ")
	sections := map[string]string{}
	var inDocs, inRules []string
	for _, s := range strings.Split(part, "\n### ")[1:] {
		name, body, _ := strings.Cut(s, "\n")
		sections[name] = body
		inDocs = append(inDocs, name)
	}
	for _, a := range readAlerts(t) {
		inRules = append(inRules, a.Alert)
		check(t, a.Alert, a.Expr)
		body := sections[a.Alert]
		if !strings.HasPrefix(body, "\n`"+a.Expr+"`") {
			t.Errorf("%s: its section does not begin with its expression %s", a.Alert, a.Expr)
		}
		if a.For != "" {
			minutes := strings.TrimSuffix(a.For, "m")
			if !strings.Contains(body, "for "+minutes+" minutes") {
				t.Errorf("%s: its section does not say that it waits for %s minutes", a.Alert, minutes)
			}
		}
		if !strings.Contains(body, "\n1. ") {
			t.Errorf("%s: its section says nothing to do", a.Alert)
		}
		if want := "docs/operations.md#" + strings.ToLower(a.Alert); a.Annotations["runbook"] != want || a.Annotations["summary"] == "" {
			t.Errorf("%s: annotations %v, want runbook %s and a summary", a.Alert, a.Annotations, want)
		}
		if s := a.Labels["severity"]; s != "warning" && s != "critical" {
			t.Errorf("%s: severity %q", a.Alert, s)
		}
	}
	if !slices.Equal(inDocs, inRules) {
		t.Errorf("sections %q, alerts %q", inDocs, inRules)
	}
}

func TestTheHealthChecksLimitsAreThoseOfTheDocument(t *testing.T) {
	text := read(t, operations)
	l := telemetry.DefaultLimits
	for _, want := range []string{
		fmt.Sprintf("no successful poll for %.0f minutes", l.Poll.Minutes()),
		fmt.Sprintf("older than %.0f minutes and has not moved for %[1]v minutes", l.Watermark.Minutes()),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in docs/operations.md", want)
		}
	}
}
