package kinesisfake

import "time"

// Options are the settings of a Server. The zero value is a server with the service's published
// defaults, except that streams change at once and throughput has no limit.
type Options struct {
	// Addr is where Start listens, 127.0.0.1:0 by default: a free port that only this machine can
	// reach.
	Addr string
	// Region and Account appear in ARNs; us-east-1 and 000000000000 by default.
	Region, Account string
	// Clock is the server's time, the machine's by default.
	Clock Clock
	// MaxStreamBytes bounds the memory of a stream. The oldest records beyond it are trimmed as if
	// retention had passed. 0 is no bound.
	MaxStreamBytes int64
	// Limits applies the published throughput of a shard: five reads and 2 MiB a second, 1000
	// records and 1 MiB written a second; and one subscription of a consumer in five seconds, which
	// is allowed to follow at once otherwise.
	Limits bool
	// ChangeTime is how long streams and consumers are CREATING, UPDATING and DELETING. 0 is not at
	// all.
	ChangeTime time.Duration
	// IteratorLifetime is how long a shard iterator is valid, 5 minutes by default.
	IteratorLifetime time.Duration
	// SubscriptionLifetime is how long a subscription pushes records, 5 minutes by default.
	SubscriptionLifetime time.Duration
	// LateEnd ends a closed shard with an empty answer of its own rather than with that which holds
	// the last records. What is published allows both.
	LateEnd bool
	// NumbersAnew lets the sequence numbers of a stream that is made anew under the name of one
	// that was deleted begin anew as well, so that they may be lower than those before. No page
	// promises that they are greater.
	NumbersAnew bool
	// OnCall is told of every call before it is carried out. It must not call the server.
	OnCall func(Call)
}

func (o Options) withDefaults() Options {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&o.Addr, "127.0.0.1:0")
	set(&o.Region, "us-east-1")
	set(&o.Account, "000000000000")
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.IteratorLifetime == 0 {
		o.IteratorLifetime = iteratorLifetime
	}
	if o.SubscriptionLifetime == 0 {
		o.SubscriptionLifetime = subscriptionTime
	}
	return o
}
