package kinesis

import "time"

// Pace says how often the service is asked.
type Pace struct {
	Polls      time.Duration // between two GetRecords of a shard; the service allows five in a second
	Subscribes time.Duration // between two SubscribeToShard of a shard; the service allows one in five seconds
}

// defaultPace keeps within the limits of the service.
var defaultPace = Pace{Polls: 200 * time.Millisecond, Subscribes: 5 * time.Second}

// settings are what the options of Read set. They travel with the DoFns.
type settings struct {
	Job       string   // tells jobs of one process apart
	Streams   []string // their IDs
	Control   string
	Positions map[string]Position
	Pace      Pace
}

// A ReadOption changes how streams are read.
type ReadOption func(*settings)

// WithPositions continues each shard, named by Key, where its position says. A shard of a stream for which there is no position while there are some of
// others is new since then: it is read from its oldest record.
func WithPositions(positions map[string]Position) ReadOption {
	return func(c *settings) { c.Positions = positions }
}

// WithControl names a Control of this process, made by NewControl, that watches and ends the reading. A process without one of the name
// reads as if none were named.
func WithControl(name string) ReadOption {
	return func(c *settings) { c.Control = name }
}

// WithPace asks the service at another pace, for a server that is no AWS.
func WithPace(p Pace) ReadOption {
	return func(c *settings) { c.Pace = p }
}
