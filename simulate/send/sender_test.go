package send

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"flexbeam/simulate"
)

// deliver sends drawn records to a stream on a fake clock.
func deliver(t *testing.T, s *stream, o Options, draw drawing) (sum Summary, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sender := New(s, "demo", o)
		sender.chance = func() float64 { return 0.5 }
		sum, err = sender.send(t.Context(), begun, draw)
	})
	return sum, err
}

func TestEveryRecordIsDeliveredUnderAnyFaults(t *testing.T) {
	codes := []string{"ProvisionedThroughputExceededException", "InternalFailure", "SomethingNew"}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 3000).Draw(rt, "records")
		lossy := rapid.Bool().Draw(rt, "replies are lost")
		var answers []answer
		lost := false
		for range rapid.IntRange(0, 30).Draw(rt, "troubled calls") {
			a := answer{took: time.Duration(rapid.IntRange(0, 3000).Draw(rt, "ms")) * time.Millisecond}
			kinds := 3
			if lossy {
				kinds = 5
			}
			switch rapid.IntRange(0, kinds).Draw(rt, "trouble") {
			case 1:
				a.err = refusal(rapid.SampledFrom(codes).Draw(rt, "code"))
			case 2, 3:
				step, code := rapid.IntRange(1, 5).Draw(rt, "step"), rapid.SampledFrom(codes).Draw(rt, "code")
				a.refuse = func(i int) string {
					if i%step == 0 {
						return code
					}
					return ""
				}
			case 4:
				a.err, a.keep, lost = errUnplugged, true, true
			case 5:
				a.short, lost = true, true
			}
			answers = append(answers, a)
		}
		s := &stream{answer: func(call int) answer {
			if call < len(answers) {
				return answers[call]
			}
			return answer{}
		}}
		o := Options{
			Speed: rapid.SampledFrom([]float64{0, 1, 1000}).Draw(rt, "speed"),
			Calls: rapid.IntRange(1, 4).Draw(rt, "calls at once"),
		}
		sum, err := deliver(t, s, o, records(n, time.Duration(rapid.IntRange(0, 50).Draw(rt, "ms apart"))*time.Millisecond))
		if e := new(Error); errors.As(err, &e) && sum.Elapsed >= greeting { // nobody waits longer for a service that is ill
			if sum.Sent > int64(len(s.got)) {
				rt.Fatalf("%d records are counted, %d were taken", sum.Sent, len(s.got))
			}
			return
		}
		if err != nil {
			rt.Fatal(err)
		}
		for i := range n {
			text := string(rec(i, 0).Text)
			if got := s.got[text]; got < 1 || got > 1 && !lost {
				rt.Fatalf("%s was taken %d times", text, got)
			}
		}
		if sum.Sent != int64(n) || sum.Drawn.Records != int64(n) || sum.Calls != int64(len(s.calls)) || sum.Retries != int64(s.entries()-n) {
			rt.Fatalf("%d records in %d calls with %d entries: %+v", n, len(s.calls), s.entries(), sum)
		}
	})
}

func TestOnlyRefusedEntriesAreSentAgain(t *testing.T) {
	s := &stream{answer: func(call int) answer {
		if call > 0 {
			return answer{}
		}
		return answer{refuse: func(i int) string {
			if i == 3 || i == 7 {
				return "ProvisionedThroughputExceededException"
			}
			return ""
		}}
	}}
	sum, err := deliver(t, s, Options{}, records(10, 0))
	if err != nil || sum.Retries != 2 || sum.Calls != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if got := strings.Join(s.calls[1].texts, ", "); got != "record 3, record 7" {
		t.Errorf("sent again: %s", got)
	}
}

func TestThrottlingForAnHourLosesNothing(t *testing.T) {
	var until time.Time
	s := &stream{}
	s.answer = func(int) answer {
		if until.IsZero() {
			until = time.Now().Add(time.Hour)
		}
		switch {
		case time.Now().After(until):
			return answer{}
		case len(s.calls)%2 == 0:
			return answer{err: refusal("LimitExceededException")}
		}
		return answer{refuse: func(int) string { return "ProvisionedThroughputExceededException" }}
	}
	sum, err := deliver(t, s, Options{}, records(1234, 0))
	if err != nil || sum.Sent != 1234 || len(s.got) != 1234 || sum.Elapsed < time.Hour {
		t.Errorf("%+v, %v", sum, err)
	}
	if perHour := float64(len(s.calls)); perHour > 3*3600/2.5 { // three batches, each every 2.5 to 5 seconds
		t.Errorf("%.0f calls an hour", perHour)
	}
}

