package main

import (
	"fmt"
	goversion "go/version"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A stage is a part of a Dockerfile.
type stage struct {
	name, image string
	text        string   // of all its instructions, one a line
	user        string   // the last one
	entrypoint  []string // the last one
}

// A dockerfile is one that is looked at. It stands for the questions that a linter of its syntax does not
// ask, and that only a build would answer.
type dockerfile struct {
	path   string
	root   string // of the project, in which it is built
	args   map[string]string
	stages []*stage
	faults []string
}

// lintDocker looks at whether the Dockerfiles of the project would find what they copy and build.
func lintDocker(root string) (faults []string, err error) {
	files, err := filepath.Glob(filepath.Join(root, "deploy", "docker", "*.Dockerfile"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		d := &dockerfile{path: file, root: root, args: map[string]string{}}
		for _, line := range instructions(string(text)) {
			d.instruction(line)
		}
		d.last()
		faults = append(faults, d.faults...)
	}
	return faults, nil
}

// instructions returns those of a Dockerfile, each on one line.
func instructions(text string) []string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if begin, more := strings.CutSuffix(line, "\\"); more {
			b.WriteString(begin)
			continue
		}
		b.WriteString(line + "\n")
	}
	return strings.Split(strings.TrimSpace(b.String()), "\n")
}

func (d *dockerfile) fault(format string, args ...any) {
	d.faults = append(d.faults, d.path+": "+fmt.Sprintf(format, args...))
}

var (
	packageBuilt = regexp.MustCompile(`go build .*?(\./\S+)`)
	goImage      = regexp.MustCompile(`^golang:([0-9.]+)-`)
	goNeeded     = regexp.MustCompile(`(?m)^(?:go |toolchain go)([0-9.]+)$`)
)

func (d *dockerfile) instruction(line string) {
	fields := strings.Fields(line)
	name, fields := fields[0], fields[1:]
	switch name {
	case "FROM":
		d.from(fields)
		return
	case "ARG":
		arg, value, _ := strings.Cut(fields[0], "=")
		d.args[arg] = value
	}
	if len(d.stages) == 0 {
		return
	}
	s := d.stages[len(d.stages)-1]
	switch name {
	case "COPY":
		d.copy(fields)
	case "RUN":
		for _, m := range packageBuilt.FindAllStringSubmatch(line, -1) {
			if main, err := os.Stat(filepath.Join(d.root, m[1], "main.go")); err != nil || main.IsDir() {
				d.fault("it builds %s, which is no program of the project", m[1])
			}
		}
	case "USER":
		s.user = fields[0]
	case "ENTRYPOINT":
		s.entrypoint = regexp.MustCompile(`[^\s",\[\]]+`).FindAllString(strings.Join(fields, " "), -1)
	}
	s.text += line + "\n"
}

// from begins a stage. An image that builds Go has to be as new as go.mod says, since it downloads no other.
func (d *dockerfile) from(fields []string) {
	s := &stage{image: os.Expand(fields[0], func(arg string) string { return d.args[arg] })}
	if len(fields) == 3 {
		s.name = fields[2]
	}
	d.stages = append(d.stages, s)
	m := goImage.FindStringSubmatch(s.image)
	if m == nil {
		return
	}
	text, err := os.ReadFile(filepath.Join(d.root, "go.mod"))
	if err != nil {
		d.fault("%v", err)
		return
	}
	for _, need := range goNeeded.FindAllStringSubmatch(string(text), -1) {
		if goversion.Compare("go"+m[1], "go"+need[1]) < 0 {
			d.fault("its image has Go %s, go.mod wants %s", m[1], need[1])
		}
	}
}

// copy looks at whether what is copied is there: in the project, and not left out of what a build is
// given, or in an earlier stage that says that it makes it.
func (d *dockerfile) copy(fields []string) {
	from := ""
	for strings.HasPrefix(fields[0], "--") {
		if name, ok := strings.CutPrefix(fields[0], "--from="); ok {
			from = name
		}
		fields = fields[1:]
	}
	for _, source := range fields[:len(fields)-1] {
		if from == "" {
			if _, err := os.Stat(filepath.Join(d.root, source)); err != nil {
				d.fault("it copies %s, which is not there", source)
			} else if pattern := d.ignored(source); pattern != "" {
				d.fault("it copies %s, which .dockerignore leaves out by %s", source, pattern)
			}
			continue
		}
		i := slices.IndexFunc(d.stages, func(s *stage) bool { return s.name == from })
		switch {
		case i < 0 || i == len(d.stages)-1:
			d.fault("it copies from %s, which is no earlier stage", from)
		case d.stages[i].text != "" && !strings.Contains(d.stages[i].text, source):
			d.fault("it copies %s, of which the stage %s says nothing", source, from)
		}
	}
}

// ignored returns the pattern of .dockerignore that leaves a file out.
func (d *dockerfile) ignored(source string) string {
	text, _ := os.ReadFile(filepath.Join(d.root, ".dockerignore")) // if there is none, nothing is left out
	for pattern := range strings.FieldsSeq(string(text)) {
		parts := strings.Split(path.Clean(source), "/")
		for i := range parts {
			if fits, _ := path.Match(pattern, strings.Join(parts[:i+1], "/")); fits {
				return pattern
			}
		}
	}
	return ""
}

// last looks at the stage that becomes the image.
func (d *dockerfile) last() {
	if len(d.stages) == 0 {
		d.fault("it has no stage")
		return
	}
	s := d.stages[len(d.stages)-1]
	if user, _, _ := strings.Cut(s.user, ":"); user == "" || user == "root" || user == "0" {
		d.fault("its image runs as root: name another USER")
	}
	if len(s.entrypoint) > 0 && !strings.Contains(s.text, " "+s.entrypoint[0]+"\n") {
		d.fault("its entry point %s is not copied into it", s.entrypoint[0])
	}
}
