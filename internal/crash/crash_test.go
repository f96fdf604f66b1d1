package crash

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
)

const line = "flexbeam: a line for whoever sees it"

var sink []byte

// crashes are ways for a process to end by a fault, by name.
var crashes = map[string]func(){
	"a panic": func() { panic("broken") },
	"a panic of another goroutine": func() {
		go func() { panic(errors.New("broken")) }()
		select {}
	},
	"a fault in memory": func() { println(*(*int)(nil)) },
	"a fatal error": func() {
		m := map[int]int{}
		for range 8 {
			go func() {
				for i := 0; ; i++ {
					m[i&7] = i
				}
			}()
		}
		select {}
	},
	"want of memory": func() {
		var limit syscall.Rlimit
		_ = syscall.Getrlimit(syscall.RLIMIT_AS, &limit)
		limit.Cur = 1 << 30
		_ = syscall.Setrlimit(syscall.RLIMIT_AS, &limit)
		for {
			sink = append(sink, make([]byte, 64<<20)...)
		}
	},
	"an endless recursion": func() { debug.SetMaxStack(1 << 20); depth = deep(1) },
	"an abort":             func() { _ = syscall.Kill(os.Getpid(), syscall.SIGABRT); select {} },
}

var depth int

// deep returns when n has grown beyond all numbers.
func deep(n int) int {
	if n < 0 {
		return 0
	}
	return deep(n+1) + n
}

func TestMain(m *testing.M) {
	if how := os.Getenv("FLEXBEAM_TEST_CRASH"); how != "" {
		Install(line)
		crashes[how]()
	}
	os.Exit(m.Run())
}

// Whatever ends the process, its exit status is not that of a wrong command line, and one line tells
// what to do before the trace begins.
func TestACrashIsAFailureAndSaysWhereToReportIt(t *testing.T) {
	for how := range crashes {
		tracebacks := []string{""}
		if how == "a panic" {
			tracebacks = append(tracebacks, "none", "single", "all")
		}
		for _, traceback := range tracebacks {
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), "FLEXBEAM_TEST_CRASH="+how, "GOTRACEBACK="+traceback)
			c.Dir = t.TempDir()
			var out bytes.Buffer
			c.Stderr = &out
			err := c.Run()
			if c.ProcessState.ExitCode() != 1 {
				t.Errorf("%s: %v\n%.500s", how, err, out.String())
			}
			text := strings.TrimPrefix(out.String(), "\n")
			if !strings.HasPrefix(text, line+"\n") || strings.Count(text, line) != 1 {
				t.Errorf("%s: %.500s", how, text)
			}
			if !strings.Contains(text, "goroutine ") {
				t.Errorf("%s: no trace: %s", how, text)
			}
			if left, err := os.ReadDir(c.Dir); err != nil || len(left) > 0 {
				t.Errorf("%s: %v, %v", how, left, err)
			}
		}
	}
}
