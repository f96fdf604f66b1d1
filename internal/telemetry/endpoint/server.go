// Package endpoint serves what a running job tells over HTTP:
//
//	/metrics  the metrics, for Prometheus
//	/healthz  200 while the job gets on, else 503 with the reasons
//	/readyz   200 while a shard of the stream answers, or once a job with an end has begun; else 503
//
// The last two answer in JSON.
package endpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/telemetry/metrics"
)

// A Server serves one job until it is closed.
type Server struct {
	listener net.Listener
	http     *http.Server
	ended    chan struct{}
}

// Serve listens on an address HOST:PORT and serves a job's counters. Without a host it listens on
// the loopback interface only; port 0 takes a free one. What goes wrong with a request is logged as
// a warning.
func Serve(addr string, c *telemetry.Counters, b metrics.Build, log *slog.Logger) (*Server, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	warnings := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	s := &Server{
		listener: l,
		ended:    make(chan struct{}),
		http: &http.Server{
			Handler:           Handler(c, b, promhttp.HandlerOpts{ErrorLog: warnings, MaxRequestsInFlight: 4, Timeout: 10 * time.Second}),
			ErrorLog:          warnings,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    1 << 14,
		},
	}
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(l); err != http.ErrServerClosed {
			log.Warn("metrics are no longer served", "error", err.Error())
		}
	}()
	return s, nil
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server; requests that are being answered have two seconds.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // what is still open ends now
	}
	<-s.ended
}

// Handler returns the handler of all paths.
func Handler(c *telemetry.Counters, b metrics.Build, o promhttp.HandlerOpts) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(metrics.NewCollector(c, b), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, o))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		faults := c.Faults(telemetry.DefaultLimits)
		if len(faults) > 0 {
			answer(w, http.StatusServiceUnavailable, report{Status: "failing", Reasons: faults})
			return
		}
		answer(w, http.StatusOK, report{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !c.Ready(telemetry.DefaultLimits) {
			answer(w, http.StatusServiceUnavailable, report{Status: "not ready", Reasons: c.Faults(telemetry.DefaultLimits)})
			return
		}
		answer(w, http.StatusOK, report{Status: "ready"})
	})
	return mux
}

// A report is the answer of a health check.
type report struct {
	Status  string            `json:"status"` // ok, failing; ready, not ready
	Reasons []telemetry.Fault `json:"reasons,omitempty"`
}

func answer(w http.ResponseWriter, status int, r report) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(r) // the client went away
}
