package flinklocal

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// program writes a program of the name that says a text and ends with a status.
func program(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

const java17 = `echo 'openjdk version "17.0.15" 2025-04-15' >&2`

func TestWhatIsMissingIsToldWithHowToGetIt(t *testing.T) {
	tests := []struct {
		name     string
		programs map[string]string
		want     []string
	}{
		{"no Java", nil, []string{"java", "openjdk-17-jre-headless", "JAVA_HOME"}},
		{"an old Java", map[string]string{"java": `echo 'java version "1.8.0_392"' >&2`}, []string{"of version 1,", "11 or 17"}},
		{"a new Java", map[string]string{"java": `echo 'openjdk version "25" 2025-09-16' >&2`}, []string{"of version 25,", "11 or 17"}},
		{"a Java that fails", map[string]string{"java": "exit 3"}, []string{"exit status 3", "11 or 17"}},
		{"something else", map[string]string{"java": "echo coffee"}, []string{"coffee", "11 or 17"}},
		{"no Maven", map[string]string{"java": java17}, []string{"mvn", "install Maven"}},
		{"no pip", map[string]string{"java": java17, "mvn": "exit 0"}, []string{"pip", "python3-pip"}},
		{"a Maven that fails", map[string]string{"java": java17, "mvn": "echo no network; exit 1", "pip3": "exec sleep 1"}, []string{"Maven", "no network"}},
		{"a pip that fails", map[string]string{"java": java17, "mvn": "exec sleep 1", "pip": "echo no network; exit 1"}, []string{"pip", "no network"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bin := t.TempDir()
			for name, script := range tt.programs {
				program(t, bin, name, script)
			}
			t.Setenv("JAVA_HOME", "")
			t.Setenv("PATH", bin+string(os.PathListSeparator)+shells(t))
			_, err := Start(t.Context(), Options{Dir: t.TempDir(), Cache: t.TempDir()})
			if err == nil {
				t.Fatal("it started")
			}
			if fails := strings.HasSuffix(tt.name, "fails") && tt.name != "a Java that fails"; errors.Is(err, ErrTool) == fails {
				t.Errorf("a program is missing: %t", !fails)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is missing in %q", w, err)
				}
			}
		})
	}
}

// shells returns a folder with what the programs of the tests need, and no more.
func shells(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink("/bin/sleep", filepath.Join(dir, "sleep")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAFolderServesOneClusterAtATime(t *testing.T) {
	bin := t.TempDir()
	program(t, bin, "java", java17)
	t.Setenv("JAVA_HOME", "")
	t.Setenv("PATH", bin)
	dir := t.TempDir()
	first := &Cluster{options: Options{Dir: dir}}
	if err := first.take(); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir, Cache: t.TempDir()}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second cluster: %v", err)
	}
	first.unlock()
	if _, err := Start(t.Context(), Options{Dir: dir, Cache: t.TempDir()}); !errors.Is(err, ErrTool) { // it gets as far as Maven
		t.Errorf("once it is free: %v", err)
	}
}

func TestJarsThatAreNotThePinnedOnesAreRefused(t *testing.T) {
	const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of hello
	list := []byte(sum + "  a-1.jar\n" + sum + "  b-1.jar\n")
	tests := []struct {
		name  string
		files map[string]string
		want  string // "": they are
	}{
		{"all of them", map[string]string{"a-1.jar": "hello", "b-1.jar": "hello"}, ""},
		{"one is another", map[string]string{"a-1.jar": "hello", "b-1.jar": "hallo"}, "b-1.jar has the SHA-256 d3751d33"},
		{"one is missing", map[string]string{"a-1.jar": "hello"}, "b-1.jar and 0 more jars did not come"},
		{"one of another version", map[string]string{"a-1.jar": "hello", "b-2.jar": "hello"}, "b-2.jar is none of the jars"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			err := check(dir, list)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestOfFlinksPackageOnlyWhatAClusterNeedsIsTaken(t *testing.T) {
	archive, dir := filepath.Join(t.TempDir(), "x.tar.gz"), filepath.Join(t.TempDir(), "flink")
	pack(t, archive, "x-1/deps/lib/flink-dist-1.jar", "x-1/deps/lib/flink-table-1.jar", "x-1/deps/lib/log4j-core-2.jar", "x-1/deps/opt/log4j-opt-2.jar", "x-1/setup.py")
	if err := unpack(archive, dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || !slices.Equal(files, []string{filepath.Join(dir, "flink-dist-1.jar"), filepath.Join(dir, "log4j-core-2.jar")}) {
		t.Errorf("%q, %v", files, err)
	}
	pack(t, archive, "x-1/deps/lib/log4j-core-2.jar")
	if err := unpack(archive, dir); err == nil {
		t.Error("a package without Flink is taken")
	}
}

func pack(t *testing.T, archive string, names ...string) {
	t.Helper()
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	for _, name := range names {
		err = errors.Join(err, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(name))}))
		_, e := w.Write([]byte(name))
		err = errors.Join(err, e)
	}
	if err = errors.Join(err, w.Close(), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestTheListOfJarsIsThatOfTheVersionsThatAreNamed(t *testing.T) {
	for _, jar := range []string{"beam-runners-flink-1.19-" + BeamVersion + ".jar", "beam-sdks-java-harness-" + BeamVersion + ".jar"} {
		if !strings.Contains(string(sums), "  "+jar+"\n") || !strings.Contains(string(pom), "<version>"+BeamVersion+"</version>") {
			t.Errorf("%s is not in the list", jar)
		}
	}
	if !strings.Contains(string(requirements), "apache-flink-libraries=="+FlinkVersion+" --hash=sha256:") {
		t.Errorf("%s", requirements)
	}
	for _, file := range [][]byte{pom, requirements, sums} {
		if strings.Contains(string(file), "://") {
			t.Error("a host is named: whoever downloads has his own")
		}
	}
}

func TestADownloadEndsWithItsContext(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"mvn", "pip"} {
		program(t, bin, name, "exec sleep 60")
	}
	program(t, bin, "java", java17)
	t.Setenv("JAVA_HOME", "")
	t.Setenv("PATH", bin+string(os.PathListSeparator)+shells(t))
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("the user has had enough")
	said := make(chan string, 10)
	go func() { <-said; cancel(enough) }()
	if _, err := Start(ctx, Options{Dir: t.TempDir(), Cache: t.TempDir(), Say: func(text string) { said <- text }}); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}
