package flinklocal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// stopWithin is how long a process has to end by itself.
const stopWithin = 10 * time.Second

// A process is a Java process that runs, with a log of its own.
type process struct {
	name string
	log  string // file
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	stopped atomic.Bool // it was asked to end
}

// start starts Java. What the process writes goes to log/NAME.log, with the log of the run before beside
// it, and its ID to NAME.pid.
func start(java, dir, name string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, "log", name+".log"), done: make(chan struct{})}
	if err := os.Rename(p.log, p.log+".1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(java, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	bind(p.cmd)
	started := make(chan error)
	go func() {
		// The death of the thread that starts a child counts as that of the parent.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		log.Close()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // ProcessState tells
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".pid"), fmt.Appendln(nil, p.cmd.Process.Pid), 0o644); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// stop asks a process to end, waits for it, and kills what is left of it and of its children.
func (p *process) stop() {
	p.stopped.Store(true)
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(stopWithin):
	}
	p.kill()
	<-p.done
}

// kill ends a process and its children at once.
func (p *process) kill() { killGroup(p.cmd) }

// end says how a process ended that should not have.
func (p *process) end() error {
	return fmt.Errorf("the %s ended: %v; its log is %s and ends with:\n%s", p.name, p.cmd.ProcessState, p.log, lastOf(p.log))
}

// lastOf returns the end of a file.
func lastOf(file string) []byte {
	f, err := os.Open(file)
	if err != nil {
		return []byte(err.Error())
	}
	defer f.Close()
	const most = 1500
	if s, err := f.Stat(); err == nil && s.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd) // then it shows more
	}
	b, _ := io.ReadAll(io.LimitReader(f, most))
	return b
}
