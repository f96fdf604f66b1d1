package sdkworker

import (
	"fmt"
	"io"
	"log/slog"
	"os/exec"
)

// A Program starts workers as processes of their own.
type Program struct {
	Path   string    // becomes a worker when it is started with the flags of one
	Env    []string  // of the workers; nil: that of this process
	Output io.Writer // gets what workers write; nil: nobody does
}

// process is a worker that is a process.
type process struct {
	cmd   *exec.Cmd
	leash io.Closer // its standard input
	ended chan struct{}
}

// Start starts a worker as a process, which ends with this one.
func (p Program) Start(f Flags) (Worker, error) {
	cmd := exec.Command(p.Path, "--leash", "--id="+f.ID, "--provision_endpoint="+f.ProvisionEndpoint,
		"--logging_endpoint="+f.LoggingEndpoint, "--control_endpoint="+f.ControlEndpoint)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.Env, p.Output, p.Output
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, leash: leash, ended: make(chan struct{})}, nil
}

// Stop kills the process and waits for its end.
func (p *process) Stop() {
	_ = p.leash.Close()
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

func (p *process) Wait() error {
	defer close(p.ended)
	return p.cmd.Wait()
}

func (p *process) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprint("process ", p.cmd.Process.Pid))
}
