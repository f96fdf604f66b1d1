package kinesistest

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"
)

// A process is a server that runs beside the test. Its output is kept.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	mu     sync.Mutex
	output bytes.Buffer
	port   string
}

// keep is how much output is shown of a server.
const keep = 64 << 10

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:[0-9]+)\n`)

// Write keeps output and finds the address in it.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output.Write(b)
	if m := listening.FindSubmatch(p.output.Bytes()); m != nil && p.port == "" {
		p.port = string(m[1])
	}
	if n := p.output.Len(); n > keep {
		p.output.Next(n - keep)
	}
	return len(b), nil
}

func (p *process) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.port
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// run starts cmd as a server that says where it listens, and waits until it answers. The server is
// killed when the test ends, and dies with the process of the test: its standard input closes then,
// and Linux kills it as well.
func run(t testing.TB, name string, cmd *exec.Cmd) *Server {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	bind(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("%s: start: %v", name, err)
	}
	started := make(chan error)
	go func() {
		// The death of the thread that starts a child counts as that of the parent.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // killed
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		t.Fatalf("%s: start: %v", name, err)
	}
	t.Cleanup(func() {
		p.stop(stdin)
		if t.Failed() {
			t.Logf("output of %s:\n%s", name, p.log())
		}
	})
	s := &Server{Name: name}
	Eventually(t, fmt.Sprintf("%s answers", name), func() bool {
		select {
		case <-p.done:
			t.Fatalf("%s ended at its start", name)
		default:
		}
		if a := p.address(); a != "" {
			s.URL = "http://" + a
		}
		return s.URL != "" && answers(t.Context(), s)
	})
	return s
}

func (p *process) stop(stdin io.Closer) {
	_ = stdin.Close()
	kill(p.cmd)
	select {
	case <-p.done:
	case <-time.After(patience):
	}
}
