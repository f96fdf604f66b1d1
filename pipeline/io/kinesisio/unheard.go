package kinesisio

import (
	"errors"
	"fmt"
	"time"
)

// startWithin is how long a job that begins waits for a stream's service to answer at all, if only
// to refuse. Where a region, an endpoint or its scheme is wrong, nothing ever does. A job that has
// listed a stream once waits for ever.
const startWithin = time.Minute

// ErrSilent says that nothing has answered since the job began.
var ErrSilent = errors.New("nothing answers")

// An unheard is how long nothing has answered for a stream, and why not.
type unheard struct {
	since time.Time
	err   error // of the last call
}

// heard notes an error of a call for a stream. One that the service sent is an answer.
func (s *session) heard(stream string, err error) {
	var e *Error
	call := ""
	if errors.As(err, &e) {
		call, err = e.Call, e.Err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if code(err) != "" {
		delete(s.silences, stream)
		return
	}
	is := s.silences[stream]
	if is.since.IsZero() {
		is.since = s.now()
	}
	is.err = &Error{
		Stream: stream, Call: call, Kind: ErrSilent, Err: err,
		Advice: fmt.Sprintf("nothing has answered for %.0f s since the job began: check the region, the endpoint and its scheme, and the network", s.now().Sub(is.since).Seconds()),
	}
	s.silences[stream] = is
}

// hopeless returns an error if nothing has answered for a stream for so long that the job is not to
// begin; else nil.
func (s *session) hopeless(stream string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is := s.silences[stream]; is.err != nil && s.now().Sub(is.since) >= startWithin {
		return is.err
	}
	return nil
}