func TestWhatTimeDoesNotHealFailsWithAdvice(t *testing.T) {
	tests := []struct {
		name   string
		answer answer
		after  time.Duration // from the first call on
		want   []string
	}{
		{"no stream", answer{err: refusal("ResourceNotFoundException")}, 0, []string{"stream demo", "no such stream", "create it", "as the service says"}},
		{"no rights", answer{err: refusal("AccessDeniedException")}, 0, []string{"not allowed", "kinesis:PutRecords", "role_arn"}},
		{"unknown key", answer{err: refusal("UnrecognizedClientException")}, 0, []string{"refuses the credentials", "clock"}},
		{"expired token", answer{err: refusal("ExpiredTokenException")}, 0, []string{"expired"}},
		{"no encryption key", answer{err: refusal("KMSDisabledException")}, 0, []string{"encryption key", "enable it"}},
		{"an entry that is hopeless", answer{refuse: func(i int) string {
			return []string{"", "InternalFailure", "KMSNotFoundException", "InternalFailure"}[i%4]
		}}, 0, []string{"encryption key", "KMSNotFoundException", "not now"}},
		{"nobody there", answer{err: errUnplugged}, greeting, []string{"cannot be reached", "endpoint", "connection refused"}},
		{"no answer", answer{err: fmt.Errorf("call: %w", context.DeadlineExceeded)}, greeting, []string{"does not answer"}},
		{"broken replies", answer{short: true}, greeting, []string{"does not answer as Kinesis does"}},
		{"ill", answer{err: refusal("InternalFailure")}, greeting, []string{"is ill", "InternalFailure"}},
		{"being created", answer{err: refusal("ResourceInUseException")}, greeting, []string{"not active"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &stream{answer: func(int) answer { return tt.answer }}
			sum, err := deliver(t, s, Options{Speed: 1}, records(100_000, time.Millisecond))
			var e *Error
			if !errors.As(err, &e) || e.Stream != "demo" {
				t.Fatalf("%v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in: %v", want, err)
				}
			}
			if most := tt.after + 2*lastPause + time.Second; sum.Elapsed < tt.after || sum.Elapsed > most {
				t.Errorf("after %v, want %v to %v", sum.Elapsed, tt.after, most)
			}
		})
	}
}

func TestAServiceThatWorkedMayBeAwayForAWhile(t *testing.T) {
	s := &stream{}
	s.answer = func(int) answer {
		if age := time.Since(s.calls[0].at); age > time.Minute && age < 3*time.Minute {
			return answer{err: errUnplugged}
		}
		return answer{}
	}
	sum, err := deliver(t, s, Options{Speed: 1}, records(300, time.Second))
	if err != nil || sum.Sent != 300 || sum.Retries == 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestCallsKeepTheLimitsOfPutRecords(t *testing.T) {
	tests := []struct{ n, length, calls int }{
		{1, 10, 1},
		{500, 10, 1},
		{501, 10, 2},
		{1300, 3000, 3},
		{12, 1<<20 - keyLength, 3},       // five fill a call exactly
		{10, 1 << 20, 3},                 // four
		{1200, 5<<20/400 - keyLength, 3}, // four hundred
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d records of %d bytes", tt.n, tt.length), func(t *testing.T) {
			s := &stream{}
			_, err := deliver(t, s, Options{}, func(_ context.Context, fn func(simulate.Record) error) (stats simulate.Stats, err error) {
				for i := range tt.n {
					text := fmt.Appendf(bytes.Repeat([]byte("."), tt.length-4), "%04d", i)
					if err := fn(simulate.Record{Text: text, Arrival: begun}); err != nil {
						return stats, err
					}
				}
				return stats, nil
			})
			if err != nil || len(s.got) != tt.n || len(s.calls) != tt.calls {
				t.Errorf("%d of %d records in %d calls: %v", len(s.got), tt.n, len(s.calls), err)
			}
			for _, c := range s.calls {
				if len(c.texts) > 500 || c.bytes > 5<<20 {
					t.Errorf("a call with %d records, %d bytes", len(c.texts), c.bytes)
				}
			}
		})
	}
}

func TestRecordsGoWhenTheyAreDue(t *testing.T) {
	tests := []struct {
		speed float64
		apart time.Duration
	}{
		{1, time.Second}, {1, 50 * time.Millisecond}, {1, 3 * time.Millisecond}, {60, time.Minute}, {1000, 30 * time.Second}, {0.5, time.Second},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("every %v at %v times real time", tt.apart, tt.speed), func(t *testing.T) {
			s := &stream{}
			var begin time.Time
			synctest.Test(t, func(t *testing.T) {
				begin = time.Now()
				if _, err := New(s, "demo", Options{Speed: tt.speed}).send(t.Context(), begun, records(200, tt.apart)); err != nil {
					t.Fatal(err)
				}
			})
			n := 0
			for _, c := range s.calls {
				for range c.texts {
					due := begin.Add(time.Duration(float64(n) * float64(tt.apart) / tt.speed))
					if late := c.at.Sub(due); late < 0 || late > maxWait+tick {
						t.Fatalf("record %d is sent %v after it is due", n, late)
					}
					n++
				}
			}
			if n != 200 {
				t.Errorf("%d records", n)
			}
		})
	}
}

