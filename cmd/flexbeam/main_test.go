package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// binary is flexbeam as a user has it, built once.
var binary string

func TestMain(m *testing.M) {
	if file := os.Getenv(writerEnv); file != "" {
		fmt.Println(writeOn(file))
		os.Exit(1)
	}
	flag.Parse()
	dir, err := os.MkdirTemp("", "flexbeam")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "flexbeam")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		os.Exit(1)
	}
	environment(dir)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// environment makes the environment one in which the shell finds flexbeam, and without any AWS configuration.
func environment(dir string) {
	none := filepath.Join(dir, "none")
	for name, value := range map[string]string{
		"PATH":              dir + string(os.PathListSeparator) + os.Getenv("PATH"),
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
}

// A ran is what a command line did.
type ran struct {
	code        int
	out, errors string
}

// call runs a command line in this process.
func call(t *testing.T, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	code := realMain(context.Background(), args, &out, &errs)
	return ran{code, out.String(), errs.String()}
}

// start runs a command line as a user does: the binary, in a folder.
func start(t *testing.T, dir, stdin string, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.Command(binary, args...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = dir, strings.NewReader(stdin), &out, &errs
	err := c.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return ran{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// oneLine fails the test unless text is one line that names the command and holds all the parts.
func oneLine(t *testing.T, text string, parts ...string) {
	t.Helper()
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || !strings.HasPrefix(text, "flexbeam") {
		t.Errorf("not one line of flexbeam:\n%s", text)
	}
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in: %s", p, text)
		}
	}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
