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
func (s *session) open(sh shard, c *settings) func(context.Context, *cursor) (fetcher, retention, error) {
	return func(ctx context.Context, t *cursor) (fetcher, retention, error) {
		k, err := s.client(ctx, sh.Stream)
		if err != nil {
			return nil, nil, err
		}
		if sh.Gone {
			return gone{}, k, nil
		}
		f := timed{session: s, stream: sh.Stream.ID(), shard: sh.ID}
		if sh.Stream.Consumer != "" {
			f.fetcher = newSubscribe(k, sh.ID, t, c.SubscribeInterval)
		} else {
			f.fetcher = newPoll(k, sh.ID, t, c.PollInterval)
		}
		return f, k, nil
	}
}

// timed is a fetcher that says when the service answered.
type timed struct {
	fetcher
	session       *session
	stream, shard string
}

func (f timed) next(ctx context.Context) (fetchResult, error) {
	a, err := f.fetcher.next(ctx)
	if err == nil {
		f.session.ctl.Answered(f.stream, f.shard)
	}
	return a, err
}

// gone is a shard that is no longer there: all that it had fell out of retention.
type gone struct{}

func (gone) next(context.Context) (fetchResult, error) {
	return fetchResult{end: true, lost: true}, nil
}
func (gone) close() {}
