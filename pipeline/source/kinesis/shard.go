package kinesis

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

func init() {
	beam.RegisterType(reflect.TypeOf((*shard)(nil)).Elem())
}

// shard is one shard to read.
type shard struct {
	Stream Stream
	ID     string
	From   Position
	Gone   bool // it has a saved position and is no longer there
}

// open opens the shard for reading on. It keeps when the service last answered, in ms.
func (s shard) open(c *Control, p Pace, answered *atomic.Int64) func(context.Context, *track) (feed, keeper, error) {
	return func(ctx context.Context, t *track) (feed, keeper, error) {
		k, err := c.client(ctx, s.Stream)
		if err != nil {
			return nil, nil, err
		}
		if s.Gone {
			return gone{}, k, nil
		}
		f := timed{c: c, answered: answered}
		if s.Stream.Consumer != "" {
			f.feed = newSubscribe(k, s.ID, t, p)
		} else {
			f.feed = newPoll(k, s.ID, t, p)
		}
		return f, k, nil
	}
}

// timed is a feed that keeps when it last gave an answer.
type timed struct {
	feed
	c        *Control
	answered *atomic.Int64
}

func (f timed) next(ctx context.Context) (answer, error) {
	a, err := f.feed.next(ctx)
	if err == nil {
		f.answered.Store(f.c.now().UnixMilli())
	}
	return a, err
}

// gone is a shard that is no longer there: all that it had fell out of retention.
type gone struct{}

func (gone) next(context.Context) (answer, error) { return answer{end: true, lost: true}, nil }
func (gone) close()                               {}