func TestASlowStreamMakesSendingLateAndTheSummarySaysSo(t *testing.T) {
	s := &stream{answer: func(int) answer { return answer{took: 10 * time.Second} }}
	sum, err := deliver(t, s, Options{Speed: 1, Calls: 2}, records(60, time.Second))
	if err != nil || s.mostOpen != 2 || sum.Behind < 5*time.Second || sum.Sent != 60 {
		t.Errorf("%d calls at once, %+v, %v", s.mostOpen, sum, err)
	}
	s = &stream{}
	if sum, err = deliver(t, s, Options{Speed: 1}, records(60, time.Second)); err != nil || sum.Behind > tick {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestAnEndBetweenCallsCountsWhatWasTaken(t *testing.T) {
	why := errors.New("enough")
	for _, took := range []time.Duration{0, time.Second, time.Hour} { // the last is cut off
		s := &stream{answer: func(int) answer { return answer{took: took} }}
		var sum Summary
		var err error
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(30*time.Second, func() { cancel(why) })
			sum, err = New(s, "demo", Options{Speed: 1}).send(ctx, begun, records(1000, time.Second))
		})
		if !errors.Is(err, why) || sum.Sent != int64(len(s.got)) || sum.Elapsed > 30*time.Second+grace {
			t.Errorf("calls of %v: %d taken, %+v, %v", took, len(s.got), sum, err)
		}
		if took < time.Hour && (sum.Sent < 28 || sum.Sent > 31) {
			t.Errorf("calls of %v: %d sent in half a minute", took, sum.Sent)
		}
	}
}

func TestPartitionKeysSpreadRecordsAndJoinCopies(t *testing.T) {
	c := simulate.DefaultConfig()
	c.Tasks, c.Duplicates, c.Form = 300, 0.2, simulate.String
	s := &stream{}
	var sum Summary
	synctest.Test(t, func(t *testing.T) {
		var err error
		if sum, err = New(s, "demo", Options{Speed: 1e6}).Send(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	})
	keyOf := map[string]string{}
	groups := make([]int, 16)
	for _, call := range s.calls {
		for i, text := range call.texts {
			if k, ok := keyOf[text]; ok && k != call.keys[i] {
				t.Fatalf("copies of one record have the keys %s and %s", k, call.keys[i])
			}
			keyOf[text] = call.keys[i]
			groups[md5.Sum([]byte(call.keys[i]))[0]/16]++ // as Kinesis finds the shard
		}
	}
	if sum.Drawn.Duplicates == 0 || sum.Sent != sum.Drawn.Records || len(s.got) != int(sum.Drawn.Events) {
		t.Errorf("%+v, %d texts", sum, len(s.got))
	}
	for _, n := range groups {
		if mean := int(sum.Sent) / 16; n < mean/2 || n > 2*mean {
			t.Errorf("uneven: %v", groups)
			break
		}
	}
}

func TestStreamIsNamedByNameOrARN(t *testing.T) {
	for _, name := range []string{"demo", "arn:aws:kinesis:eu-west-1:123456789012:stream/demo"} {
		s := &stream{}
		synctest.Test(t, func(t *testing.T) {
			if _, err := New(s, name, Options{}).send(t.Context(), begun, records(1, 0)); err != nil {
				t.Fatal(err)
			}
		})
		if len(s.calls) != 1 || s.calls[0].streams != name {
			t.Errorf("%s: %+v", name, s.calls)
		}
	}
}

func TestPausesGrowAndKeepTheirBounds(t *testing.T) {
	for failures := range 100 {
		whole := lastPause
		if failures < 6 {
			whole = firstPause << failures
		}
		if low, high := pause(failures, 0), pause(failures, 1); low != whole/2 || high != whole {
			t.Errorf("after %d failures: %v to %v", failures, low, high)
		}
	}
}

func TestAShiftedHistoryIsSentLikeTheOneBehindIt(t *testing.T) {
	c := simulate.DefaultConfig()
	c.Tasks = 50
	var took [2]time.Duration
	for i, shift := range []time.Duration{0, 40 * 24 * time.Hour} {
		c.Shift = shift
		synctest.Test(t, func(t *testing.T) {
			sum, err := New(&stream{}, "demo", Options{Speed: 1000}).Send(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			took[i] = sum.Elapsed
		})
	}
	if took[0] == 0 || took[0] != took[1] {
		t.Errorf("sending takes %v, shifted %v", took[0], took[1])
	}
}
