// Package source is where records come from: the interface that every source fills, and how one is
// opened from its URI.
//
// # What a source promises
//
// A source gives a PCollection of record.Batch: many records of one part of it, in order, each with
// what names it. Every record comes at least once. A source knows nothing of what is in a record.
//
// A source without an end is Unbounded. Run in this process, it is begun with what earlier jobs
// kept of it (Checkpoint), goes on behind that, and is followed and ended by its Control. Each of
// its batches says in Progress where its part goes on behind the batch; the job keeps that under
// record.Key once what came before is safe.
package source

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/uri"
	"flexbeam/schemas/event"
	"flexbeam/schemas/record"
)

// The errors of Open.
var (
	ErrUnknown = errors.New("unknown source")
	ErrURI     = errors.New("not a source URI")
	ErrNoInput = errors.New("no input") // the URI is right, and what it names is not there or cannot be read
)

// A Source is what a job reads. It can be read once.
type Source interface {
	// Size returns how many bytes there are to be read, and about how many the records have; 0 for
	// a source without an end.
	Size() (bytes, records int64)
	// Read returns a PCollection<record.Batch>. It panics if the options do not fit the source.
	Read(s beam.Scope, o ReadOptions) beam.PCollection
	// Text reads the text of a record again, of a record.Batch that is Plain. Others wrap
	// event.ErrNoText.
	Text(at event.Place) ([]byte, error)
}

// An AgentSource also knows of agents whom no record of it names.
type AgentSource interface {
	Source
	// ReadAgents is Read, and returns a PCollection<record.Agent> besides.
	ReadAgents(s beam.Scope, o ReadOptions) (records, agents beam.PCollection)
}

// An AccountSource reads from Twilio, so that what else a job fetches there is fetched likewise.
type AccountSource interface {
	Source
	Accounts() []Account
}

// A LocalSource may read what only this machine has.
type LocalSource interface {
	Source
	// Local tells whether it does.
	Local() bool
}

// A Span is a time, from From on and before To. A zero time leaves its side open.
type Span struct{ From, To time.Time }

// Reach is how far before a range a source is read: as long as the state of a task without an end is kept.
const Reach = 15 * 24 * time.Hour

// A Range is a time whose tasks a job writes: those whose newest event lies from From on and before To.
type Range struct{ From, To time.Time }

// A RangedSource can be read for a range alone.
type RangedSource interface {
	Source
	// Within returns the source as a job with a range reads it.
	Within(r Range) (Ranged, error)
}

// Ranged is a source that is read for a range. It gives every event of the tasks that the range chooses,
// as far as it has them, and of workers every event from Since up to the end of the range that decides about
// their time within it.
type Ranged struct {
	Source Source
	Since  time.Time // Reach before the range, or later if the source does not go back as far
	Whole  bool      // tasks are read whole, so events before Since count too; else they do not
}

// A LogSource is a log that keeps everything for some time.
type LogSource interface {
	Source
	// Log returns the source for all that the log holds, and from when to when that is.
	Log() (s Source, from, to time.Time, err error)
}

// ReadOptions say how a source is read.
type ReadOptions struct {
	Job     string  // ID of the job, whose counters are told of bytes that were read
	Control Control // of an Unbounded source that was begun in this process; else nil

	// Stream reads a source that has an end as one without would deliver its records, with a
	// watermark that may follow them. NewestEvent then returns the time of the newest event in a
	// batch, in ms since 1970; math.MinInt64 if there is none. It must be registered with Beam.
	Stream      bool
	NewestEvent func(record.Batch) int64
}

// An Unbounded source has no end.
type Unbounded interface {
	Source
	// Ready returns an error that says what is missing to reach the source, such as credentials. A job
	// that reads in this process asks before it opens anything else.
	Ready(ctx context.Context) error
	// Begin begins to read the source in this process, behind what a checkpoint has of it. Close
	// the control when the job has ended. Errors wrap the cause of ctx if that ended.
	Begin(ctx context.Context, b Begin) (Control, error)
}

