package main

import (
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/telemetry/endpoint"
	"flexbeam/internal/telemetry/metrics"
)

// checkAddr refuses a --metrics-addr that is none.
func checkAddr(addr string) error {
	if addr == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return usagef("--metrics-addr %q: write HOST:PORT, such as 127.0.0.1:9464, or 0.0.0.0:9464 to be reached from elsewhere", addr)
	}
	return nil
}

// serveMetrics serves a job's metrics and health until stop is called; without an address it does
// nothing.
func (a *app) serveMetrics(addr string, c *telemetry.Counters) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	s, err := endpoint.Serve(addr, c, buildOf(), a.log)
	if err != nil {
		return nil, fmt.Errorf("--metrics-addr: %w: choose another address, or port 0 for a free one", err)
	}
	url := "http://" + s.Addr() + "/metrics"
	a.tell(slog.LevelInfo, "metrics are served at "+url, "metrics are served", "address", s.Addr(), "url", url)
	return s.Close, nil
}

// buildOf returns what this binary is.
func buildOf() metrics.Build {
	b := metrics.Build{Version: moduleVersion(), Go: "unknown", Beam: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Go, b.Beam = info.GoVersion, dependency(info, "github.com/apache/beam/sdks/v2")
	}
	return b
}
