package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cloud.google.com/go/bigquery"
	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flexbeam/pipeline/io/storagewrite"
)

var (
	errClosed = errors.New("bigquery: sink is closed")

	// ErrTable says that a table is not one that the sink can write to.
	ErrTable = errors.New("incompatible table")
)

// hints say what a user can do about a status.
var hints = map[codes.Code]string{
	codes.PermissionDenied: "grant the roles that docs/bigquery.md lists to the account of the Application Default Credentials",
	codes.Unauthenticated:  "set up Application Default Credentials: gcloud auth application-default login, or a service account of the machine",
	codes.NotFound:         "create the tables first: flexbeam schema apply --sink bigquery:PROJECT.DATASET",
}

func explain(err error) error {
	if refusedDML(err) {
		return fmt.Errorf("%w: rows were streamed to the table: leave mode=load out, so that this job streams as well", err)
	}
	h := hints[status.Code(err)]
	if e := (*storagewrite.Error)(nil); h != "" && errors.As(err, &e) { // which has an advice that is more general
		told := *e
		told.Advice = h
		return &told
	}
	if h != "" {
		return fmt.Errorf("%w: %s", err, h)
	}
	if e := (*googleapi.Error)(nil); errors.As(err, &e) {
		switch e.Code {
		case http.StatusForbidden:
			return fmt.Errorf("%w: %s", err, hints[codes.PermissionDenied])
		case http.StatusUnauthorized:
			return fmt.Errorf("%w: %s", err, hints[codes.Unauthenticated])
		}
	}
	if strings.Contains(err.Error(), "could not find default credentials") {
		return fmt.Errorf("%w: %s", err, hints[codes.Unauthenticated])
	}
	return err
}

// restStatus returns the HTTP status of an error of the REST service, 0 for others.
func restStatus(err error) int {
	if e := (*googleapi.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// retryable tells whether a request or job that failed so may succeed later.
func retryable(err error) bool {
	switch code := restStatus(err); {
	case code == http.StatusTooManyRequests, code >= 500:
		return true
	case code == http.StatusForbidden:
		e := (*googleapi.Error)(nil)
		errors.As(err, &e)
		for _, item := range e.Errors {
			if transient[item.Reason] {
				return true
			}
		}
		return false
	case code != 0:
		return false
	}
	if e := (*bigquery.Error)(nil); errors.As(err, &e) {
		return transient[e.Reason]
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// transient lists the reasons of errors that go by
// (https://cloud.google.com/bigquery/docs/error-messages).
var transient = map[string]bool{
	"backendError": true, "internalError": true, "rateLimitExceeded": true, "jobRateLimitExceeded": true, "quotaExceeded": true,
	"jobBackendError": true, "jobInternalError": true, "tableUnavailable": true,
}
