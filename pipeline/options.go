package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source/file"
	"flexbeam/pipeline/source/kinesis"
	"flexbeam/schemas/event"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/engagement"
	"flexbeam/transforms/task"
)

// ErrUsage is behind errors that the caller can mend by other options.
var ErrUsage = errors.New("usage")

// The runners.
const (
	Prism  = "prism"
	Direct = "direct"
)

// The modes.
const (
	Auto   = "auto" // batch for bounded sources, stream for others
	Batch  = "batch"
	Stream = "stream"
)

// Options say what a job reads and writes and how it runs. The zero value of an option that is not required means its default.
type Options struct {
	Source string // required: file:PATTERN[?lateness=DURATION], kinesis:STREAM[?OPTIONS][,…]
	Sink   string // required: duckdb:FILE, jsonl:DIR, bigquery:PROJECT.DATASET
	Runner string // Prism (default) or Direct
	Mode   string // Auto (default), Batch or Stream

	AsOf       time.Time // running activities count up to the last quarter hour before; zero: they do not
	ContactKey string    // contacts are hashed with this key; empty: they stay clear
	Hidden     []string  // activities that are not kept; nil: agentstatus.DefaultHidden

	LeftReasons         []string // reasons of a cancellation that mean that the customer left; nil: engagement.DefaultLeftReasons
	NoDeadLetterPayload bool     // dead letters are written without their record; a ContactKey implies it

	FlushEvery time.Duration // in stream mode, how often rows become visible; default 5 s for files, 1 s for a live stream

	// Of a live stream:
	State  string       // directory that outlives the process; empty: a new process begins anew
	AtOnce bool         // fold events when they are read, not when the watermark has passed them
	Pace   kinesis.Pace // how often the service is asked; zero: as AWS allows
	Log    *slog.Logger // gets what an operator should know; nil: nobody
}

// source is a checked source: files, or streams.
type source struct {
	files      []file.File
	latenessMS int64 // negative: the watermark of a replay waits for the end
	chunk      int64 // bytes of a batch

	streams []kinesis.Stream
}

// live tells whether the source has no end.
func (s *source) live() bool { return s.streams != nil }

// Check returns an error that wraps ErrUsage when the options cannot be run.
func (o Options) Check() error {
	_, err := o.check()
	return err
}

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUsage, fmt.Errorf(format, args...))
}

func (o *Options) defaults() {
	if o.Runner == "" {
		o.Runner = Prism
	}
	if o.Mode == "" {
		o.Mode = Auto
	}
	if o.Hidden == nil {
		o.Hidden = agentstatus.DefaultHidden
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func (o Options) check() (*source, error) {
	o.defaults()
	switch o.Runner {
	case Prism, Direct:
	default:
		return nil, usage("unknown runner %q: this binary has %s and %s", o.Runner, Prism, Direct)
	}
	switch o.Mode {
	case Auto, Batch, Stream:
	default:
		return nil, usage("unknown mode %q: choose %s, %s or %s", o.Mode, Auto, Batch, Stream)
	}
	if o.Runner == Direct && o.Mode == Stream {
		return nil, usage("the direct runner has no state and no timers, so it cannot stream: choose --runner prism, or --mode batch")
	}
	if err := o.checkReasons(); err != nil {
		return nil, err
	}
	if err := sink.Check(o.Sink); err != nil {
		return nil, usage("--sink: %w", err)
	}
	src, err := parseSource(o.Source)
	if err != nil {
		return nil, err
	}
	return src, o.checkLive(src)
}

// checkLive refuses options that do not go with a live source, or without one.
func (o Options) checkLive(src *source) error {
	switch {
	case !src.live() && o.State != "":
		return usage("--state: files are read from their start each time, so there is nothing to keep: leave it out, or read a stream: kinesis:STREAM")
	case !src.live() && o.AtOnce:
		return usage("--at-once: files are read without waiting: leave it out, or read a stream: kinesis:STREAM")
	case src.live() && o.Runner == Direct:
		return usage("the direct runner has no timers, so it cannot read a stream: choose --runner prism")
	case src.live() && o.Mode == Batch:
		return usage("--mode batch: a stream has no end: choose --mode stream, or read files")
	}
	return nil
}

func parseSource(uri string) (*source, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return nil, usage("--source: not a source URI: %q: write file:PATTERN, such as file:events/*.ndjson.gz, or kinesis:STREAM", uri)
	}
	switch scheme {
	case "file":
		if rest == "" {
			return nil, usage("--source: %q names no files: write file:PATTERN, such as file:events/*.ndjson.gz", uri)
		}
	case "kinesis":
		if name, _, _ := strings.Cut(rest, "?"); name == "" {
			return nil, usage("--source: %q names no stream: write kinesis:STREAM, such as 'kinesis:flex-events?region=us-east-1'", uri)
		}
		streams, err := kinesis.ParseStreams(rest)
		if err != nil {
			return nil, usage("--source: %w", err)
		}
		return &source{streams: streams}, nil
	default:
		return nil, usage("--source: unknown source %q: this binary reads file:PATTERN and kinesis:STREAM", uri)
	}
	s := &source{latenessMS: -1, chunk: file.ChunkSize}
	if pattern, query, ok := strings.Cut(rest, "?lateness="); ok {
		text, err := url.QueryUnescape(query)
		if err != nil {
			text = query
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return nil, usage("--source: lateness=%s is no duration: write such as lateness=6h", query)
		}
		s.latenessMS, rest = d.Milliseconds(), pattern
	}
	files, err := file.List(rest)
	if err != nil {
		return nil, fmt.Errorf("--source: %w", err)
	}
	s.files = files
	return s, nil
}

// TaskOptions returns the options of the fold of tasks.
func (o Options) TaskOptions() task.Options {
	return task.Options{ContactKey: o.ContactKey, LeftReasons: o.LeftReasons}
}

// HidesPayload tells whether dead letters are written without their record (deadletter.Hide).
func (o Options) HidesPayload() bool { return o.NoDeadLetterPayload || o.ContactKey != "" }

// checkReasons refuses a reason that would be equal to every reason without a letter or digit.
func (o Options) checkReasons() error {
	for _, r := range o.LeftReasons {
		if engagement.Letters(r) == "" {
			return usage("--customer-left-reason: %q has no letter and no digit, which are all that is compared: write a reason such as %q", r, engagement.DefaultLeftReasons[0])
		}
	}
	return nil
}

func (o Options) asOf() int64 {
	if o.AsOf.IsZero() {
		return event.None
	}
	return o.AsOf.UnixMilli()
}
