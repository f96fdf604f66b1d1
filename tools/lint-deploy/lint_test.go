package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
)

// The test's program serves as providers too, as the command does.
func TestMain(m *testing.M) {
	if name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), providerPrefix); ok {
		if err := serveProvider(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// found fails the test unless there is one fault for each text, in their order.
func found(t *testing.T, faults []string, want ...string) {
	t.Helper()
	if len(faults) != len(want) {
		t.Errorf("%d faults, want %d:\n%s", len(faults), len(want), strings.Join(faults, "\n"))
		return
	}
	for _, w := range want {
		if !strings.Contains(strings.Join(faults, "\n"), w) {
			t.Errorf("%q is not among:\n%s", w, strings.Join(faults, "\n"))
		}
	}
}

// write makes a file of a project.
func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const goodPod = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      securityContext: {runAsNonRoot: true}
      containers:
        - name: c
          image: registry.example.com/a:1.0
          ports: [{name: metrics, containerPort: 1}]
          livenessProbe: {httpGet: {path: /, port: metrics}}
          resources: {limits: {memory: 1Gi}}
          securityContext: {allowPrivilegeEscalation: false}
          volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, emptyDir: {}}]
`

const crd = `
spec:
  group: example.com
  names: {kind: Thing}
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [size]
              properties:
                size: {type: integer}
                mode: {type: string, enum: [a, b]}
                free: {type: object, x-kubernetes-preserve-unknown-fields: true}
                conf: {type: object, additionalProperties: {type: string}}
                list: {type: array, items: {type: boolean}}
                port: {x-kubernetes-int-or-string: true}
`

func TestFaultsOfObjectsAreFound(t *testing.T) {
	schemas := map[string]property{}
	if err := addSchemas(schemas, []byte(crd)); err != nil {
		t.Fatal(err)
	}
	replace := func(was, is string) string {
		if !strings.Contains(goodPod, was) {
			t.Fatalf("%q is not in the object", was)
		}
		return strings.Replace(goodPod, was, is, 1)
	}
	service := "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: b}}\n"
	thing := func(spec string) string {
		return "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec: " + spec
	}
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"a good one":            {goodPod, nil},
		"a field that is not":   {replace("image:", "imagine:"), []string{`unknown field "imagine"`}},
		"a selector of others":  {replace("matchLabels: {app: a}", "matchLabels: {app: b}"), []string{"does not select its own pods"}},
		"a service of nobody":   {goodPod + service, []string{"Service s: selects no pod"}},
		"root":                  {replace("{runAsNonRoot: true}", "{}"), []string{"may run as root"}},
		"privileges":            {replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"), []string{"may gain privileges"}},
		"the latest image":      {replace("a:1.0", "a:latest"), []string{"no version"}},
		"an image by name only": {replace("/a:1.0", "/a"), []string{"no version"}},
		"no limit":              {replace("{limits: {memory: 1Gi}}", "{}"), []string{"no limit of memory"}},
		"no such volume":        {replace("name: data, mountPath", "name: date, mountPath"), []string{"no volume date"}},
		"no such port":          {replace("port: metrics}", "port: metric}"), []string{"a port metric, which"}},
		"a secret in the open":  {replace("          ports:", "          env: [{name: API_SECRET, value: abc}]\n          ports:"), []string{"API_SECRET stands in the open"}},
		"no place to write":     {strings.Replace(replace("/a:1.0", "/flexbeam:1.0"), "Escalation: false", "Escalation: false, readOnlyRootFilesystem: true", 1), []string{"cannot write to /tmp"}},
		"another kind":          {"apiVersion: v2\nkind: Pod", []string{"v2/Pod is not known"}},
		"a thing":               {thing("{size: 1, mode: a, free: {x: 1}, conf: {a: b}, list: [true], port: 80}"), nil},
		"a thing that lacks":    {thing("{mode: a}"), []string{"spec.size: is missing"}},
		"a thing of other types": {thing("{size: big, mode: c, conf: {a: 1}, list: [x], port: http, more: 1}"), []string{
			"spec.size: want integer", "spec.mode: c is none of", "spec.conf.a: want string", "spec.list[0]: want boolean", "spec.more: there is no such field",
		}},
	} {
		m := newManifest(name)
		m.read([]byte(tt.text), schemas)
		t.Run(name, func(t *testing.T) { found(t, m.faults, tt.want...) })
	}
}

func TestAFlinkThatShowsNoMetricsIsFound(t *testing.T) {
	const definition = "spec:\n  group: flink.apache.org\n  names: {kind: FlinkDeployment}\n  versions:\n    - name: v1beta1\n" +
		"      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}\n"
	const good = "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata: {name: f}\nspec:\n  flinkConfiguration:\n" +
		"    metrics.reporter.prom.factory.class: org.apache.flink.metrics.prometheus.PrometheusReporterFactory\n    metrics.reporter.prom.port: \"9249\"\n" +
		"  podTemplate:\n    spec:\n      securityContext: {runAsNonRoot: true}\n      containers:\n        - name: flink-main-container\n" +
		"          ports: [{name: prom, containerPort: 9249}]\n          securityContext: {allowPrivilegeEscalation: false}\n"
	schemas := map[string]property{}
	if err := addSchemas(schemas, []byte(definition)); err != nil {
		t.Fatal(err)
	}
	for was, want := range map[string][]string{"9250": nil, "PrometheusReporterFactory": {`factory.class is "org.apache.flink.metrics.prometheus."`}, "containerPort: 9249": {"no container has a port prom"}, "name: prom, ": {"no container has a port prom"}} {
		m := newManifest("f.yaml")
		m.read([]byte(strings.Replace(good, was, "", 1)), schemas)
		found(t, m.faults, want...)
	}
}

func TestFaultsOfModulesAreFound(t *testing.T) {
	const good = `
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}
variable "name" {
  description = "A name."
  type        = string
}
locals {
  tags = { name = var.name }
}
resource "aws_kinesis_stream" "s" {
  name = var.name
  tags = local.tags
  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}
