package kinesisio

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
)

// An Observer is told what happens while streams are read. Its methods are called from several
// goroutines and return at once.
type Observer interface {
	// Retried says that a call failed and is made again; throttled: because the service asks for
	// fewer calls. The shard is empty for calls about a stream.
	Retried(stream, shard string, err error, throttled bool)
	// Expired says that the iterator of a shard expired and is renewed.
	Expired(stream, shard string)
	// Resubscribed says that a subscription to a shard is begun anew.
	Resubscribed(stream, shard string)
	// Answered says that the service answered for a shard now, also that there is nothing.
	Answered(stream, shard string)
}

// A Controller follows and steers a job all DoFns of which run in one process, such as one on a
// runner that is part of the program. A job does not need one: see [ReadController] for what it is
// good for. Streams are named by [Stream.ID]; times are in ms since 1970. The methods are called
// from several goroutines.
type Controller interface {
	Observer

	// Share returns what the DoFns of the job have in common, which the first of them makes:
	// connections, and the records that were read ahead. The controller closes it when the job has
	// ended.
	Share(make func() io.Closer) io.Closer

	// Enter is asked before each call that hands on records; it returns false if none are to be.
	// Leave ends the call.
	Enter() bool
	Leave()
	// Draining tells a call to end behind the batch that it is at.
	Draining() bool

	// Found says that a shard is about to be read, in which nothing that is to be read arrived
	// before begin.
	Found(stream, shard string, begin int64)
	// Listed says that all shards of a stream that were there at a time are handed on.
	Listed(stream string, shards []string, asOf int64)
	// Succeeded tells whether the shards that go on where one ended are listed, so that its end may
	// be handed on.
	Succeeded(stream, shard string, children []string) bool

	// Bundle begins a bundle and returns its number, which is more than 0 and of this job alone.
	Bundle() int64
	// Resumed says that the runner comes to a shard, with the number of the bundle that brought it
	// to where it stands; 0: none. It returns true if a bundle that came further failed, so that
	// what it handed on comes again.
	Resumed(stream, shard string, begin, bundle int64, done bool) (repeated bool)
	// Rewound says that a shard is read anew from where all that arrived before a time was handed on.
	Rewound(stream, shard string, at int64)
	// Began says that a bundle hands on records of a shard. What arrived before bound(), of what is
	// read ahead, is handed on.
	Began(stream, shard string, bundle int64, bound func() int64)
	// HandedOn says that a batch was handed on: with it, what arrived before watermark. newest is
	// the arrival of its newest record, or the lowest time of Beam; behind is how far the shard is
	// behind its newest record, in ms.
	HandedOn(stream, shard string, watermark, newest, behind int64)

	// Watermark and ListWatermark return what a shard in a bundle, and the list of a stream's
	// shards, report to the runner. own is what each would report without a controller. It must
	// never go back.
	Watermark(stream, shard string, bundle, own int64) int64
	ListWatermark(stream string, own int64) int64
}

// logEvery is how often a job without a controller logs an error at most after which a call is made
// again.
const logEvery = time.Minute

// uncontrolled is the controller of DoFns without one. It knows nothing of other DoFns, so each
// shard has its own watermark.
type uncontrolled struct {
	mu     sync.Mutex
	logged time.Time
}

func (u *uncontrolled) Retried(stream, shard string, err error, _ bool) {
	u.mu.Lock()
	now := time.Now()
	quiet := now.Sub(u.logged) < logEvery
	if !quiet {
		u.logged = now
	}
	u.mu.Unlock()
	if !quiet {
		log.Warnf(context.Background(), "%v; trying again", err)
	}
}

func (*uncontrolled) Expired(_, _ string)                          { /* nobody is told */ }
func (*uncontrolled) Resubscribed(_, _ string)                     { /* nobody is told */ }
func (*uncontrolled) Answered(_, _ string)                         { /* nobody is told */ }
func (*uncontrolled) Share(make func() io.Closer) io.Closer        { return make() }
func (*uncontrolled) Enter() bool                                  { return true }
func (*uncontrolled) Leave()                                       { /* nobody waits */ }
func (*uncontrolled) Draining() bool                               { return false }
func (*uncontrolled) Found(_, _ string, _ int64)                   { /* nobody is told */ }
func (*uncontrolled) Listed(_ string, _ []string, _ int64)         { /* nobody is told */ }
func (*uncontrolled) Succeeded(_, _ string, _ []string) bool       { return true }
func (*uncontrolled) Bundle() int64                                { return 0 }
func (*uncontrolled) Resumed(_, _ string, _, _ int64, _ bool) bool { return false }
func (*uncontrolled) Rewound(_, _ string, _ int64)                 { /* nobody is told */ }
func (*uncontrolled) Began(_, _ string, _ int64, _ func() int64)   { /* nobody is told */ }
func (*uncontrolled) HandedOn(_, _ string, _, _, _ int64)          { /* nobody is told */ }
func (*uncontrolled) Watermark(_, _ string, _, own int64) int64    { return own }
func (*uncontrolled) ListWatermark(_ string, own int64) int64      { return own }

// A ControllerFinder finds the controller of a job in this process; see ReadController.
type ControllerFinder interface {
	// FindController returns nil if there is none.
	FindController() Controller
}

// controller returns the controller of the options.
func (c *settings) controller() (Controller, error) {
	if c.Finder == nil {
		return &uncontrolled{}, nil
	}
	v := reflect.New(c.Finder.T)
	if err := json.Unmarshal(c.FinderData, v.Interface()); err != nil {
		return nil, fmt.Errorf("kinesis: decode %v: %w", c.Finder.T, err)
	}
	finder, ok := v.Elem().Interface().(ControllerFinder)
	if ok {
		if ctl := finder.FindController(); ctl != nil {
			return ctl, nil
		}
	}
	return nil, fmt.Errorf("kinesis: %w: %v %s", ErrNoController, c.Finder.T, c.FinderData)
}
