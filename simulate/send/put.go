package send

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"flexbeam/internal/repeat"
)

// How refused entries are tried again.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second

	greeting = 10 * time.Second // how long a service may be ill or away before it takes the first record
	patience = 3 * time.Minute  // and afterwards
	grace    = 2 * time.Second  // that a call under way has when sending ends
)

// put sends entries until the stream has taken each of them, or ctx ends.
func (s *Sender) put(ctx context.Context, entries []types.PutRecordsRequestEntry) error {
	call, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, end) })()
	well := time.Now() // when the service last did what a well one does
	for failures := 0; ; {
		out, err := s.api.PutRecords(call, s.input(entries))
		s.count.calls.Add(1)
		if err == nil && len(out.Records) != len(entries) {
			err = fmt.Errorf("%w: %d results for %d records", errReply, len(out.Records), len(entries))
		}
		v, advice := throttled, ""
		if err != nil {
			v, advice = judge(err)
		} else {
			sent := len(entries)
			if entries, v, advice, err = s.sort(entries, out.Records); len(entries) == 0 {
				return nil
			}
			if len(entries) < sent {
				well, failures = time.Now(), 0
			}
		}
		if v == throttled {
			well = time.Now()
		}
		if v == hopeless || v == unsure && time.Since(well) >= s.patience() {
			return &Error{Stream: s.stream, Advice: advice, Err: err}
		}
		if err := repeat.Pause(ctx, pause(failures, s.chance())); err != nil {
			return err
		}
		failures++
		s.count.retries.Add(int64(len(entries)))
	}
}

// sort counts the entries that were taken and keeps the others, with the worst verdict of them.
func (s *Sender) sort(entries []types.PutRecordsRequestEntry, results []types.PutRecordsResultEntry) (left []types.PutRecordsRequestEntry, v verdict, advice string, err error) {
	v = throttled
	for i, r := range results {
		if r.ErrorCode == nil || *r.ErrorCode == "" {
			s.count.sent.Add(1)
			s.count.bytes.Add(int64(len(entries[i].Data)))
			continue
		}
		left = append(left, entries[i])
		w, a, _ := judgeCode(*r.ErrorCode)
		if err == nil || w == hopeless || w == unsure && v == throttled {
			refusal := &smithy.GenericAPIError{Code: *r.ErrorCode}
			if r.ErrorMessage != nil {
				refusal.Message = *r.ErrorMessage
			}
			v, advice, err = w, a, refusal
		}
	}
	return left, v, advice, err
}

func (s *Sender) input(entries []types.PutRecordsRequestEntry) *kinesis.PutRecordsInput {
	in := &kinesis.PutRecordsInput{Records: entries}
	if strings.HasPrefix(s.stream, "arn:") {
		in.StreamARN = &s.stream
	} else {
		in.StreamName = &s.stream
	}
	return in
}

// patience is how long the service may be ill or away.
func (s *Sender) patience() time.Duration {
	if s.count.sent.Load() == 0 {
		return greeting
	}
	return patience
}

// pause is how long to wait after so many failures in a row: twice as long each time, up to
// lastPause, of which a half is by chance.
func pause(failures int, chance float64) time.Duration {
	whole := lastPause
	if failures < 6 {
		whole = min(firstPause<<failures, lastPause)
	}
	return whole/2 + time.Duration(chance*float64(whole/2))
}
