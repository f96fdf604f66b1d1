package kinesisio

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

var (
	errInterval = errors.New("interval must not be negative")
	errRest     = errors.New("rest must be whole seconds, and one at least")
	errFinder   = errors.New("a finder of a controller is missing")
	errStreams  = errors.New("ReadAllBatches takes the options of a stream from the stream")
)

const (
	defaultPollInterval      = 200 * time.Millisecond
	defaultSubscribeInterval = 5 * time.Second
)

// readOption is what the options of Read set.
type readOption struct {
	Stream   Stream
	settings settings
}

// settings are what the DoFns know of the options. It travels with them.
type settings struct {
	Positions         map[string]Position // by Key
	PollInterval      time.Duration
	SubscribeInterval time.Duration
	Idle              bool
	Rest              time.Duration     // of a shard without records, and of a listing
	Finder            *beam.EncodedType // the type of a ControllerFinder; nil: there is no controller
	FinderData        json.RawMessage   // its value
}

// rest returns how long an idle shard rests; a job that is older than the option tells none.
func (c *settings) rest() time.Duration { return max(c.Rest, resumeDelay) }

func newReadOption(opts []ReadOptionFn) (*readOption, error) {
	o := &readOption{settings: settings{PollInterval: defaultPollInterval, SubscribeInterval: defaultSubscribeInterval, Rest: resumeDelay}}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, fmt.Errorf("invalid option: %w", err)
		}
	}
	return o, nil
}

// ReadOptionFn is a function that can be passed to Read to configure options for reading from Kinesis.
type ReadOptionFn func(option *readOption) error

// set is an option that takes every value.
func set(f func(*readOption)) ReadOptionFn {
	return checked(true, nil, f)
}

// checked is an option that takes a value which is right.
func checked(right bool, wrong error, f func(*readOption)) ReadOptionFn {
	return func(o *readOption) error {
		if !right {
			return wrong
		}
		f(o)
		return nil
	}
}

// ReadRegion sets the region of the stream, such as eu-west-1.
func ReadRegion(region string) ReadOptionFn {
	return set(func(o *readOption) { o.Stream.Region = region })
}

// ReadEndpoint sets the URL of another server than AWS. A server on this machine needs neither
// region nor credentials.
func ReadEndpoint(url string) ReadOptionFn {
	return set(func(o *readOption) { o.Stream.Endpoint = url })
}

// ReadRole assumes a role, given by its ARN. externalID is what the role's owner asks for; it may
// be empty.
func ReadRole(arn, externalID string) ReadOptionFn {
	return set(func(o *readOption) { o.Stream.RoleARN, o.Stream.ExternalID = arn, externalID })
}

// ReadConsumer reads with enhanced fan-out, as the consumer of the given name, which is registered
// if it is missing.
func ReadConsumer(name string) ReadOptionFn {
	return set(func(o *readOption) { o.Stream.Consumer = name })
}

// ReadStart says where shards without a position begin.
func ReadStart(start Start) ReadOptionFn {
	return set(func(o *readOption) { o.Stream.Start = start })
}

// ReadPositions continues each shard, named by Key, where its position says. A shard without one,
// while there are positions of others of its stream, is new since then: it is read from its oldest
// record.
func ReadPositions(positions map[string]Position) ReadOptionFn {
	return set(func(o *readOption) { o.settings.Positions = positions })
}

// ReadPollInterval sets the least time between two GetRecords of a shard. The service allows five
// in a second, for all applications that read the shard.
func ReadPollInterval(d time.Duration) ReadOptionFn {
	return checked(d >= 0, errInterval, func(o *readOption) { o.settings.PollInterval = d })
}

// ReadSubscribeInterval sets the least time between two SubscribeToShard of a shard. The service
// allows one in five seconds.
func ReadSubscribeInterval(d time.Duration) ReadOptionFn {
	return checked(d >= 0, errInterval, func(o *readOption) { o.settings.SubscribeInterval = d })
}

// ReadIdle lets ReadBatches give batches without records, too: one when a shard is begun, and one
// about every five seconds while it has none, so that saved positions of idle shards move on and a
// stream that ends is noticed.
func ReadIdle() ReadOptionFn {
	return set(func(o *readOption) { o.settings.Idle = true })
}

// ReadRest sets how long a shard that has no records, and the list of a stream's shards, rest between two
// looks, in whole seconds, since runners count these. What arrives after a rest is late by that, and so is
// the watermark. Some runners keep something of each look for as long as the job runs: Flink's of Beam
// 2.70 and before a state (apache/beam issue 27648).
func ReadRest(d time.Duration) ReadOptionFn {
	return checked(d >= time.Second && d%time.Second == 0, errRest, func(o *readOption) { o.settings.Rest = d })
}

// ReadController lets the job be followed and steered by a controller, for a job that runs in this
// process alone: for example to drain it, to see how far each shard is, or to report one watermark
// for all shards to a runner that does not compute it. A controller does not travel with the job,
// so each DoFn asks the finder for it. The finder is a struct: its type must be registered with
// Beam (beam.RegisterType), and its exported fields travel as JSON. A DoFn for which it finds
// nothing fails with ErrNoController.
func ReadController(finder ControllerFinder) ReadOptionFn {
	return func(o *readOption) error {
		if finder == nil {
			return errFinder
		}
		data, err := json.Marshal(finder)
		if err != nil {
			return fmt.Errorf("encode %T: %w", finder, err)
		}
		o.settings.Finder, o.settings.FinderData = &beam.EncodedType{T: reflect.TypeOf(finder)}, data
		return nil
	}
}