output "arn" {
  value = aws_kinesis_stream.s.arn
}
`
	for name, tt := range map[string]struct {
		was, is string
		want    []string
	}{
		"a good one":          {"", "", nil},
		"no such attribute":   {"tags = local.tags", "tag = local.tags", []string{"aws_kinesis_stream has no attribute tag"}},
		"none that is needed": {"  name = var.name\n  tags", "  tags", []string{"aws_kinesis_stream lacks name"}},
		"no such block":       {"stream_mode_details {", "stream_mode {", []string{"has no block stream_mode"}},
		"a block that lacks":  {`stream_mode = "ON_DEMAND"`, "", []string{"stream_mode_details lacks stream_mode"}},
		"no such resource":    {`"aws_kinesis_stream" "s"`, `"aws_kinesis_streams" "s"`, []string{"is not in providers.json", "there is no aws_kinesis_stream.s"}},
		"no such variable":    {"= { name = var.name }", "= { name = var.nome }", []string{"there is no var.nome"}},
		"no such local":       {"local.tags", "local.tag", []string{"there is no local.tag"}},
		"another version":     {"~> 6.25", "~> 5.0", []string{"of another version"}},
		"no description":      {`  description = "A name."` + "\n", "", []string{"no description"}},
		"not the language":    {"resource", "resource {", []string{"lint"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "lint")
			if !strings.Contains(good, tt.was) {
				t.Fatalf("%q is not in the module", tt.was)
			}
			write(t, dir, "main.tf", strings.Replace(good, tt.was, tt.is, 1))
			faults, err := lintTerraform(dir)
			if err != nil {
				t.Fatal(err)
			}
			found(t, faults, tt.want...)
		})
	}
}

func TestACallOfAModuleIsHeldToItsVariablesAndOutputs(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"m/main.tf": "variable \"a\" {\n  description = \"A.\"\n  type = string\n}\noutput \"o\" {\n  value = var.a\n}\n",
		"main.tf":   "module \"m\" {\n  source = \"./m\"\n  b = 1\n}\noutput \"x\" {\n  value = module.m.p\n}\n",
	} {
		write(t, dir, file, text)
	}
	faults, err := lintTerraform(dir)
	if err != nil {
		t.Fatal(err)
	}
	found(t, faults, "has no variable b", "needs a", "has no output p")
}

func TestRulesAreParsedByPrometheus(t *testing.T) {
	const rule = "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: EXPR\n"
	for expr, faults := range map[string]int{"up == 0": 0, "up = 0": 1, "rate(up)": 1, "sum by (a) (rate(x_total[5m]))": 0} {
		if got := ruleFaults([]byte(strings.Replace(rule, "EXPR", expr, 1))); len(got) != faults {
			t.Errorf("%s: %v", expr, got)
		}
	}
}

func TestAnAlertWithoutASectionIsFound(t *testing.T) {
	root := t.TempDir()
	for file, text := range map[string]string{
		"deploy/prometheus/alerts.yml":            "groups:\n  - name: g\n    rules:\n      - {alert: A, expr: flexbeam_open_tasks, annotations: {runbook: docs/o.md#a}}\n      - {alert: B, expr: flexbeam_open_tasks, annotations: {runbook: docs/o.md#b}}\n      - {alert: C, expr: flexbeam_open_tasks, annotations: {runbook: docs/o.md#c}}\n      - {alert: D, expr: flexbeam_open, annotations: {runbook: docs/p.md#d}}\n",
		"deploy/terraform/modules/alerts/main.tf": "locals {\n  dataflow = {\n    Known = {}\n    New = {}\n  }\n  counters = {\n    Grown = {}\n  }\n  kinesis = {}\n}\n",
		"docs/o.md":          "# O\n\n## A\n\n`flexbeam_open_tasks`: it is.\n\n1. Do it.\n\n## B\n\nIt is.\n\n## C\n\n1. Do it.\n",
		"docs/operations.md": "| `flexbeam_open_tasks` | gauge |  | Tasks. |\n",
		"docs/playbooks.md":  "# P\n\n## Known\n\n1. Do it.\n",
	} {
		write(t, root, file, text)
	}
	faults, err := lintAlerts(root)
	if err != nil {
		t.Fatal(err)
	}
	found(t, faults, "alert B: the section b of docs/o.md says nothing", "alert C: the section c of docs/o.md does not have `flexbeam_open_tasks`",
		"alert D: there is no metric flexbeam_open", "alert D: open ", "alert Grown: docs/playbooks.md has no section grown", "alert New: docs/playbooks.md has no section new")
}

func TestMetricsAndLabelsThatThereAreNotAreFound(t *testing.T) {
	root := t.TempDir()
	write(t, root, "docs/operations.md", "| `flexbeam_letters_total` | counter | `class`, `kind` | L. |\n| `flexbeam_wait_seconds` | histogram |  | W. |\n")
	known, err := knownMetrics(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		expr, summary string
		want          []string
	}{
		{`sum by (class, instance) (rate(flexbeam_letters_total{kind="a"}[5m])) > 0`, "{{ $labels.class }}", nil},
		{"histogram_quantile(0.9, sum by (le) (rate(flexbeam_wait_seconds_bucket[5m]))) > 1", "", nil},
		{"flexbeam_wait_seconds > 1", "", []string{"no metric flexbeam_wait_seconds"}},
		{"sum by (shard) (flexbeam_letters_total) > 0", "{{ $labels.sort }}", []string{"no label shard", "no label sort"}},
		{"increase(flink_jobmanager_job_numRestarts[15m]) > 2", "{{ $labels.job_name }}", nil},
		{"increase(flink_jobmanager_job_restarts[15m]) > 2 or flexbeam_letter > 1", "", []string{"no metric flink_jobmanager_job_restarts", "no metric flexbeam_letter"}},
		{`flink_jobmanager_job_numRestarts{task_name="a"} > 2`, "", []string{"no label task_name"}},
	} {
		found(t, known.faults(rulefmt.Rule{Alert: "A", Expr: tt.expr, Annotations: map[string]string{"summary": tt.summary}}), tt.want...)
	}
}

const goodDockerfile = `# A comment.
ARG BASE=registry.example.com/base:1.0
FROM golang:1.26.8-bookworm AS build
COPY go.mod ./
COPY . .
RUN go build -o /out/bin/flexbeam ./cmd/flexbeam \
    && mkdir -p /out/data

