package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/event"
	"flexbeam/transforms/agentstatus"
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
	Source string // required: SCHEME:PLACE, such as file:PATTERN or kinesis:STREAM, of a source that is registered
	Sink   string // required: duckdb:FILE, jsonl:DIR, bigquery:PROJECT.DATASET
	Runner string // Prism (default) or Direct
	Mode   string // Auto (default), Batch or Stream

	AsOf       time.Time // running activities count up to the last quarter hour before; zero: they do not
	ContactKey string    // contacts are hashed with this key; empty: they stay clear
	Hidden     []string  // activities that are not kept; nil: agentstatus.DefaultHidden

	FlushEvery time.Duration // in stream mode, how often rows become visible; default 5 s for files, 1 s for a live stream

	// Of a live stream:
	State  string       // directory that outlives the process; empty: a new process begins anew
	AtOnce bool         // fold events when they are read, not when the watermark has passed them
	Log    *slog.Logger // gets what an operator should know; nil: nobody
}

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

func (o Options) check() (source.Source, error) {
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
	if err := sink.Check(o.Sink); err != nil {
		return nil, usage("--sink: %w", err)
	}
	src, err := openSource(o.Source)
	if err != nil {
		return nil, err
	}
	return src, o.checkLive(unbounded(src))
}

// checkLive refuses options that do not go with a live source, or without one.
func (o Options) checkLive(live bool) error {
	switch {
	case !live && o.State != "":
		return usage("--state: files are read from their start each time, so there is nothing to keep: leave it out, or read a stream: kinesis:STREAM")
	case !live && o.AtOnce:
		return usage("--at-once: files are read without waiting: leave it out, or read a stream: kinesis:STREAM")
	case live && o.Runner == Direct:
		return usage("the direct runner has no timers, so it cannot read a stream: choose --runner prism")
	case live && o.Mode == Batch:
		return usage("--mode batch: a stream has no end: choose --mode stream, or read files")
	}
	return nil
}

// openSource opens the source that a URI names.
func openSource(uri string) (source.Source, error) {
	src, err := source.Open(uri)
	switch {
	case errors.Is(err, source.ErrNoInput):
		return nil, fmt.Errorf("--source: %w", err)
	case err != nil:
		return nil, usage("--source: %w", err)
	}
	return src, nil
}

// unbounded tells whether a source has no end.
func unbounded(src source.Source) bool {
	_, ok := src.(source.Unbounded)
	return ok
}

func (o Options) asOf() int64 {
	if o.AsOf.IsZero() {
		return event.None
	}
	return o.AsOf.UnixMilli()
}
