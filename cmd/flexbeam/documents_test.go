package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// documents returns what users read, by its name: all but the records of decisions, which tell of their time.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		files, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(file, top+string(filepath.Separator))] = string(b)
		}
	}
	return all
}

// fields splits a line as a shell does, as far as commands in documents need it.
func fields(line string) (all []string) {
	var word strings.Builder
	begun, quote := false, rune(0)
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote == 0 && r == ' ':
			if begun {
				all = append(all, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	return all
}

var (
	codeBlock = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")
	codeLines = regexp.MustCompile(`(?m)(?:^    .*\n)+`)
	// begins is what stands in front of a command of a line, and ends what stands behind one.
	begins = regexp.MustCompile(`^(\|\|?|&&?|;|--|[A-Z_]+=.*)$`)
	ends   = regexp.MustCompile(`^([|&;<>#(]|[0-9]>)`)
)

// linesOf returns the lines of code of a document, and what stands as code within its text.
func linesOf(text string) (lines []string) {
	for _, m := range append(codeBlock.FindAllString(text, -1), codeLines.FindAllString(text, -1)...) {
		lines = append(lines, strings.Split(strings.ReplaceAll(m, "\\\n", " "), "\n")...)
	}
	for paragraph := range strings.SplitSeq(codeBlock.ReplaceAllString(text, ""), "\n\n") {
		for i, part := range strings.Split(strings.ReplaceAll(paragraph, "\n", " "), "`") {
			if i%2 == 1 {
				lines = append(lines, part)
			}
		}
	}
	return lines
}

// commandsIn returns the arguments of each flexbeam that a line of a document calls.
func commandsIn(line string) (all [][]string) {
	called := true // the next word is a program
	words := fields(line)
	for i, w := range words {
		if called && filepath.Base(w) == "flexbeam" && len(words) > i+1 {
			args := words[i+1:]
			if end := slices.IndexFunc(args, ends.MatchString); end >= 0 {
				args = args[:end]
			}
			all = append(all, args)
		}
		called = begins.MatchString(w)
	}
	return all
}

// flagsKnown returns an error if a command line names a command or a flag that there is not.
func flagsKnown(args []string) error {
	root := newRoot(newApp(new(bytes.Buffer), new(bytes.Buffer)))
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if cmd == root && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return fmt.Errorf("there is no command %s", rest[0])
	}
	for _, arg := range rest {
		name, isFlag := strings.CutPrefix(arg, "--")
		if end := strings.IndexAny(name, "=|"); end >= 0 {
			name = name[:end]
		}
		if isFlag && name != "help" && cmd.Flag(name) == nil {
			return fmt.Errorf("%s has no flag --%s", cmd.CommandPath(), name)
		}
	}
	return nil
}

// Commands in documents are taken from them and typed, so each command and flag there is one of the program.
func TestTheCommandsOfTheDocumentsAreThoseOfTheProgram(t *testing.T) {
	found := 0
	for name, text := range documents(t) {
		for _, line := range linesOf(text) {
			for _, args := range commandsIn(line) {
				found++
				args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "…") || strings.HasPrefix(a, "[") })
				if err := flagsKnown(args); err != nil {
					t.Errorf("%s: flexbeam %s: %v", name, strings.Join(args, " "), err)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("%d commands were found", found)
	}
}

// ofOthers are flags in documents that are those of the worker, and of Beam's job server.
var ofOthers = []string{"worker-pool", "job-host"}

func TestTheFlagsThatDocumentsNameAreThoseOfTheProgram(t *testing.T) {
	known := map[string]bool{"help": true, "version": true}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	visit(newRoot(newApp(new(bytes.Buffer), new(bytes.Buffer))))
	named := regexp.MustCompile("`--([a-z][a-z0-9-]+)")
	for name, text := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if !known[m[1]] && !slices.Contains(ofOthers, m[1]) {
				t.Errorf("%s: no command has a flag --%s", name, m[1])
			}
		}
	}
}

func TestTheTargetsAndTestsThatDocumentsNameAreThere(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(top, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	tests := testsOf(t)
	target := regexp.MustCompile("(?m)(?:`|^    )make ([a-z][a-z-]*)")
	test := regexp.MustCompile("`(…?)(Test[A-Z]\\w+|[A-Z]\\w+)(…?)`")
	for name, text := range documents(t) {
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
				t.Errorf("%s: there is no target %s", name, m[1])
			}
		}
		for _, m := range test.FindAllStringSubmatch(text, -1) {
			first, last := m[1] == "", m[3] == ""
			if first && !strings.HasPrefix(m[2], "Test") || m[2] == "TestSink2" {
				continue // another name, and the one that CONTRIBUTING.md warns of
			}
			if !slices.ContainsFunc(tests, func(is string) bool {
				return strings.Contains(is, m[2]) && (!first || strings.HasPrefix(is, m[2])) && (!last || strings.HasSuffix(is, m[2]))
			}) {
				t.Errorf("%s: there is no test %s", name, m[0])
			}
		}
	}
}

// testsOf returns the names of all tests.
func testsOf(t *testing.T) (all []string) {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != top:
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(b), -1) {
			all = append(all, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Containers of this program run commands that there are, with values that their flags take.
func TestTheManifestsRunCommandsOfTheProgram(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(top, "deploy/kubernetes/*/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var ran []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(b), "\n---\n") {
			var object struct {
				Spec struct {
					Template corev1.PodTemplateSpec `json:"template"`
				} `json:"spec"`
			}
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, c := range object.Spec.Template.Spec.Containers {
				if c.Name != "flexbeam" {
					continue
				}
				cmd, rest, err := newRoot(newApp(new(bytes.Buffer), new(bytes.Buffer))).Find(c.Args)
				if err == nil {
					err = cmd.ParseFlags(rest)
				}
				if err != nil || cmd.Flags().NArg() > 0 {
					t.Errorf("%s: %q: %v, arguments %q", file, c.Args, err, cmd.Flags().Args())
				}
				ran = append(ran, cmd.Name())
			}
		}
	}
	if !slices.Equal(ran, []string{"run", "run"}) {
		t.Errorf("they run %q", ran)
	}
}

var (
	link         = regexp.MustCompile(`\[[^\]]*\]\(([^)#]*)(?:#([^)]*))?\)`)
	headline     = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchors = regexp.MustCompile(`[^\w\- ]`)
)

func TestTheLinksOfDocumentsLeadSomewhere(t *testing.T) {
	all := documents(t)
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file := filepath.Join(filepath.Dir(name), m[1])
			if m[1] == "" {
				file = name
			}
			if _, err := os.Stat(filepath.Join(top, file)); err != nil {
				t.Errorf("%s: %s: %v", name, m[0], err)
				continue
			}
			target, isDocument := all[file]
			if m[2] == "" || !isDocument {
				continue
			}
			if !slices.ContainsFunc(headline.FindAllStringSubmatch(target, -1), func(h []string) bool {
				return strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(link.ReplaceAllString(h[1], "")), ""), " ", "-") == m[2]
			}) {
				t.Errorf("%s: %s has no section #%s", name, file, m[2])
			}
		}
	}
}
