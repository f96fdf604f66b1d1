package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"

	"flexbeam/internal/testkit/bigquerylocal"
)

const project = "local-project"

// serve is the process of the local BigQuery: it tells its endpoints and ends with its input.
// memory is what its tables may take.
func serve(memory string) error {
	debug.SetGCPercent(400) // Google's service shares no processor with the sink; this one does
	s, err := bigquerylocal.Start(bigquerylocal.Options{MemoryLimit: memory})
	if err != nil {
		return err
	}
	fmt.Println(s.RESTEndpoint, s.GRPCEndpoint)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Close()
}

// A service is that process.
type service struct {
	cmd        *exec.Cmd
	stdin      io.Closer
	rest, grpc string
}

func startService(memory string) (*service, error) {
	s := &service{cmd: exec.Command(os.Args[0], "serve", memory)}
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.stdin = in
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("start the local BigQuery: %w", err)
	}
	s.rest, s.grpc, _ = strings.Cut(strings.TrimSpace(line), " ")
	return s, nil
}

func (s *service) uri(dataset string) string {
	return fmt.Sprintf("bigquery:%s.%s?mode=stream&endpoint=%s&grpc_endpoint=%s", project, dataset, strings.TrimSuffix(s.rest, "/bigquery/v2/"), s.grpc)
}

func (s *service) stop() {
	s.stdin.Close()
	_ = s.cmd.Wait() // it has nothing to say any more
}
