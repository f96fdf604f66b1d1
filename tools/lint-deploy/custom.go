package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// A property is a part of the schema of an object that an operator has added: as much of OpenAPI as
// Kubernetes takes there.
type property struct {
	Type       string              `json:"type"`
	Properties map[string]property `json:"properties"`
	Additional *property           `json:"additionalProperties"`
	Items      *property           `json:"items"`
	Required   []string            `json:"required"`
	Enum       []any               `json:"enum"`
	Pattern    string              `json:"pattern"`
	IntOrText  bool                `json:"x-kubernetes-int-or-string"`
	Free       bool                `json:"x-kubernetes-preserve-unknown-fields"`
}

// UnmarshalJSON also reads additionalProperties that are true or false.
func (p *property) UnmarshalJSON(b []byte) error {
	type plain property
	var with struct {
		*plain
		Additional json.RawMessage `json:"additionalProperties"`
	}
	with.plain = (*plain)(p)
	if err := json.Unmarshal(b, &with); err != nil {
		return err
	}
	switch text := string(with.Additional); text {
	case "", "false":
	case "true":
		p.Free = true
	default:
		p.Additional = new(property)
		return json.Unmarshal(with.Additional, p.Additional)
	}
	return nil
}

// readSchemas reads the schemas of an operator's objects out of its jar, by group, version and kind.
func readSchemas(jar string) (map[string]property, error) {
	r, err := zip.OpenReader(jar)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all := map[string]property{}
	for _, f := range r.File {
		if !strings.HasPrefix(f.Name, "META-INF/fabric8/") || !strings.HasSuffix(f.Name, "-v1.yml") {
			continue
		}
		file, err := f.Open()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(file)
		if err == nil {
			err = addSchemas(all, text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there are none in %s", jar)
	}
	return all, nil
}

// addSchemas reads a definition of objects.
func addSchemas(all map[string]property, definition []byte) error {
	var d struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema property `json:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(definition, &d); err != nil {
		return err
	}
	for _, v := range d.Spec.Versions {
		all[d.Spec.Group+"/"+v.Name+"/"+d.Spec.Names.Kind] = v.Schema.OpenAPIV3Schema
	}
	return nil
}

// custom looks at an object that an operator has added.
func (m *manifest) custom(name string, document []byte, schema property) {
	var value map[string]any
	if err := yaml.Unmarshal(document, &value); err != nil {
		m.fault("%s: %v", name, err)
		return
	}
	for _, head := range []string{"apiVersion", "kind", "metadata"} {
		delete(value, head)
	}
	schema.check(value, "", func(format string, args ...any) { m.fault("%s: "+format, append([]any{name}, args...)...) })
	if strings.HasPrefix(name, "FlinkDeployment ") {
		m.flink(name, document)
	}
}

// check tells what of a value does not fit.
func (p property) check(value any, path string, fault func(string, ...any)) {
	if value == nil {
		return
	}
	if len(p.Enum) > 0 && !slices.ContainsFunc(p.Enum, func(e any) bool { return fmt.Sprint(e) == fmt.Sprint(value) }) {
		fault("%s: %v is none of %v", path, value, p.Enum)
	}
	switch v := value.(type) {
	case map[string]any:
		if p.Type != "object" && p.Type != "" {
			fault("%s: want %s", path, p.Type)
			return
		}
		p.checkObject(v, path, fault)
	case []any:
		if p.Items == nil {
			fault("%s: want %s, and no list", path, p.Type)
			return
		}
		for i, item := range v {
			p.Items.check(item, fmt.Sprintf("%s[%d]", path, i), fault)
		}
	case string:
		if p.Type != "string" && !p.IntOrText && !p.Free {
			fault("%s: want %s, and no text", path, p.Type)
		}
		if p.Pattern != "" {
			if r, err := regexp.Compile(p.Pattern); err == nil && !r.MatchString(v) {
				fault("%s: %q does not match %s", path, v, p.Pattern)
			}
		}
	case bool:
		if p.Type != "boolean" && !p.Free {
			fault("%s: want %s, and neither true nor false", path, p.Type)
		}
	default: // a number
		if p.Type != "integer" && p.Type != "number" && !p.IntOrText && !p.Free {
			fault("%s: want %s, and no number: %v", path, p.Type, value)
		}
	}
}

func (p property) checkObject(v map[string]any, path string, fault func(string, ...any)) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		switch inner, ok := p.Properties[name]; {
		case ok:
			inner.check(v[name], at, fault)
		case p.Additional != nil:
			p.Additional.check(v[name], at, fault)
		case !p.Free:
			fault("%s: there is no such field", at)
		}
	}
	for _, name := range p.Required {
		if _, ok := v[name]; !ok {
			fault("%s: is missing", strings.TrimPrefix(path+"."+name, "."))
		}
	}
}

// flink takes the pods of Flink's deployments, which the operator makes of the templates and labels by
// itself.
func (m *manifest) flink(name string, document []byte) {
	type part struct {
		PodTemplate corev1.PodTemplateSpec `json:"podTemplate"`
	}
	var d struct {
		Metadata struct{ Name string }
		Spec     struct {
			Configuration map[string]string      `json:"flinkConfiguration"`
			PodTemplate   corev1.PodTemplateSpec `json:"podTemplate"`
			JobManager    part                   `json:"jobManager"`
			TaskManager   part                   `json:"taskManager"`
		}
	}
	if err := yaml.Unmarshal(document, &d); err != nil {
		m.fault("%s: %v", name, err)
		return
	}
	shared := d.Spec.PodTemplate
	m.reporter(name, d.Spec.Configuration, shared)
	for component, own := range map[string]corev1.PodTemplateSpec{"jobmanager": d.Spec.JobManager.PodTemplate, "taskmanager": d.Spec.TaskManager.PodTemplate} {
		merged := *shared.DeepCopy()
		merged.Spec.Volumes = append(merged.Spec.Volumes, own.Spec.Volumes...)
		for _, c := range own.Spec.Containers {
			if i := slices.IndexFunc(merged.Spec.Containers, func(o corev1.Container) bool { return o.Name == c.Name }); i < 0 {
				merged.Spec.Containers = append(merged.Spec.Containers, c)
			} else {
				merged.Spec.Containers[i].VolumeMounts = append(merged.Spec.Containers[i].VolumeMounts, c.VolumeMounts...)
			}
		}
		m.pods = append(m.pods, pods{
			name: name + ": " + component, template: merged,
			labels: labels.Set{"app": d.Metadata.Name, "component": component, "type": "flink-native-kubernetes"},
		})
	}
}

// reporter looks at whether a Flink deployment shows its metrics to Prometheus, at a port that has a name:
// the alerts for Flink ask for them.
func (m *manifest) reporter(name string, configuration map[string]string, pod corev1.PodTemplateSpec) {
	const key, factory = "metrics.reporter.prom.", "org.apache.flink.metrics.prometheus.PrometheusReporterFactory"
	if got := configuration[key+"factory.class"]; got != factory {
		m.fault("%s: %sfactory.class is %q: the alerts for Flink need %s", name, key, got, factory)
		return
	}
	for _, c := range pod.Spec.Containers {
		for _, port := range c.Ports {
			if port.Name == "prom" && fmt.Sprint(port.ContainerPort) == configuration[key+"port"] {
				return
			}
		}
	}
	m.fault("%s: no container has a port prom that is %sport, %q", name, key, configuration[key+"port"])
}