FROM ${BASE}
COPY --from=build /out/bin/flexbeam /usr/local/bin/flexbeam
COPY --from=build --chown=1:1 /out/data /data
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/flexbeam", "run"]
`

func TestDockerfilesThatWouldNotBuildAreFound(t *testing.T) {
	for name, tt := range map[string]struct {
		was, is string
		want    []string
	}{
		"a good one":                {"", "", nil},
		"no such file":              {"COPY go.mod", "COPY go.mod go.sums", []string{"copies go.sums, which is not there"}},
		"a file that is left out":   {"COPY go.mod", "COPY bin/x", []string{"copies bin/x, which .dockerignore leaves out by bin"}},
		"no such program":           {"./cmd/flexbeam ", "./cmd/flexbeams ", []string{"builds ./cmd/flexbeams"}},
		"an older Go":               {"golang:1.26.8", "golang:1.26.2", []string{"has Go 1.26.2, go.mod wants 1.26.7"}},
		"no such stage":             {"--from=build /out/bin", "--from=built /out/bin", []string{"copies from built"}},
		"what no stage makes":       {"-o /out/bin/flexbeam", "-o /out/flexbeam", []string{"copies /out/bin/flexbeam, of which the stage build says nothing"}},
		"root":                      {"USER 65532:65532\n", "", []string{"runs as root"}},
		"root by its number":        {"65532:65532", "0:0", []string{"runs as root"}},
		"an entry point of no file": {`["/usr/local/bin/flexbeam"`, `["/usr/bin/flexbeam"`, []string{"entry point /usr/bin/flexbeam is not copied"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, text := range map[string]string{
				"go.mod": "module m\n\ngo 1.26.7\n", ".dockerignore": ".git\nbin\n", "bin/x": "", "cmd/flexbeam/main.go": "package main\n",
				"deploy/docker/a.Dockerfile": strings.Replace(goodDockerfile, tt.was, tt.is, 1),
			} {
				write(t, root, file, text)
			}
			if !strings.Contains(goodDockerfile, tt.was) {
				t.Fatalf("%q is not in the file", tt.was)
			}
			faults, err := lintDocker(root)
			if err != nil {
				t.Fatal(err)
			}
			found(t, faults, tt.want...)
		})
	}
}

func TestAFileThatNothingChecksIsFound(t *testing.T) {
	root := t.TempDir()
	for _, file := range []string{"deploy/kubernetes/flink/a.yaml", "deploy/kubernetes/b.yaml", "deploy/terraform/modules/a/main.tf", "deploy/new/c.yaml", "deploy/backfill/crontab", "deploy/backfill/d.json"} {
		write(t, root, file, "")
	}
	write(t, root, "cmd/flexbeam/deploy_test.go", `deployed(t, "crontab")`)
	faults, err := lintFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	found(t, faults, "kubernetes/b.yaml: nothing checks it: name its checker", "new/c.yaml: nothing checks it", "d.json: nothing checks it: cmd/flexbeam/deploy_test.go does not name it")
}

const goodModule = `
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}
variable "shards" {
  description = "How many."
  type        = number
}
resource "aws_kinesis_stream" "s" {
  name             = lower("S")
  shard_count      = var.shards > 0 ? var.shards : null
  retention_period = 24
  stream_mode_details {
    stream_mode = "PROVISIONED"
  }
}
resource "aws_kinesis_stream_consumer" "c" {
  for_each   = toset(["a"])
  name       = each.value
  stream_arn = aws_kinesis_stream.s.arn
}
output "consumers" {
  value = [for c in aws_kinesis_stream_consumer.c : c.arn]
}
`

// Terraform itself finds what the schemas alone do not tell.
func TestTerraformTellsWhatItDoesNotTake(t *testing.T) {
	providers, err := readProviders()
	if err != nil {
		t.Fatal(err)
	}
	tf, fetchable, err := newTerraform(filepath.Join("..", "..", ".cache", "lint-deploy"), t.TempDir(), providers)
	if errors.Is(err, errNoTerraform) && !fetchable {
		return // there is none for this machine
	} else if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		changes []string // each with what it was in front
		want    []string
	}{
		"a good one":           {nil, nil},
		"two blocks of a name": {[]string{`"aws_kinesis_stream_consumer" "c" {`, `"aws_kinesis_stream" "s" {`}, []string{"Duplicate resource"}},
		"what is not told":     {[]string{`.arn`, `.urn`}, []string{"main.tf:25: terraform: Unsupported attribute"}},
		"wrong expressions": {
			[]string{`lower(`, `lowercase(`, `var.shards > 0`, `"many"`, `= 24`, `= "a day"`},
			[]string{
				"main.tf:15: terraform: Call to unknown function", "main.tf:16: terraform: Incorrect condition type", "main.tf:17: terraform: Incorrect attribute value type",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := goodModule
			for i := 0; i < len(tt.changes); i += 2 {
				if !strings.Contains(text, tt.changes[i]) {
					t.Fatalf("%q is not in the module", tt.changes[i])
				}
				text = strings.Replace(text, tt.changes[i], tt.changes[i+1], 1)
			}
			dir := t.TempDir()
			write(t, dir, "main.tf", text)
			faults, err := tf.validate(dir)
			if err != nil {
				t.Fatal(err)
			}
			found(t, faults, tt.want...)
		})
	}
}
