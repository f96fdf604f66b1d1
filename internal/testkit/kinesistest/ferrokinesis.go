package kinesistest

import (
	_ "embed" // the files of ferrokinesis
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"flexbeam/internal/testkit/install"
)

//go:embed ferrokinesis/loopback.c
var ferroLoopback []byte

// FerrokinesisVersion is the version that is compiled.
const FerrokinesisVersion = "0.7.0"

// StartFerrokinesis starts ferrokinesis with further arguments, such as --iterator-ttl-seconds 2 or
// --enforce-limits true, compiling it first if need be, which takes minutes. It runs on Linux only,
// where it can be kept to the loopback interface.
func StartFerrokinesis(t testing.TB, args ...string) *Server {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("ferrokinesis listens on every interface here")
	}
	folder := install.Folder(t, "ferrokinesis-"+FerrokinesisVersion, func(folder string) error {
		cargo := install.Tool(t, "cargo", "ferrokinesis is compiled with Rust's cargo; FLEXBEAM_TEST_KINESIS=local does without")
		cc := install.Tool(t, "cc", "ferrokinesis is kept to the loopback interface by a library that is compiled with a C compiler")
		source := filepath.Join(folder, "loopback.c")
		if err := os.WriteFile(source, ferroLoopback, 0o644); err != nil {
			return err
		}
		if err := install.Output(exec.Command(cc, "-shared", "-fPIC", "-O1", "-o", filepath.Join(folder, "loopback.so"), source, "-ldl")); err != nil {
			return err
		}
		return install.Output(exec.Command(cargo, "install", "ferrokinesis", "--version", FerrokinesisVersion, "--locked", "--root", folder))
	})
	cmd := exec.Command(filepath.Join(folder, "bin", "ferrokinesis"), append([]string{
		"--create-stream-ms", "20", "--delete-stream-ms", "20", "--update-stream-ms", "20", "--shard-limit", "1000", "--log-level", "warn",
	}, args...)...)
	cmd.Env = append(os.Environ(), "LD_PRELOAD="+filepath.Join(folder, "loopback.so"))
	return run(t, "ferrokinesis", cmd)
}
