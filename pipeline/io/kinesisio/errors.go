package kinesisio

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// The kinds of errors that do not pass. errors.Is tells whether an error is of a kind.
var (
	ErrStream       = errors.New("what is said of the stream is not valid")
	ErrFuture       = errors.New("the start is in the future")
	ErrNotFound     = errors.New("there is no such stream")
	ErrAccess       = errors.New("access is denied")
	ErrCredentials  = errors.New("the region or the credentials are missing or not valid")
	ErrKey          = errors.New("the stream's key cannot be used")
	ErrNoController = errors.New("the job's controller is not in this process")
)

// An Error is an error of reading a stream. errors.As finds it, and behind it the error of the AWS
// SDK, if there is one.
type Error struct {
	Stream string // ID of the stream
	Shard  string // empty: it is about the stream
	Call   string // the operation of the service that failed, such as GetRecords; empty: none was called
	Kind   error  // one of the kinds above; nil: another
	Advice string // what to do about it; may be empty
	Err    error  // the cause
}

// Error says which call failed and what to do about it.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Kind == ErrStream {
		fmt.Fprintf(&b, "kinesis: stream %q", e.Stream)
	} else {
		fmt.Fprintf(&b, "kinesis: stream %s", e.Stream)
	}
	if e.Shard != "" {
		fmt.Fprintf(&b, ", shard %s", e.Shard)
	}
	if e.Call != "" {
		fmt.Fprintf(&b, ": %s", e.Call)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if e.Advice != "" {
		fmt.Fprintf(&b, " (%s)", e.Advice)
	}
	return b.String()
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Kind == nil {
		return []error{e.Err}
	}
	return []error{e.Kind, e.Err}
}

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

// advices are the codes that do not go away: of which kind they are, and what to do about them.
// CALL stands for the call.
var advices = map[string]struct {
	kind   error
	advice string
}{
	"AccessDeniedException":       {ErrAccess, "allow kinesis:CALL on the stream, or give a role_arn that may"},
	"AccessDenied":                {ErrAccess, "allow kinesis:CALL on the stream, or give a role_arn that may"},
	notFound:                      {ErrNotFound, "is there a stream of this name in this region and account?"},
	"UnrecognizedClientException": {ErrCredentials, "the credentials are not valid: renew them"},
	"InvalidSignatureException":   {ErrCredentials, "the secret key is wrong, or this machine's clock is"},
	"IncompleteSignature":         {ErrCredentials, "the secret key is wrong, or this machine's clock is"},
	"ExpiredTokenException":       {ErrCredentials, "the credentials have expired: renew them"},
	"KMSAccessDeniedException":    {ErrKey, "allow kms:Decrypt with the key of the stream"},
	"KMSDisabledException":        {ErrKey, "enable the key of the stream"},
	"KMSInvalidStateException":    {ErrKey, "look at the state of the stream's key"},
	"KMSNotFoundException":        {ErrKey, "the key of the stream is gone: restore it"},
	"KMSOptInRequired":            {ErrKey, "this account may not use KMS yet: opt in"},
}

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

// permanent tells whether an error stays however often a call is made. An error that the service
// did not send (the network, a broken answer) does not.
func permanent(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) {
		_, known := advices[api.ErrorCode()]
		return known || api.ErrorFault() != smithy.FaultServer && !retryer.IsErrorRetryable(err)
	}
	var bad *smithy.InvalidParamsError
	return errors.As(err, &bad)
}

// Explain returns an error of a call to the service for a stream as an *Error, which is of one of the
// kinds above where the service's code tells that, with what to do about it.
func Explain(s Stream, call string, err error) error { return explain(s.ID(), "", call, err) }

// Throttled tells whether the service has refused a call since there are too many.
func Throttled(err error) bool { return isThrottle(err) }

// explain says which call failed and what to do about it.
func explain(stream, shard, call string, err error) error {
	l := advices[code(err)]
	return &Error{Stream: stream, Shard: shard, Call: call, Kind: l.kind, Advice: strings.ReplaceAll(l.advice, "CALL", call), Err: err}
}
