//go:build !linux

package kinesistest

import "os/exec"

func bind(*exec.Cmd) {}

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
