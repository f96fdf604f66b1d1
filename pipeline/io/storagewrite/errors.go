package storagewrite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The kinds of errors that do not pass. errors.Is tells whether an error is of a kind.
var (
	ErrTable       = errors.New("there is no such table")
	ErrSchema      = errors.New("the rows do not fit the table")
	ErrAccess      = errors.New("access is denied")
	ErrCredentials = errors.New("the credentials are missing or not valid")
	ErrUnavailable = errors.New("BigQuery did not take the request for as long as it was tried")
	ErrClosed      = errors.New("the writer is closed")
)

// An Error is an error of writing to a table. errors.As finds it, and behind it the error of
// Google's client, if there is one.
type Error struct {
	Table  string // projects/P/datasets/D/tables/T; empty: it is about none
	Kind   error  // one of the kinds above
	Advice string // what to do about it; may be empty
	Err    error  // the cause
}

// Error says which table it was and what to do about it.
func (e *Error) Error() string {
	s := "write"
	if e.Table != "" {
		s += " to " + e.Table
	}
	s += ": " + e.Err.Error()
	if e.Advice != "" {
		s += ": " + e.Advice
	}
	return s
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// kinds say of a status what it means and what to do about it.
var kinds = map[codes.Code]struct {
	kind   error
	advice string
}{
	codes.PermissionDenied: {ErrAccess, "grant the role BigQuery Data Editor on the dataset to the account of the Application Default Credentials"},
	codes.Unauthenticated:  {ErrCredentials, credentials},
	codes.NotFound:         {ErrTable, "create the table first"},
	codes.InvalidArgument:  {ErrSchema, "compare the columns and the primary key of the table with the descriptor of the rows"},
	codes.Unimplemented:    {ErrSchema, ""},
}

const credentials = "set up Application Default Credentials: gcloud auth application-default login, or a service account of the machine"

// explain says of which kind an error is.
func explain(table string, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	k, ok := kinds[status.Code(err)]
	switch {
	case !ok && strings.Contains(err.Error(), "could not find default credentials"):
		k.kind, k.advice = ErrCredentials, credentials
	case !ok:
		k.kind = ErrUnavailable
	}
	return &Error{Table: table, Kind: k.kind, Advice: k.advice, Err: err}
}

// final tells whether an append that failed so would fail again. What is not known is tried again,
// for as long as WriteRetry says.
func final(err error) bool {
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
		return true
	case codes.InvalidArgument:
		return !stale(err)
	}
	return false
}

// stale tells whether BigQuery does not know a column that was added to the table a moment ago.
func stale(err error) bool {
	api, ok := apierror.FromError(err)
	if !ok {
		return false
	}
	detail := new(storagepb.StorageError)
	return api.Details().ExtractProtoMessage(detail) == nil && detail.Code == storagepb.StorageError_SCHEMA_MISMATCH_EXTRA_FIELDS
}

// dead tells whether a connection that failed with err must be replaced. After other errors its
// client reconnects by itself.
func dead(err error) bool {
	return status.Code(err) == codes.Unknown || errors.Is(err, context.DeadlineExceeded)
}

func schemaError(table, format string, a ...any) error {
	return &Error{Table: table, Kind: ErrSchema, Err: fmt.Errorf(format, a...)}
}
