package bigquerylocal

import (
	"errors"
	"fmt"
	"net/http"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An apiError is an error as the REST API tells it:
// https://cloud.google.com/bigquery/docs/error-messages lists the reasons and the HTTP status of
// each.
type apiError struct {
	code     int
	reason   string
	location string
	message  string
}

func (e *apiError) Error() string { return e.message }

func (e *apiError) proto() *bq.ErrorProto {
	return &bq.ErrorProto{Reason: e.reason, Location: e.location, Message: e.message}
}

func invalid(format string, a ...any) error {
	return &apiError{code: http.StatusBadRequest, reason: "invalid", message: fmt.Sprintf(format, a...)}
}

func invalidQuery(format string, a ...any) error {
	return &apiError{code: http.StatusBadRequest, reason: "invalidQuery", location: "query", message: fmt.Sprintf(format, a...)}
}

// unknown refuses what BigQuery may know and this service does not, so that nobody takes its answer
// for BigQuery's.
func unknown(format string, a ...any) error {
	return &apiError{code: http.StatusBadRequest, reason: "invalid", message: "The local BigQuery service does not know " + fmt.Sprintf(format, a...)}
}

func notFound(format string, a ...any) error {
	return &apiError{code: http.StatusNotFound, reason: "notFound", message: "Not found: " + fmt.Sprintf(format, a...)}
}

func duplicate(format string, a ...any) error {
	return &apiError{code: http.StatusConflict, reason: "duplicate", message: "Already Exists: " + fmt.Sprintf(format, a...)}
}

// asAPI makes any error one that REST can tell. A failure of this service itself has a status that
// clients do not retry, so that it shows.
func asAPI(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return &apiError{code: http.StatusNotImplemented, reason: "notImplemented", message: "The local BigQuery service failed: " + err.Error()}
}

// storageError is an error of the Storage Write service with its StorageError as detail.
func storageError(c codes.Code, s storagepb.StorageError_StorageErrorCode, entity, format string, a ...any) error {
	message := fmt.Sprintf(format, a...)
	st, err := status.New(c, message).WithDetails(&storagepb.StorageError{Code: s, Entity: entity, ErrorMessage: message})
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return st.Err()
}

// A complaint is what is wrong with a row, in the words of the service.
type complaint string

func (c complaint) Error() string { return string(c) }

func complain(format string, a ...any) error { return complaint(fmt.Sprintf(format, a...)) }
