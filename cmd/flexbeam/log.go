package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"sync"
	"sync/atomic"

	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"google.golang.org/grpc/grpclog"

	"flexbeam/internal/secret"
)

// newHandler returns a handler that writes the logs of a level and above.
func newHandler(w io.Writer, level slog.Level, format string) slog.Handler {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if format == "json" {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

// redact hides secrets in the texts and errors of a log line.
func redact(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(secret.Redact(v))
	case error:
		a.Value = slog.StringValue(secret.Redact(v.Error()))
	}
	return a
}

// newLogger returns the logger of this program. At level debug, what Beam, Prism and gRPC log goes to
// it too; at other levels they are silent.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	must(l.UnmarshalText([]byte(level)))
	h := newHandler(w, l, format)
	if l <= slog.LevelDebug {
		beamlog.LogLevel, beamlog.LogKind = level, format
		slog.SetDefault(slog.New(h))
		logGRPC(slog.New(h).With("from", "grpc"))
	} else {
		silence()
	}
	return slog.New(h)
}

// notices returns the logger for progress, the summary and the error that ends the program. Where
// logs are JSON, these are log lines whatever the level is, since nothing else may be on standard
// error. Where logs are text, people get lines made for them, and this is the usual logger.
func (a *app) notices() *slog.Logger {
	if a.logFormat.value == "json" {
		return slog.New(newHandler(a.screen, slog.LevelInfo, "json"))
	}
	return a.log
}

// tell says something: in a line for people, or where logs are JSON as a log line with fields.
func (a *app) tell(level slog.Level, line, message string, fields ...any) {
	if a.logFormat.value == "json" {
		a.notices().Log(context.Background(), level, message, fields...)
		return
	}
	fmt.Fprintln(a.screen, line)
}

// A lineLogger logs each line that is written to it.
type lineLogger struct {
	log   *slog.Logger
	level slog.Level
}

// Write implements io.Writer.
func (l lineLogger) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			l.log.Log(context.Background(), l.level, string(line))
		}
	}
	return len(p), nil
}

// silence hides what libraries log by themselves.
func silence() {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	log.SetOutput(io.Discard)
	logGRPC(slog.New(slog.DiscardHandler))
}

// grpcLog is where gRPC's messages go. gRPC takes its logger once, before anything of it runs.
var grpcLog struct {
	once sync.Once
	to   atomic.Pointer[slog.Logger]
}

// logGRPC sends gRPC's messages to a logger.
func logGRPC(l *slog.Logger) {
	grpcLog.to.Store(l)
	grpcLog.once.Do(func() {
		grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, grpcWriter(slog.LevelWarn), grpcWriter(slog.LevelError)))
	})
}

// grpcWriter logs each line at a level.
type grpcWriter slog.Level

func (w grpcWriter) Write(p []byte) (int, error) {
	return lineLogger{grpcLog.to.Load(), slog.Level(w)}.Write(p)
}
