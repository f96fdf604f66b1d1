package kinesis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// Codes of the service that the source handles itself.
const (
	expiredIterator = "ExpiredIteratorException"
	notFound        = "ResourceNotFoundException"
	inUse           = "ResourceInUseException"
	invalidArgument = "InvalidArgumentException"
)

// throttles are the codes by which the service asks for fewer calls, besides those that the SDK knows.
var throttles = map[string]struct{}{"KMSThrottlingException": {}}

// passing are further codes that go away.
var passing = map[string]struct{}{inUse: {}, "InternalFailureException": {}, "InternalServerException": {}, "ServiceUnavailable": {}}

// advice says what to do about the codes that do not go away.
var advice = map[string]string{
	"AccessDeniedException":       "allow kinesis:%[1]s on the stream, or give a role_arn that may",
	"AccessDenied":                "allow kinesis:%[1]s on the stream, or give a role_arn that may",
	notFound:                      "is there a stream of this name in this region and account?",
	"UnrecognizedClientException": "the credentials are not valid: renew them",
	"InvalidSignatureException":   "the secret key is wrong, or this machine's clock is",
	"IncompleteSignature":         "the secret key is wrong, or this machine's clock is",
	"ExpiredTokenException":       "the credentials have expired: renew them",
	"KMSAccessDeniedException":    "allow kms:Decrypt with the key of the stream",
	"KMSDisabledException":        "enable the key of the stream",
	"KMSInvalidStateException":    "look at the state of the stream's key",
	"KMSNotFoundException":        "the key of the stream is gone: restore it",
	"KMSOptInRequired":            "this account may not use KMS yet: opt in",
}

// retryer says what is worth another attempt and how long to wait before it, by the standard of the SDK.
var retryer = retry.NewStandard(func(o *retry.StandardOptions) {
	o.MaxBackoff = 10 * time.Second
	o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: throttles}, retry.RetryableErrorCode{Codes: passing})
})

// isThrottle tells whether the service asks for fewer calls.
var isThrottle = func() func(error) bool {
	checks := retry.IsErrorThrottles(append([]retry.IsErrorThrottle{retry.ThrottleErrorCode{Codes: throttles}}, retry.DefaultThrottles...))
	return func(err error) bool { return checks.IsErrorThrottle(err) == aws.TrueTernary }
}()

// code returns the service's code of an error, empty if it came from elsewhere.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// permanent tells whether an error stays however often a call is made. An error that the service did not send (the network, a
// broken answer) does not.
func permanent(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) {
		_, known := advice[api.ErrorCode()]
		return known || api.ErrorFault() != smithy.FaultServer && !retryer.IsErrorRetryable(err)
	}
	var bad *smithy.InvalidParamsError
	return errors.As(err, &bad)
}

// explain says which call failed and what to do about it.
func explain(stream, shard, call string, err error) error {
	where := "stream " + stream
	if shard != "" {
		where += ", shard " + shard
	}
	if hint, ok := advice[code(err)]; ok {
		if hint == advice["AccessDenied"] {
			hint = fmt.Sprintf(hint, call)
		}
		return fmt.Errorf("kinesis: %s: %s: %w (%s)", where, call, err, hint)
	}
	return fmt.Errorf("kinesis: %s: %s: %w", where, call, err)
}

// patience makes calls again until they succeed or there is no hope.
type patience struct {
	c             *Control
	stream, shard string
	limit         *limiter
}

// try makes a call, again and again while its errors may pass. own are codes that it returns at once.
func (p patience) try(ctx context.Context, call string, do func(context.Context) error, own ...string) error {
	for attempt := 0; ; attempt++ {
		if err := p.limit.wait(ctx); err != nil {
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
		}
		for _, c := range own {
			if code(err) == c {
				return err
			}
		}
		err2 := explain(p.stream, p.shard, call, err)
		if permanent(err) {
			return err2
		}
		p.c.retried(p.stream, p.shard, err2, isThrottle(err))
		delay, err := retryer.RetryDelay(min(attempt, 30), err)
		if err != nil {
			delay = time.Second
		}
		if err := p.c.sleep(ctx, delay); err != nil {
			return err
		}
	}
}
