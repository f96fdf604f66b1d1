package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// kinds make the objects that deploy/ has, by group, version and kind.
var kinds = map[string]func() any{
	"v1/ConfigMap":                  func() any { return new(corev1.ConfigMap) },
	"v1/Namespace":                  func() any { return new(corev1.Namespace) },
	"v1/Service":                    func() any { return new(corev1.Service) },
	"v1/ServiceAccount":             func() any { return new(corev1.ServiceAccount) },
	"v1/PersistentVolumeClaim":      func() any { return new(corev1.PersistentVolumeClaim) },
	"apps/v1/Deployment":            func() any { return new(appsv1.Deployment) },
	"apps/v1/StatefulSet":           func() any { return new(appsv1.StatefulSet) },
	"batch/v1/Job":                  func() any { return new(batchv1.Job) },
	"batch/v1/CronJob":              func() any { return new(batchv1.CronJob) },
	"policy/v1/PodDisruptionBudget": func() any { return new(policyv1.PodDisruptionBudget) },
}

// pods are what a file starts, with what to call it in faults.
type pods struct {
	name     string
	labels   map[string]string
	template corev1.PodTemplateSpec
	claims   []corev1.PersistentVolumeClaim
}

// a manifest is one file.
type manifest struct {
	path      string
	pods      []pods
	selectors map[string]labels.Selector // of services and budgets, by what to call them
	faults    []string
}

// lintKubernetes looks at every object in the files of a folder.
func lintKubernetes(folder string, schemas map[string]property) (faults []string, err error) {
	err = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		m := newManifest(path)
		m.read(b, schemas)
		faults = append(faults, m.faults...)
		return nil
	})
	return faults, err
}

func newManifest(path string) *manifest {
	return &manifest{path: path, selectors: map[string]labels.Selector{}}
}

func (m *manifest) fault(format string, args ...any) {
	m.faults = append(m.faults, m.path+": "+fmt.Sprintf(format, args...))
}

// read looks at the objects of a file, each by itself and then all together.
func (m *manifest) read(text []byte, schemas map[string]property) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			m.fault("%v", err)
			return
		}
		m.object(document, schemas)
	}
	for _, p := range m.pods {
		m.safe(p)
		m.mounted(p)
	}
	for _, name := range slices.Sorted(maps.Keys(m.selectors)) {
		if !slices.ContainsFunc(m.pods, func(p pods) bool { return m.selectors[name].Matches(labels.Set(p.labels)) }) {
			m.fault("%s: selects no pod of this file", name)
		}
	}
}

// object looks at one object.
func (m *manifest) object(document []byte, schemas map[string]property) {
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metav1.ObjectMeta `json:"metadata"`
	}
	if err := yaml.Unmarshal(document, &head); err != nil {
		m.fault("%v", err)
		return
	}
	kind := head.APIVersion + "/" + head.Kind
	name := head.Kind + " " + head.Metadata.Name
	if kind == "/" { // comments only
		return
	}
	if s, ok := schemas[kind]; ok {
		m.custom(name, document, s)
		return
	}
	newObject, ok := kinds[kind]
	if !ok {
		m.fault("%s: %s is not known here", name, kind)
		return
	}
	o := newObject()
	if err := yaml.UnmarshalStrict(document, o); err != nil {
		m.fault("%s: %v", name, err)
		return
	}
	m.collect(name, o)
}

// collect takes what is looked at together.
func (m *manifest) collect(name string, object any) {
	add := func(t corev1.PodTemplateSpec, selector *metav1.LabelSelector, claims ...corev1.PersistentVolumeClaim) {
		m.pods = append(m.pods, pods{name: name, labels: t.Labels, template: t, claims: claims})
		if selector == nil {
			return
		}
		if s, err := metav1.LabelSelectorAsSelector(selector); err != nil || !s.Matches(labels.Set(t.Labels)) {
			m.fault("%s: its selector does not select its own pods, %v", name, err)
		}
	}
	switch o := object.(type) {
	case *appsv1.Deployment:
		add(o.Spec.Template, o.Spec.Selector)
	case *appsv1.StatefulSet:
		add(o.Spec.Template, o.Spec.Selector, o.Spec.VolumeClaimTemplates...)
	case *batchv1.Job:
		add(o.Spec.Template, nil)
	case *batchv1.CronJob:
		add(o.Spec.JobTemplate.Spec.Template, nil)
	case *corev1.Service:
		m.selectors[name] = labels.SelectorFromSet(o.Spec.Selector)
	case *policyv1.PodDisruptionBudget:
		s, err := metav1.LabelSelectorAsSelector(o.Spec.Selector)
		if err != nil {
			m.fault("%s: %v", name, err)
			return
		}
		m.selectors[name] = s
	}
}

