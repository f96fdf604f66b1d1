package main

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// A container may run under an ID that its image does not know, and with an empty environment.
func TestWorkerRunsUnderAUserWhomNobodyKnows(t *testing.T) {
	var errs bytes.Buffer
	c := exec.Command(worker(t))
	c.Env, c.Stderr = []string{"PATH=/bin"}, &errs
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: []syscall.SysProcIDMap{{ContainerID: 54321, HostID: os.Getuid(), Size: 1}}}
	_ = c.Run() // its exit status is looked at below
	if c.ProcessState == nil || c.ProcessState.ExitCode() != 2 || errs.String() != byHand {
		t.Errorf("%v: %s", c.ProcessState, errs.String())
	}
}
