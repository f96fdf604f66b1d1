package pipeline

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source/file"
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
	Source string // required: file:PATTERN[?lateness=DURATION]
	Sink   string // required: duckdb:FILE, jsonl:DIR
	Runner string // Prism (default) or Direct
	Mode   string // Auto (default), Batch or Stream

	AsOf       time.Time // running activities count up to the last quarter hour before; zero: they do not
	ContactKey string    // contacts are hashed with this key; empty: they stay clear
	Hidden     []string  // activities that are not kept; nil: agentstatus.DefaultHidden

	FlushEvery time.Duration // in stream mode, how often rows become visible; default 5 s
}

// source is a checked source.
type source struct {
	files      []file.File
	latenessMS int64 // negative: the watermark of a replay waits for the end
	chunk      int64 // bytes of a batch
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
	if o.FlushEvery == 0 {
		o.FlushEvery = 5 * time.Second
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
	if err := sink.Check(o.Sink); err != nil {
		return nil, usage("--sink: %w", err)
	}
	return parseSource(o.Source)
}

func parseSource(uri string) (*source, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || rest == "" {
		return nil, usage("--source: not a source URI: %q: write file:PATTERN, such as file:events/*.ndjson.gz", uri)
	}
	if scheme != "file" {
		return nil, usage("--source: unknown source %q: this binary reads file:PATTERN", uri)
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

func (o Options) asOf() int64 {
	if o.AsOf.IsZero() {
		return event.None
	}
	return o.AsOf.UnixMilli()
}
