package kinesisio

import "context"

// shard is one shard to read.
type shard struct {
	Stream Stream
	ID     string
	From   Position
	Gone   bool // it has a saved position and is no longer there
}

// open returns what opens a shard for reading on.
func (s *session) open(sh shard, c *settings) func(context.Context, *track) (feed, keeper, error) {
	return func(ctx context.Context, t *track) (feed, keeper, error) {
		k, err := s.client(ctx, sh.Stream)
		if err != nil {
			return nil, nil, err
		}
		if sh.Gone {
			return gone{}, k, nil
		}
		f := timed{session: s, stream: sh.Stream.ID(), shard: sh.ID}
		if sh.Stream.Consumer != "" {
			f.feed = newSubscribe(k, sh.ID, t, c.SubscribeInterval)
		} else {
			f.feed = newPoll(k, sh.ID, t, c.PollInterval)
		}
		return f, k, nil
	}
}

// timed is a feed that says when the service answered.
type timed struct {
	feed
	session       *session
	stream, shard string
}

func (f timed) next(ctx context.Context) (answer, error) {
	a, err := f.feed.next(ctx)
	if err == nil {
		f.session.ctl.Answered(f.stream, f.shard)
	}
	return a, err
}

// gone is a shard that is no longer there: all that it had fell out of retention.
type gone struct{}

func (gone) next(context.Context) (answer, error) { return answer{end: true, lost: true}, nil }
func (gone) close()                               {}
