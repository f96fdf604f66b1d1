package kinesisfake

import (
	"fmt"
	"net/http"
)

// The error codes of the API that the server answers with. All travel as HTTP 400 but for the last
// two: https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html and the Errors
// section of each operation.
const (
	ExpiredIterator    = "ExpiredIteratorException"
	ExpiredNextToken   = "ExpiredNextTokenException"
	InvalidArgument    = "InvalidArgumentException"
	LimitExceeded      = "LimitExceededException"
	ThroughputExceeded = "ProvisionedThroughputExceededException"
	ResourceInUse      = "ResourceInUseException"
	ResourceNotFound   = "ResourceNotFoundException"
	Serialization      = "SerializationException"
	Throttling         = "ThrottlingException"
	UnknownOperation   = "UnknownOperationException"
	Validation         = "ValidationException"
	InternalFailure    = "InternalFailure"
	ServiceUnavailable = "ServiceUnavailable"
)

// statusOf is the HTTP status of a code.
func statusOf(code string) int {
	switch code {
	case InternalFailure, "InternalFailureException":
		return http.StatusInternalServerError
	case ServiceUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// An apiError is an error in the answer of an operation.
type apiError struct{ code, message string }

func (e *apiError) Error() string { return e.code + ": " + e.message }

func errorf(code, format string, args ...any) *apiError {
	return &apiError{code, fmt.Sprintf(format, args...)}
}
