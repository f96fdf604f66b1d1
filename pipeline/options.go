package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/transcripts"
	"flexbeam/runners/dataflow"
	"flexbeam/runners/flink"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/engagement"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
)

// ErrUsage is behind errors that the caller can mend by other options.
var ErrUsage = errors.New("usage")

// The runners.
const (
	Prism    = "prism"
	Direct   = "direct"
	Flink    = flink.Name
	Dataflow = dataflow.Name
)

// The modes.
const (
	Auto   = "auto" // batch for bounded sources, stream for others; of a runner, the fastest that can do the job
	Batch  = "batch"
	Stream = "stream"
)

// What becomes of the texts of turns.
const (
	TextKept  = "keep"
	TextApart = "apart"
	TextNone  = "none"
)

// Options say what a job reads and writes and how it runs. The zero value of an option that is not
// required means its default.
type Options struct {
	Source string // required: SCHEME:PLACE, such as file:PATTERN or kinesis:STREAM, of a source that is registered
	Sink   string // required: duckdb:FILE, jsonl:DIR, bigquery:PROJECT.DATASET
	Runner string // Auto (default): the fastest that can do the job; or a registered one, such as Prism or Direct
	Mode   string // Auto (default), Batch or Stream

	// Accounts are those of Twilio that are known; nil: that of the environment.
	Accounts []source.Account

	// From and To, of a job with an end: rows are written of tasks whose newest event lies from From on
	// and before To, and of quarter hours that were decided then (contract, section 12). Zero: of all.
	From, To time.Time

	AsOf       time.Time // running activities count up to the last quarter hour before; zero: they do not
	ContactKey string    // contacts are hashed with this key; empty: they stay clear
	Hidden     []string  // activities that are not kept; nil: agentstatus.DefaultHidden

	LeftReasons []string // reasons of a cancellation that mean that the customer left; nil: engagement.DefaultLeftReasons
	Reshape     bool     // the sink may hold rows that were made with other options
	Rekey       bool     // the sink holds rows that were made without a key: ContactKey is applied to them first
	// Turns says which transcripts of conversations are fetched from Twilio: "missing", of which the
	// sink does not have the turns, "all" or "none", and options behind a question mark
	// (transcripts.Parse). Empty: missing where there are credentials, else none.
	Turns string

	// Text says what becomes of the texts of turns: TextKept (default) in turn_contents, TextApart in the
	// turn_contents of TextSink, TextNone: they are null.
	Text     string
	TextSink string // URI of a sink that has nothing but turn_contents

	// Columns are attribute paths of the user's own.
	Columns []model.Extra

	NoDeadLetterPayload bool // dead letters are written without their record; a ContactKey implies it

	MaxDeadLetters *Limit // above it the job fails once all is written; nil: there may be any number

	FlushEvery time.Duration // in stream mode, how often rows become visible; default 5 s for files, 1 s for a live stream

	// Of a live stream:
	State     string       // directory that outlives the process; empty: a new process begins anew
	AddStream bool         // State may be of other streams than Source names: what it does not know is read from its start
	AtOnce    bool         // fold events when they are read, not when the watermark has passed them
	Log       *slog.Logger // gets what an operator should know; nil: nobody

	Flink    flink.Options    // of Flink; the zero value means flink.NewOptions
	Dataflow dataflow.Options // of Dataflow; the zero value means dataflow.NewOptions

	transcripts transcripts.Config // what Turns says
	attributes  *model.Attributes  // what Columns say
	choice      *keyed.Choice      // what From and To say
	since       event.Millis       // events before are left out; 0: none are
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
		o.Runner = Auto
	}
	if o.Mode == "" {
		o.Mode = Auto
	}
	if o.Text == "" {
		o.Text = TextKept
	}
	if o.Hidden == nil {
		o.Hidden = agentstatus.DefaultHidden
	}
	if o.Flink == (flink.Options{}) {
		o.Flink = flink.NewOptions()
	}
	o.dataflowDefaults()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func (o Options) check() (source.Source, error) {
	o.defaults()
	if err := o.checkRunner(); err != nil {
		return nil, err
	}
	switch o.Mode {
	case Auto, Batch, Stream:
	default:
		return nil, usage("unknown mode %q: choose %s, %s or %s", o.Mode, Auto, Batch, Stream)
	}
	if err := o.checkCapabilities(needs(o.Mode, false)); err != nil {
		return nil, err
	}
	if err := o.checkReasons(); err != nil {
		return nil, err
	}
	if o.Rekey && o.ContactKey == "" {
		return nil, usage("--rekey: there is no contact key: give one with --contact-key-file")
	}
	if err := sink.Check(o.Sink); err != nil {
		return nil, usage("--sink: %w", err)
	}
	if err := o.checkText(); err != nil {
		return nil, err
	}
	if _, err := model.NewAttributes(o.Columns); err != nil {
		return nil, usage("the configuration: %w", err)
	}
	src, err := openSource(o.Source, o.span(), o.Accounts...)
	if err != nil {
		return nil, err
	}
	fetch, err := o.parseTurns(src)
	if err != nil {
		return nil, err
	}
	if err := o.checkFlink(src); err != nil {
		return nil, err
	}
	if err := o.checkDataflow(src, fetch); err != nil {
		return nil, err
	}
	if err := o.checkLive(unbounded(src)); err != nil {
		return nil, err
	}
	return src, o.checkRange(src)
}

