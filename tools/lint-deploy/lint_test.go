package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(good, tt.was) {
				t.Fatalf("%q is not in the module", tt.was)
			}
			if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(strings.Replace(good, tt.was, tt.is, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
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
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
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
		"deploy/prometheus/alerts.yml":            "groups:\n  - name: g\n    rules:\n      - {alert: A, expr: up, annotations: {runbook: docs/o.md#a}}\n      - {alert: B, expr: up, annotations: {runbook: docs/o.md#b}}\n",
		"deploy/terraform/modules/alerts/main.tf": "locals {\n  dataflow = {\n    Known = {}\n    New = {}\n  }\n  kinesis = {}\n}\n",
		"docs/o.md":         "# O\n\n## A\n\nIt is.\n\n1. Do it.\n\n## B\n\nIt is.\n",
		"docs/playbooks.md": "# P\n\n## Known\n\n1. Do it.\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	faults, err := lintAlerts(root)
	if err != nil {
		t.Fatal(err)
	}
	found(t, faults, "alert B: the section b", "alert New: docs/playbooks.md has no section new")
}
