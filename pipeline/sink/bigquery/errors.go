package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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

const (
	rolesAdvice       = "grant the roles that docs/bigquery.md lists to the account of the Application Default Credentials"
	credentialsAdvice = "set up Application Default Credentials: gcloud auth application-default login, or a service account of the machine"
)

// hints say what a user can do about a status.
var hints = map[codes.Code]string{
	codes.PermissionDenied: rolesAdvice,
	codes.Unauthenticated:  credentialsAdvice,
	codes.NotFound:         "create the tables first: flexbeam schema apply --sink bigquery:PROJECT.DATASET",
}

// explain adds what a user can do, and makes one line of an error.
func explain(err error) error {
	if err = advise(err); err == nil || !strings.ContainsAny(err.Error(), "\r\n") {
		return err
	}
	return oneLine{err}
}

// A oneLine is an error that is told in one line.
type oneLine struct{ error }

// Error implements error.
func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

// Unwrap returns the error that is told.
func (e oneLine) Unwrap() error { return e.error }

func advise(err error) error {
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
	if err != nil && (strings.Contains(err.Error(), "could not find default credentials") || refusedCredentials(err)) {
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

// refusedCredentials tells whether the Application Default Credentials are refused where tokens are
// given out (https://datatracker.ietf.org/doc/html/rfc6749#section-5.2).
func refusedCredentials(err error) bool {
	return slices.ContainsFunc([]string{"invalid_grant", "invalid_client", "unauthorized_client"}, func(s string) bool { return strings.Contains(err.Error(), s) })
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
	return !refusedCredentials(err) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// transient lists the reasons of errors that go by
// (https://cloud.google.com/bigquery/docs/error-messages).
var transient = map[string]bool{
	"backendError": true, "internalError": true, "rateLimitExceeded": true, "jobRateLimitExceeded": true, "quotaExceeded": true,
	"jobBackendError": true, "jobInternalError": true, "tableUnavailable": true,
}