// checkText refuses texts that have no place, or two.
func (o Options) checkText() error {
	switch {
	case o.Text != TextKept && o.Text != TextApart && o.Text != TextNone:
		return usage("--turns-text %s: choose %s, %s or %s", o.Text, TextKept, TextApart, TextNone)
	case o.Text == TextApart && o.TextSink == "":
		return usage("--turns-text apart: the sink of turn_contents is missing: write such as --turns-text-sink duckdb:texts.duckdb")
	case o.Text != TextApart && o.TextSink != "":
		return usage("--turns-text-sink: it is for --turns-text apart alone: leave one out")
	case o.Text == TextApart && o.TextSink == o.Sink:
		return usage("--turns-text-sink: it is the sink of all other tables: name another one, or say --turns-text keep")
	case o.TextSink != "":
		if err := sink.Check(o.TextSink); err != nil {
			return usage("--turns-text-sink: %w", err)
		}
	}
	return nil
}

// parseTurns returns which transcripts are fetched. The workers of Dataflow fetch none unless told to.
func (o Options) parseTurns(src source.Source) (transcripts.Config, error) {
	if o.Turns == "" && o.Runner == Dataflow {
		return transcripts.Config{}, nil
	}
	c, err := transcripts.Parse(o.Turns, src, o.Accounts)
	if err != nil {
		return c, usage("--turns: %w", err)
	}
	return c, nil
}

// checkLive refuses options that do not go with a live source, or without one.
func (o Options) checkLive(live bool) error {
	switch {
	case !live && o.State != "" && strings.HasPrefix(o.Source, "taskrouter:"):
		return usage("--state: TaskRouter's log has an end, and the source itself keeps what was read: leave --state out, and write keep=DIR into the source, such as --source '%s'",
			withOption(o.Source, "keep="+o.State))
	case !live && o.State != "":
		return usage("--state: files are read from their start each time, so there is nothing to keep: leave it out, or read a stream: kinesis:STREAM")
	case o.AddStream && o.State == "":
		return usage("--add-stream: there is no state to which a stream could be added: leave it out, or give --state DIR")
	case !live && o.AtOnce:
		return usage("--at-once: files are read without waiting: leave it out, or read a stream: kinesis:STREAM")
	case live && o.Mode == Batch:
		return usage("--mode batch: a stream has no end: choose --mode stream, or read files")
	}
	return o.checkCapabilities(needs(o.Mode, live))
}

// withOption returns a URI with one more option.
func withOption(uri, option string) string {
	if strings.Contains(uri, "?") {
		return uri + "&" + option
	}
	return uri + "?" + option
}

// openSource opens the source that a URI names, of which the events of a time are of use.
func openSource(uri string, within source.Span, accounts ...source.Account) (source.Source, error) {
	src, err := source.OpenWithin(uri, within, accounts...)
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

// TaskOptions returns the options of the fold of tasks.
func (o Options) TaskOptions() task.Options {
	return task.Options{ContactKey: o.ContactKey, LeftReasons: o.LeftReasons, Turns: o.transcripts.Fetches(), NoText: o.Text == TextNone, Choice: o.choice}
}

// HidesPayload tells whether dead letters are written without their record.
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

func (o Options) asOf() event.Millis {
	if o.AsOf.IsZero() {
		return event.None
	}
	return event.Millis(o.AsOf.UnixMilli())
}
