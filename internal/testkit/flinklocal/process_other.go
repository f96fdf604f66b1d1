//go:build !linux

package flinklocal

import "os/exec"

func bind(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
