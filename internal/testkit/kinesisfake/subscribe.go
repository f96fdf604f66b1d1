package kinesisfake

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// Events hold at most this much, and come at least this often.
const (
	eventRecords = 1000
	eventBytes   = 1 << 20
	eventEvery   = 5 * time.Second
)

// poll is how often, on the machine's clock, a subscription looks at the server's clock.
const poll = 10 * time.Millisecond

// A subscription is a running SubscribeToShard.
type subscription struct {
	since int64
	over  chan struct{}
	once  sync.Once
	why   *apiError // nil breaks the connection
}

func (s *subscription) end(why *apiError) {
	s.once.Do(func() {
		s.why = why
		close(s.over)
	})
}

type subscriptions struct {
	mu  sync.Mutex
	all map[*subscription]bool
}

func (s *subscriptions) add(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*subscription]bool{}
	}
	s.all[sub] = true
}

func (s *subscriptions) remove(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sub)
}

func (s *subscriptions) cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.all {
		sub.end(nil)
	}
	return len(s.all)
}

// Subscriptions is how many subscriptions are running.
func (s *Server) Subscriptions() int {
	s.subs.mu.Lock()
	defer s.subs.mu.Unlock()
	return len(s.subs.all)
}

// subscribeToShard follows
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html: a later
// subscription of the same consumer takes the shard over, and one that comes within five seconds is
// refused (if limits are on).
func subscribeToShard(q *request) ([]byte, error) {
	var in struct {
		ConsumerARN      string
		ShardId          string
		StartingPosition struct {
			Type           string
			SequenceNumber string
			Timestamp      json.Number
		}
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	st, c, err := q.consumer(consumerRef{ConsumerARN: in.ConsumerARN}, in.ShardId)
	if err != nil {
		return nil, err
	}
	h := st.shard(in.ShardId)
	now := milliseconds(q.Time)
	p := in.StartingPosition
	var place uint64
	switch before := c.taken[in.ShardId]; {
	case h == nil:
		err = q.noShard(st, in.ShardId)
	case c.status != active:
		err = errorf(ResourceInUse, "Consumer %s is not ACTIVE, but %s.", c.arn, c.status)
	case before != nil && q.s.opts.Limits && now-before.since < resubscribeAfter.Milliseconds():
		err = errorf(ResourceInUse, "Another active subscription exists for this consumer: %s and shard: %s", c.arn, in.ShardId)
	default:
		if place, err = q.place(st, h, position{p.Type, p.SequenceNumber, p.Timestamp}); err == nil && before != nil {
			before.end(errorf(ResourceInUse, "Another subscription of consumer %s has taken over shard %s.", c.arn, in.ShardId))
		}
	}
	if err != nil {
		st.mu.Unlock()
		return nil, err
	}
	sub := &subscription{since: now, over: make(chan struct{})}
	c.taken[in.ShardId] = sub
	st.watchers++
	st.mu.Unlock()
	q.s.subs.add(sub)
	defer func() {
		q.s.subs.remove(sub)
		st.mu.Lock()
		st.watchers--
		if c.taken[in.ShardId] == sub && !q.s.opts.Limits {
			delete(c.taken, in.ShardId)
		}
		st.mu.Unlock()
	}()
	if q.drop {
		return nil, nil
	}
	(&pusher{q: q, st: st, h: h, sub: sub, place: place, frames: eventstream.NewEncoder()}).run()
	return nil, nil
}

// A pusher writes the event stream of a subscription.
type pusher struct {
	q      *request
	st     *stream
	h      *shard
	sub    *subscription
	place  uint64
	frames *eventstream.Encoder
	buf    []byte
}

func (p *pusher) run() {
	p.q.w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	p.q.w.WriteHeader(http.StatusOK)
	if !p.send("initial-response", []byte("{}")) {
		return
	}
	clock, end := p.q.s.clock, p.sub.since+p.q.s.opts.SubscriptionLifetime.Milliseconds()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	next := int64(0) // when an event is due, records or not
	for {
		now := clock.Now()
		if milliseconds(now) >= end {
			return
		}
		event, last, more, wake := p.event(now, milliseconds(now) >= next)
		if event != nil {
			next = milliseconds(now.Add(eventEvery))
			if !p.send("SubscribeToShardEvent", event) || last {
				return
			}
		}
		if more {
			select {
			case <-p.sub.over:
			default:
				continue
			}
		}
		select {
		case <-p.sub.over:
			if p.sub.why == nil {
				panic(http.ErrAbortHandler)
			}
			p.exception(p.sub.why)
			return
		case <-p.q.s.closed:
			return
		case <-p.q.r.Context().Done():
			return
		case <-wake:
		case <-tick.C:
		}
	}
}

// event makes the next event, nil if there is nothing to say. more tells that further records wait;
// wake is closed when some come.
//
// The last event has ChildShards and no continuation, as the Kinesis Client Library requires:
// https://github.com/awslabs/amazon-kinesis-client, FanOutRecordsPublisher.
func (p *pusher) event(now time.Time, due bool) (event []byte, last, more bool, wake chan struct{}) {
	st, h := p.st, p.h
	st.mu.Lock()
	defer st.mu.Unlock()
	st.settle(now)
	from := h.clamp(p.place)
	to, _, _ := h.batch(from, eventRecords, eventBytes)
	last, more, wake = h.ended(to), to < h.end(), st.wake
	if to == from && !due && !last {
		return nil, false, false, wake
	}
	b := append(p.buf[:0], `{"Records":[`...)
	b = h.appendRecords(b, from, to)
	b = append(b, `],"MillisBehindLatest":`...)
	b = strconv.AppendInt(b, h.behind(from, to, milliseconds(now)), 10)
	if last {
		b = h.appendChildren(b)
	} else {
		b = append(b, `,"ContinuationSequenceNumber":"`...)
		b = h.progress(to).append(b)
		b = append(b, '"')
	}
	p.place, p.buf = to, append(b, '}')
	return p.buf, last, more, wake
}

func (p *pusher) send(kind string, payload []byte) bool {
	return p.frame(eventstream.Headers{
		{Name: ":message-type", Value: eventstream.StringValue("event")},
		{Name: ":event-type", Value: eventstream.StringValue(kind)},
		{Name: ":content-type", Value: eventstream.StringValue("application/json")},
	}, payload)
}

func (p *pusher) exception(e *apiError) {
	body, _ := json.Marshal(map[string]string{"message": e.message}) // a string
	p.frame(eventstream.Headers{
		{Name: ":message-type", Value: eventstream.StringValue("exception")},
		{Name: ":exception-type", Value: eventstream.StringValue(e.code)},
		{Name: ":content-type", Value: eventstream.StringValue("application/json")},
	}, body)
}

// frame writes a message and tells whether the client may still be there.
func (p *pusher) frame(h eventstream.Headers, payload []byte) bool {
	if p.frames.Encode(p.q.w, eventstream.Message{Headers: h, Payload: payload}) != nil {
		return false
	}
	return http.NewResponseController(p.q.w).Flush() == nil
}
