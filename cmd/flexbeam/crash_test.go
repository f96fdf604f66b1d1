package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

var initialized = regexp.MustCompile(`(?m)^init (\S+) @.* (\d+) bytes`)

// What a crash is to say is known before nearly all of the memory is taken that packages need for themselves,
// and that may not be there.
func TestACrashIsPreparedForBeforePackagesTakeTheirMemory(t *testing.T) {
	c := exec.Command(binary, "version")
	c.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	prepared, before, behind := false, 0, 0
	for _, m := range initialized.FindAllStringSubmatch(string(out), -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		prepared = prepared || m[1] == "flexbeam/internal/crash/early"
		if prepared {
			behind += n
		} else {
			before += n
		}
	}
	if !prepared || before > behind/20 {
		t.Errorf("prepared: %v, behind %d bytes of %d", prepared, before, before+behind)
	}
}
