package main

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Beam panics where its user is not known; the line says what to do about that. Images are built with a tag
// that lets the program run.
func TestAUserWhomNobodyKnowsIsToldSo(t *testing.T) {
	var out, errs bytes.Buffer
	c := exec.Command(binary, "version")
	c.Stdout, c.Stderr = &out, &errs
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: []syscall.SysProcIDMap{{ContainerID: 54321, HostID: os.Getuid(), Size: 1}}}
	if err := c.Run(); err == nil || c.ProcessState.ExitCode() != 1 || out.Len() > 0 {
		t.Errorf("%v, output %q", err, out.String())
	}
	oneLine(t, errs.String(), "no user has the ID 54321", "/etc/passwd", "osusergo")
}
