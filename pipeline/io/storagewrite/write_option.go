package storagewrite

import (
	"errors"
	"fmt"
	"time"
)

var (
	errRetry    = errors.New("the time for attempts must not be negative")
	errTimeout  = errors.New("the time for a request must be more than nothing")
	errInFlight = errors.New("the bytes in flight must be at least those of a request, 1 MiB")
	errNumber   = errors.New("there must be at least one connection")
)

// writeOption is what the options of Write set. It travels with the DoFn.
type writeOption struct {
	Endpoint     string
	Plaintext    bool
	QuotaProject string
	Agent        string
	Connections  int
	InFlight     int64
	Retry        time.Duration
	Timeout      time.Duration
}

func newWriteOption(opts []WriteOptionFn) (*writeOption, error) {
	o := &writeOption{Agent: "storagewrite", Connections: 4, InFlight: 64 << 20, Retry: 10 * time.Minute, Timeout: 2 * time.Minute}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, fmt.Errorf("invalid option: %w", err)
		}
	}
	return o, nil
}

// WriteOptionFn is a function that can be passed to Write to configure options for writing to BigQuery.
type WriteOptionFn func(option *writeOption) error

// set is an option that takes every value.
func set(f func(*writeOption)) WriteOptionFn {
	return checked(true, nil, f)
}

// checked is an option that takes a value which is right.
func checked(right bool, wrong error, f func(*writeOption)) WriteOptionFn {
	return func(o *writeOption) error {
		if !right {
			return wrong
		}
		f(o)
		return nil
	}
}

// WriteEndpoint sets another service than Google's, HOST:PORT.
func WriteEndpoint(address string) WriteOptionFn {
	return set(func(o *writeOption) { o.Endpoint = address })
}

// WritePlaintext connects without TLS and sends no credentials, for a service on this machine.
func WritePlaintext() WriteOptionFn {
	return set(func(o *writeOption) { o.Plaintext = true })
}

// WriteQuotaProject sets the project that quota and cost are counted to.
func WriteQuotaProject(project string) WriteOptionFn {
	return set(func(o *writeOption) { o.QuotaProject = project })
}

// WriteAgent sets how the program names itself to Google: in the user agent, and as the trace ID of
// requests.
func WriteAgent(name string) WriteOptionFn {
	return set(func(o *writeOption) { o.Agent = name })
}

// WriteConnections sets the most connections of a worker that requests are spread over.
func WriteConnections(n int) WriteOptionFn {
	return checked(n >= 1, errNumber, func(o *writeOption) { o.Connections = n })
}

// WriteInFlight sets how many bytes may be unacknowledged, for all tables of a worker together.
func WriteInFlight(bytes int64) WriteOptionFn {
	return checked(bytes >= batchBytes, errInFlight, func(o *writeOption) { o.InFlight = bytes })
}

// WriteRetry sets how long a request is tried again before the job fails.
func WriteRetry(d time.Duration) WriteOptionFn {
	return checked(d >= 0, errRetry, func(o *writeOption) { o.Retry = d })
}

// WriteTimeout sets how long a single request may take.
func WriteTimeout(d time.Duration) WriteOptionFn {
	return checked(d > 0, errTimeout, func(o *writeOption) { o.Timeout = d })
}