// Begin is what an unbounded source needs to begin.
type Begin struct {
	Job        string // ID of the job
	Checkpoint Checkpoint
	Durable    bool         // the checkpoint outlives the process
	Torn       bool         // the end of the checkpoint was lost
	AddStream  bool         // what the checkpoint does not know is read too; else that is an error if it knows something
	Log        *slog.Logger // gets what an operator should know
}

// A Checkpoint keeps what a source must remember: the Progress of its parts, which the job saves
// with what was read, and whatever else the source saves. Keys are those of record.Key.
type Checkpoint interface {
	// Load returns all values by their keys.
	Load() map[string][]byte
	// Save sets a value. It is safe once Sync has returned, or when the job has kept what was read.
	Save(key string, value []byte) error
	// Delete forgets a value, with the next that is kept.
	Delete(key string)
	// Sync returns when all that was saved is safe.
	Sync() error
}

// A Control follows and ends the reading of an unbounded source. Its methods may be called from
// several goroutines.
type Control interface {
	// Watermark returns the time in ms since 1970 up to which earlier jobs have read the whole
	// source; false if that is not known.
	Watermark() (ms int64, ok bool)
	// Drain ends the handing on of records and waits until that is so, or ctx ends. From then on
	// the watermark moves up to the newest record that was handed on. The job does not end by that:
	// cancel it.
	Drain(ctx context.Context) error
	// Shards returns how far each part of the source was read.
	Shards() []Shard
	// Counts returns what happened since the beginning.
	Counts() Counts
	// ForgetOver deletes from the checkpoint what nothing needs any more.
	ForgetOver() error
	// Close ends the reading.
	Close() error
}

// A Shard is how far one part of a source was read.
type Shard struct {
	Stream, ID string
	Answered   time.Time     // when the service last answered; zero: not yet
	Behind     time.Duration // behind the newest record of the shard
	Watermark  int64         // ms since 1970: what arrived before was handed on; the lowest time of Beam while that is not known
	Open       bool          // not read to its end
}

// Counts are what happened while a source was read.
type Counts struct {
	Throttled    int64 // answers that asked for fewer calls
	Expired      int64 // iterators that had to be renewed
	Resubscribed int64 // subscriptions that were begun anew
}

// An Opener opens a source from the part of its URI behind the colon, which may be empty. Errors
// other than those that wrap ErrNoInput say what to write instead.
type Opener func(rest string, o OpenOptions) (Source, error)

// OpenOptions are what a job knows of a source that it opens.
type OpenOptions struct {
	// Within is the time in which the events happened that are of use. What was written long before or
	// behind it is left out, where the source can tell; it may give more.
	Within Span

	// Accounts are those of Twilio that are known, with one of which a source calls that does so.
	Accounts []Account
}

type scheme struct {
	form string
	open Opener
}

var registry = uri.Registry[scheme]{
	Plural: "sources", ErrURI: ErrURI, ErrUnknown: ErrUnknown, Form: func(s scheme) string { return s.form },
}

// Register makes a source available under a scheme. form is what its URIs look like, such as
// file:PATTERN. Sources register themselves in init, so a binary has those it imports.
func Register(name, form string, o Opener) { registry.Register(name, scheme{form, o}) }

// Check tells whether a URI names a registered source, without opening it. Its errors wrap ErrUnknown or
// ErrURI.
func Check(text string) error {
	_, _, err := registry.Find(text)
	return err
}

// Open opens the source that a URI names, such as file:events/*.ndjson.gz or kinesis:flex-events. One
// that calls Twilio does so with one of the accounts; if there are none, with that of the environment.
func Open(text string, accounts ...Account) (Source, error) {
	return OpenWithin(text, Span{}, accounts...)
}

// OpenWithin is Open where only the events of a time are of use. A source that cannot tell when its
// parts were written gives all of them.
func OpenWithin(text string, within Span, accounts ...Account) (Source, error) {
	s, rest, err := registry.Find(text)
	if err != nil {
		return nil, err
	}
	return s.open(rest, OpenOptions{within, accounts})
}
