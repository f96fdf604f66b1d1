package flink

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"flexbeam/internal/sdkworker"
)

// serveWorkers serves the environment loopback: a pool whose workers are in this process, on a free port
// of the loopback interface. stop ends them.
func serveWorkers(log *slog.Logger) (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("serve workers: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &sdkworker.Pool{Start: sdkworker.InProcess, Log: log}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.Serve(ctx, l); err != nil {
			log.Warn("flink: the pool of workers ended", "error", err)
		}
	}()
	return l.Addr().String(), func() { cancel(); <-ended }, nil
}