var (
	ours       = regexp.MustCompile(`(^|/)flexbeam[:@]`)
	version    = regexp.MustCompile(`(:[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})$`)
	secretName = regexp.MustCompile(`(?i)(secret|password|token|_key)$`)
)

// safe holds containers to rules that hold for all of ours.
func (m *manifest) safe(p pods) {
	spec := p.template.Spec
	ofPod := spec.SecurityContext
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		where := p.name + ": container " + c.Name
		if c.Image == "" && strings.HasPrefix(c.Name, "flink-main") { // the operator fills it in
			c.Image = "flink:operator"
			c.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: {}}
		}
		own := c.SecurityContext
		if own == nil {
			own = &corev1.SecurityContext{}
		}
		nonRoot := own.RunAsNonRoot
		if nonRoot == nil && ofPod != nil {
			nonRoot = ofPod.RunAsNonRoot
		}
		_, limited := c.Resources.Limits[corev1.ResourceMemory]
		for _, rule := range []struct {
			broken bool
			text   string
		}{
			{nonRoot == nil || !*nonRoot, "may run as root: set runAsNonRoot"},
			{own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation, "may gain privileges: set allowPrivilegeEscalation to false"},
			{own.Privileged != nil && *own.Privileged, "is privileged"},
			{!version.MatchString(c.Image) || strings.HasSuffix(c.Image, ":latest"), "its image has no version: " + c.Image},
			{!limited, "has no limit of memory"},
			{own.ReadOnlyRootFilesystem != nil && *own.ReadOnlyRootFilesystem && ours.MatchString(c.Image) && !mounts(c, "/tmp"), "cannot write to /tmp, where flexbeam makes temporary files: mount a volume there"},
		} {
			if rule.broken {
				m.fault("%s: %s", where, rule.text)
			}
		}
		for _, e := range c.Env {
			if e.Value != "" && secretName.MatchString(e.Name) {
				m.fault("%s: %s stands in the open: take it from a secret", where, e.Name)
			}
		}
	}
}

// mounts tells whether a container has a volume at a path.
func mounts(c corev1.Container, path string) bool {
	return slices.ContainsFunc(c.VolumeMounts, func(v corev1.VolumeMount) bool { return v.MountPath == path })
}

// mounted finds mounts and probes that lead nowhere.
func (m *manifest) mounted(p pods) {
	there := map[string]bool{}
	for _, v := range p.template.Spec.Volumes {
		there[v.Name] = true
	}
	for _, c := range p.claims {
		there[c.Name] = true
	}
	for _, c := range slices.Concat(p.template.Spec.InitContainers, p.template.Spec.Containers) {
		for _, v := range c.VolumeMounts {
			if !there[v.Name] {
				m.fault("%s: container %s: there is no volume %s", p.name, c.Name, v.Name)
			}
		}
		ports := map[string]bool{}
		for _, port := range c.Ports {
			ports[port.Name] = true
		}
		for kind, probe := range map[string]*corev1.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
			name := ""
			switch {
			case probe == nil:
			case probe.HTTPGet != nil:
				name = probe.HTTPGet.Port.StrVal
			case probe.TCPSocket != nil:
				name = probe.TCPSocket.Port.StrVal
			}
			if name != "" && !ports[name] {
				m.fault("%s: container %s: its %s probe asks a port %s, which there is not", p.name, c.Name, kind, name)
			}
		}
	}
}
