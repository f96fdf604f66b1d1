package kinesisio

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// retryer says what is worth another attempt and how long to wait before it, by the standard of the
// SDK. The SDK's own loop is not used: it counts attempts, and knows neither the interval of calls
// nor who is told of errors.
var retryer = retry.NewStandard(func(o *retry.StandardOptions) {
	o.MaxBackoff = 10 * time.Second
	o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: throttles}, retry.RetryableErrorCode{Codes: passing})
})

// retrier makes calls again until they succeed or there is no hope.
type retrier struct {
	c             *session
	stream, shard string
	limit         *limiter
}

// try makes a call, again and again while its errors may pass. own are codes that it returns at once.
func (r retrier) try(ctx context.Context, call string, do func(context.Context) error, own ...string) error {
	for attempt := 0; ; attempt++ {
		if err := r.limit.wait(ctx); err != nil {
			return err
		}
		within, stop := context.WithTimeout(ctx, answerTime)
		err := do(within)
		stop()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case code(err) != "" && slices.Contains(own, code(err)):
			return err
		}
		explained := explain(r.stream, r.shard, call, err)
		if permanent(err) {
			return explained
		}
		if r.c.starts {
			r.c.heard(r.stream, explained)
			if err := r.c.hopeless(r.stream); err != nil {
				return err
			}
		}
		r.c.ctl.Retried(r.stream, r.shard, explained, isThrottle(err))
		delay, err := retryer.RetryDelay(min(attempt, 30), err)
		if err != nil {
			delay = time.Second
		}
		if err := r.c.sleep(ctx, delay); err != nil {
			return err
		}
	}
}

// answer makes a call as try does, and returns what it answers.
func answer[T any](ctx context.Context, r retrier, call string, do func(context.Context) (T, error), own ...string) (v T, err error) {
	err = r.try(ctx, call, func(ctx context.Context) (err error) {
		v, err = do(ctx)
		return err
	}, own...)
	return v, err
}
