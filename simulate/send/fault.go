package send

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Error is why a stream takes no records.
type Error struct {
	Stream string
	Advice string // what is wrong and what to do
	Err    error  // of the service
}

func (e *Error) Error() string {
	var refusal smithy.APIError
	if errors.As(e.Err, &refusal) {
		return fmt.Sprintf("cannot send to stream %s: %s (%s: %s)", e.Stream, e.Advice, refusal.ErrorCode(), refusal.ErrorMessage())
	}
	return fmt.Sprintf("cannot send to stream %s: %s: %v", e.Stream, e.Advice, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// verdict says what becomes of a refused call or entry.
type verdict uint8

const (
	unsure    verdict = iota // try again for a while: the service is ill or away
	throttled                // try again for ever
	hopeless                 // give up
)

// refusals are the error codes of PutRecords and of signing, by what helps.
var refusals = []struct {
	verdict verdict
	advice  string
	codes   []string
}{
	{throttled, "", []string{"ProvisionedThroughputExceededException", "KMSThrottlingException", "LimitExceededException", "ThrottlingException",
		"Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "RequestThrottledException", "SlowDown"}},
	{unsure, "the service is ill", []string{"InternalFailure", "InternalFailureException", "InternalServerError", "ServiceUnavailable", "RequestTimeout",
		"RequestTimeoutException"}},
	{unsure, "the stream is not active", []string{"ResourceInUseException"}},
	{hopeless, "there is no such stream: create it, or name the region or the endpoint where it is", []string{"ResourceNotFoundException"}},
	{hopeless, "writing to it is not allowed: give these credentials kinesis:PutRecords on the stream, or name a role that has it with role_arn",
		[]string{"AccessDeniedException", "AccessDenied"}},
	{hopeless, "AWS refuses the credentials: look whether they are right and not expired, and whether this machine's clock is right",
		[]string{"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature",
			"IncompleteSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "ExpiredToken", "ExpiredTokenException",
			"RequestExpired", "InvalidAccessKeyId", "OptInRequired"}},
	{hopeless, "the stream's encryption key cannot be used: enable it, and give these credentials kms:GenerateDataKey on it",
		[]string{"KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException", "KMSOptInRequired"}},
}

// judgeCode says what becomes of something that was refused with a code.
func judgeCode(code string) (v verdict, advice string, known bool) {
	for _, r := range refusals {
		if slices.Contains(r.codes, code) {
			return r.verdict, r.advice, true
		}
	}
	return unsure, "the service does not take some of the records", false
}

// errReply is a reply that does not fit the call.
var errReply = errors.New("broken reply")

// judge says what becomes of a call that failed.
func judge(err error) (verdict, string) {
	status := 0
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	var refusal smithy.APIError
	named := errors.As(err, &refusal)
	if named {
		if v, advice, known := judgeCode(refusal.ErrorCode()); known {
			return v, advice
		}
	}
	switch {
	case status == http.StatusTooManyRequests:
		return throttled, ""
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
		return hopeless, "the service refuses the call: look at the endpoint, whether that is Kinesis"
	case named || status != 0:
		return unsure, "the service is ill"
	case errors.Is(err, errReply):
		return unsure, "the service does not answer as Kinesis does: look at the endpoint"
	case errors.Is(err, context.DeadlineExceeded):
		return unsure, "the service does not answer: look at the endpoint and the network"
	}
	return unsure, "the service cannot be reached: look at the endpoint and the network"
}
