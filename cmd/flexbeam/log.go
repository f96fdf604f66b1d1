package main

import (
	"io"
	"log"
	"log/slog"

	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"google.golang.org/grpc/grpclog"
)

// newLogger returns the logger of this program and sends what Beam, Prism and gRPC log to it at level debug; else they are silent.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	must(l.UnmarshalText([]byte(level)))
	options := &slog.HandlerOptions{Level: l}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if format == "json" {
		h = slog.NewJSONHandler(w, options)
	}
	if l <= slog.LevelDebug {
		beamlog.LogLevel, beamlog.LogKind = level, format
		slog.SetDefault(slog.New(h))
		grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, w, w))
	} else {
		silence()
	}
	return slog.New(h)
}

// silence hides what libraries log by themselves.
func silence() {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	log.SetOutput(io.Discard)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
}
