package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"cloud.google.com/go/storage"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"google.golang.org/api/googleapi"
)

// status returns the status of the answer that an error tells of; 0 if there was none.
func status(err error) int {
	var aws *awshttp.ResponseError
	var google *googleapi.Error
	switch {
	case errors.As(err, &aws):
		return aws.HTTPStatusCode()
	case errors.As(err, &google):
		return google.Code
	case errors.Is(err, storage.ErrObjectNotExist), errors.Is(err, storage.ErrBucketNotExist):
		return http.StatusNotFound
	}
	return 0
}

// permanent tells whether an error will come again: one of this package, the end of a context, or an
// answer that does not ask for patience.
func permanent(err error) bool {
	for _, e := range []error{ErrURL, ErrAccess, ErrMissing, ErrChanged, errRange, context.Canceled} {
		if errors.Is(err, e) {
			return true
		}
	}
	code := status(err)
	return code != 0 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests && code < http.StatusInternalServerError
}

// explain puts before an error of a service what it means. missing is what it means that something is
// not there.
func explain(err error, missing error) error {
	switch status(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: give these credentials the right to list the bucket and to read its objects: %w", ErrAccess, err)
	case http.StatusNotFound, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("%w: %w", missing, err)
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return fmt.Errorf("%w: the bucket is in another region: name it with ?region=%s", err, regionOf(err))
	}
	return err
}

// regionOf returns the region that an answer of S3 names.
func regionOf(err error) string {
	var aws *awshttp.ResponseError
	if errors.As(err, &aws) && aws.Response != nil {
		if region := aws.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
			return region
		}
	}
	return "REGION"
}
