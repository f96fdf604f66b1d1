package kinesisfake

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A consumer is registered for enhanced fan-out. It is guarded by the mutex of its stream.
type consumer struct {
	name    string
	arn     string
	created int64
	ready   time.Time // when it is ACTIVE, or gone while it is DELETING
	status  string
	taken   map[string]*subscription // by shard
}

func (c *consumer) settle(now time.Time) {
	if c.status == creating && !now.Before(c.ready) {
		c.status = active
	}
}

func (c *consumer) json() map[string]any {
	return map[string]any{
		"ConsumerName": c.name, "ConsumerARN": c.arn, "ConsumerStatus": c.status, "ConsumerCreationTimestamp": seconds(c.created),
	}
}

func registerConsumer(q *request) ([]byte, error) {
	var in struct {
		ref
		ConsumerName string
	}
	st, err := q.open(&in)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	st.forget(q.Time)
	n := 0
	for _, c := range st.consumers {
		if c.name == in.ConsumerName {
			return nil, errorf(ResourceInUse, "Consumer %s in stream %s under account %s already exists.", c.name, st.name, q.s.opts.Account)
		}
		if c.status == creating {
			n++
		}
	}
	switch {
	case !streamName.MatchString(in.ConsumerName):
		return nil, errorf(Validation, "1 validation error detected: Value '%s' at 'consumerName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+", in.ConsumerName)
	case len(st.consumers) >= maxConsumers || n >= maxCreating:
		return nil, errorf(LimitExceeded, "Stream %s has %d consumers, of which %d are CREATING; %d and %d are allowed.", st.name, len(st.consumers), n, maxConsumers, maxCreating)
	}
	now := milliseconds(q.Time)
	c := &consumer{
		name: in.ConsumerName, arn: fmt.Sprintf("%s/consumer/%s:%d", st.arn, in.ConsumerName, now/1000),
		created: now, ready: q.Time.Add(q.s.opts.ChangeTime), status: creating, taken: map[string]*subscription{},
	}
	st.consumers = append(st.consumers, c)
	answer := c.json()
	c.settle(q.Time)
	return encode(map[string]any{"Consumer": answer})
}

// A consumerRef names a consumer by its ARN or by its name and that of its stream.
type consumerRef struct {
	ConsumerARN  string
	ConsumerName string
	StreamARN    string
}

// consumer finds a consumer and locks its stream.
func (q *request) consumer(f consumerRef, shard string) (*stream, *consumer, error) {
	in := ref{StreamARN: f.StreamARN}
	if in.StreamARN == "" {
		in.StreamARN, _, _ = strings.Cut(f.ConsumerARN, "/consumer/")
	}
	st, err := q.stream(in, shard)
	if err != nil {
		return nil, nil, err
	}
	st.forget(q.Time)
	for _, c := range st.consumers {
		if (f.ConsumerARN == "" || c.arn == f.ConsumerARN) && (f.ConsumerName == "" || c.name == f.ConsumerName) && f.ConsumerARN+f.ConsumerName != "" {
			return st, c, nil
		}
	}
	st.mu.Unlock()
	return nil, nil, errorf(ResourceNotFound, "Consumer %s%s under account %s not found.", f.ConsumerARN, f.ConsumerName, q.s.opts.Account)
}

// forget drops the consumers that were deleted.
func (st *stream) forget(now time.Time) {
	st.consumers = slices.DeleteFunc(st.consumers, func(c *consumer) bool { return c.status == deleting && !now.Before(c.ready) })
}

func describeConsumer(q *request) ([]byte, error) {
	var in consumerRef
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	st, c, err := q.consumer(in, "")
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	d := c.json()
	d["StreamARN"] = st.arn
	return encode(map[string]any{"ConsumerDescription": d})
}

func deregisterConsumer(q *request) ([]byte, error) {
	var in consumerRef
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	st, c, err := q.consumer(in, "")
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	c.status, c.ready = deleting, q.Time.Add(q.s.opts.ChangeTime)
	st.forget(q.Time)
	for _, sub := range c.taken {
		sub.end(errorf(ResourceNotFound, "Consumer %s was deregistered.", c.name))
	}
	return nothing()
}

func listConsumers(q *request) ([]byte, error) {
	var in struct {
		StreamARN  string
		MaxResults *int
		NextToken  string
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	st, err := q.stream(ref{StreamARN: in.StreamARN}, "")
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	st.forget(q.Time)
	most := 100
	if in.MaxResults != nil {
		if most = min(*in.MaxResults, 100); most < 1 {
			return nil, errorf(Validation, "MaxResults must be at least 1.")
		}
	}
	all := slices.SortedFunc(slices.Values(st.consumers), func(a, b *consumer) int { return strings.Compare(a.name, b.name) })
	out := map[string]any{}
	list := []map[string]any{}
	for _, c := range all {
		if c.name <= in.NextToken {
			continue
		}
		if len(list) == most {
			out["NextToken"] = list[most-1]["ConsumerName"]
			break
		}
		list = append(list, c.json())
	}
	out["Consumers"] = list
	return encode(out)
}
