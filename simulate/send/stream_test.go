package send

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"flexbeam/internal/repeat"
	"flexbeam/simulate"
)

// answer is what a stream does with one call.
type answer struct {
	took   time.Duration             // before it does anything
	refuse func(i int) (code string) // for entry i; "" takes it. nil takes all
	err    error                     // instead of a reply
	keep   bool                      // beside err: the entries are taken, only the reply is lost
	short  bool                      // a reply with a result too few
}

// stream is a stream that does as it is told.
type stream struct {
	mu       sync.Mutex
	answer   func(call int) answer // call counts from 0; nil takes everything
	got      map[string]int        // how often each text was taken
	calls    []putCall
	open     int
	mostOpen int
}

// putCall is a call as it came.
type putCall struct {
	at      time.Time
	texts   []string
	bytes   int
	keys    []string
	streams string
}

func (s *stream) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.got == nil {
		s.got = map[string]int{}
	}
	c := putCall{at: time.Now()}
	for _, name := range []*string{in.StreamName, in.StreamARN} {
		if name != nil {
			c.streams += *name
		}
	}
	for _, e := range in.Records {
		c.texts, c.keys = append(c.texts, string(e.Data)), append(c.keys, *e.PartitionKey)
		c.bytes += len(e.Data) + len(*e.PartitionKey)
	}
	s.calls = append(s.calls, c)
	var a answer
	if s.answer != nil {
		a = s.answer(len(s.calls) - 1)
	}
	s.open++
	s.mostOpen = max(s.mostOpen, s.open)
	s.mu.Unlock()
	err := repeat.Pause(ctx, a.took)
	s.mu.Lock()
	s.open--
	if err != nil {
		return nil, err
	}
	out := &kinesis.PutRecordsOutput{}
	for i, text := range c.texts {
		var r types.PutRecordsResultEntry
		if a.refuse != nil {
			if code := a.refuse(i); code != "" {
				message := "not now"
				r.ErrorCode, r.ErrorMessage = &code, &message
			}
		}
		if r.ErrorCode == nil && (a.err == nil || a.keep) {
			s.got[text]++
		}
		out.Records = append(out.Records, r)
	}
	if a.short {
		out.Records = out.Records[1:]
	}
	if a.err != nil {
		return nil, a.err
	}
	return out, nil
}

// entries counts what all calls carried.
func (s *stream) entries() (n int) {
	for _, c := range s.calls {
		n += len(c.texts)
	}
	return n
}

func refusal(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "as the service says"}
}

var errUnplugged = errors.New("connection refused")

// rec is a record that arrives so long after the start, with a text of its own.
func rec(i int, after time.Duration) simulate.Record {
	return simulate.Record{Text: fmt.Appendf(nil, "record %d", i), Arrival: begun.Add(after)}
}

var begun = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// records draws n records, so far apart.
func records(n int, apart time.Duration) drawing {
	return func(ctx context.Context, fn func(simulate.Record) error) (s simulate.Stats, err error) {
		for i := range n {
			s.Records++
			if err := fn(rec(i, time.Duration(i)*apart)); err != nil {
				return s, err
			}
		}
		return s, nil
	}
}
