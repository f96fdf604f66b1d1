package kinesis

import (
	"context"
	"reflect"

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

// open opens the shard for reading on.
func (s shard) open(c *Control, p Pace) func(context.Context, *track) (feed, keeper, error) {
	return func(ctx context.Context, t *track) (feed, keeper, error) {
		k, err := c.client(ctx, s.Stream)
		if err != nil {
			return nil, nil, err
		}
		if s.Gone {
			return gone{}, k, nil
		}
		if s.Stream.Consumer != "" {
			return newSubscribe(k, s.ID, t, p), k, nil
		}
		return newPoll(k, s.ID, t, p), k, nil
	}
}

// gone is a shard that is no longer there: all that it had fell out of retention.
type gone struct{}

func (gone) next(context.Context) (answer, error) { return answer{end: true, lost: true}, nil }
func (gone) close()                               {}
