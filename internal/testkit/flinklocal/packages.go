package flinklocal

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed" // what is downloaded
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"flexbeam/internal/parallel"
)

var (
	//go:embed pom.xml
	pom []byte
	//go:embed requirements.txt
	requirements []byte
	//go:embed packages.sha256
	sums []byte
)

// packages are the jars of an installation.
type packages struct {
	flink  []string // of the cluster, and what it logs with
	beam   []string // of the job server
	driver string   // what java is to be
}

// beamFolder is where the jars of the job server are. The server sends every jar of its class path
// to the cluster with every job, 157 MB, though the cluster has them already; but it leaves out
// those in whose path it finds these two words, which it takes for a part of a build tool.
const beamFolder = "gradle/wrapper"

// flinkJars are the parts of Flink's package that a cluster needs.
var flinkJars = []string{"flink-dist-*.jar", "log4j-*.jar"}

// DefaultCache returns the folder of packages in the user's cache directory.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache directory: %w", err)
	}
	return filepath.Join(dir, "flexbeam", "flink"), nil
}

// install returns the packages in a folder, and downloads those that are not there.
func install(ctx context.Context, t tools, cache string, say func(string)) (packages, error) {
	dir := filepath.Join(cache, "flink-"+FlinkVersion+"-beam-"+BeamVersion+"-"+version())
	done := filepath.Join(dir, "complete")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return packages{}, err
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return packages{}, err
	}
	defer unlock()
	if _, err := os.Stat(done); errors.Is(err, os.ErrNotExist) {
		say("downloading Flink " + FlinkVersion + " and Beam's job server " + BeamVersion + " to " + dir + ", some 400 MB, once")
		if err := download(ctx, t, dir); err != nil {
			return packages{}, err
		}
		if err := os.WriteFile(done, nil, 0o644); err != nil {
			return packages{}, err
		}
	}
	p := packages{driver: t.java}
	if p.flink, err = filepath.Glob(filepath.Join(dir, "flink", "*.jar")); err != nil {
		return p, err
	}
	p.beam, err = filepath.Glob(filepath.Join(dir, beamFolder, "*.jar"))
	return p, err
}

// version tells one list of packages from another.
func version() string {
	sum := sha256.Sum256(slices.Concat(pom, requirements, sums))
	return hex.EncodeToString(sum[:4])
}

// download fills a folder. What an earlier process left unfinished there goes first.
func download(ctx context.Context, t tools, dir string) error {
	if err := t.find(); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, beamFolder), 0o755); err != nil {
		return err
	}
	for name, b := range map[string][]byte{"pom.xml": pom, "requirements.txt": requirements} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	steps := []func() error{
		func() error { return downloadBeam(ctx, t, dir) },
		func() error { return downloadFlink(ctx, t, dir) },
	}
	return parallel.Do(len(steps), len(steps), func(_, i int) error { return steps[i]() })
}

// downloadBeam lets Maven copy the jars of the job server, and checks them.
func downloadBeam(ctx context.Context, t tools, dir string) error {
	jars := filepath.Join(dir, beamFolder)
	err := run(ctx, dir, t.mvn, "--batch-mode", "--quiet", "--file", filepath.Join(dir, "pom.xml"),
		"org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies", "-DoutputDirectory="+jars, "-DincludeScope=runtime")
	if err != nil {
		return fmt.Errorf("download Beam's job server with Maven: %w", err)
	}
	return check(jars, sums)
}

// downloadFlink lets pip download the package of Flink, which it checks before it looks into it, and
// takes what a cluster needs out of that.
func downloadFlink(ctx context.Context, t tools, dir string) error {
	tmp := filepath.Join(dir, "pip")
	err := run(ctx, dir, t.pip[0], append(slices.Clone(t.pip[1:]), "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes",
		"--dest", tmp, "--requirement", filepath.Join(dir, "requirements.txt"))...)
	if err != nil {
		return fmt.Errorf("download Flink with pip: %w", err)
	}
	archives, err := filepath.Glob(filepath.Join(tmp, "*.tar.gz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("download Flink with pip: %d archives came, want one (%w)", len(archives), err)
	}
	if err := unpack(archives[0], filepath.Join(dir, "flink")); err != nil {
		return fmt.Errorf("unpack %s: %w", archives[0], err)
	}
	return os.RemoveAll(tmp)
}

// unpack takes the jars of a cluster out of Flink's package.
func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	found := map[string]bool{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		name := path.Base(h.Name)
		for _, pattern := range flinkJars {
			if ok, _ := path.Match(pattern, name); ok && path.Base(path.Dir(h.Name)) == "lib" {
				found[pattern] = true
				if err := save(filepath.Join(dir, name), r); err != nil {
					return err
				}
			}
		}
	}
	if len(found) < len(flinkJars) {
		return fmt.Errorf("it has only %d of %q", len(found), flinkJars)
	}
	return nil
}

func save(file string, r io.Reader) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// check compares the files of a folder with a list of sums, as sha256sum writes it: there are those
// of the list and no others.
func check(dir string, list []byte) error {
	want := map[string]string{}
	for line := range bytes.Lines(list) {
		sum, name, _ := strings.Cut(strings.TrimSpace(string(line)), "  ")
		want[name] = sum
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		sum, ok := want[f.Name()]
		if !ok {
			return fmt.Errorf("%s is none of the jars that this version knows: another program's Maven settings may have changed its version", f.Name())
		}
		delete(want, f.Name())
		got, err := sumOf(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		if got != sum {
			return fmt.Errorf("%s has the SHA-256 %s, want %s: it is not what was published when this version was made; delete it from Maven's local repository and try again", f.Name(), got, sum)
		}
	}
	for name := range want {
		return fmt.Errorf("%s and %d more jars did not come", name, len(want)-1)
	}
	return nil
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
