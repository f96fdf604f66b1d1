package bigquerylocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"flexbeam/internal/tempdir"
	"flexbeam/internal/testkit/fault"
)

// Options say how a Server behaves. The zero value is a service on free ports of 127.0.0.1.
type Options struct {
	RESTAddr string // address of the REST service, 127.0.0.1:0 when empty
	GRPCAddr string // address of the Storage Write service, 127.0.0.1:0 when empty
	Location string // location of all datasets, US when empty

	// Now is the clock of expirations, of times in resources and of DeleteMemory; time.Now when nil.
	Now func() time.Time

	// DeleteMemory is how long a change that deletes is remembered: an older upsert that comes
	// later has no effect before, and inserts the row after. Two days when zero, as BigQuery has
	// it.
	DeleteMemory time.Duration

	// HoldChanges lets queries of a table with maxStaleness see its changes only when that time has
	// passed since they were settled last, which is the oldest answer that BigQuery may give.
	// Without it queries see every change.
	HoldChanges bool

	// LaxDML lets UPDATE, DELETE and MERGE change a table that changes were streamed to as soon as
	// no connection streams any. What Google publishes on this differs from page to page; without
	// LaxDML such a table refuses these statements for ever.
	LaxDML bool

	// AnyPartition lets a change find the row of its key in whatever partition it is. Without it a
	// change sees the rows of its own partition only.
	AnyPartition bool

	// AnyDay lets streamed rows be of any partition. Without it they are refused where BigQuery
	// refuses them.
	AnyDay bool

	// WaitingBytes is the size of appended rows, of one table, at which they go to DuckDB before
	// anything reads them; 64 MiB when zero.
	WaitingBytes int

	// Denied lists rights that callers do not have, such as bigquery.tables.updateData, for
	// tables.testIamPermissions. Nothing else looks at them.
	Denied []string

	// LoadJobs is how many load jobs a table takes in 24 hours; of a table with partitions, how
	// many changes of a partition by them. What BigQuery takes when zero.
	LoadJobs int

	// MaxConnectionAge is after how long a gRPC connection is told to go away, and Grace how long
	// its streams may go on then. Never, and a second, when zero.
	MaxConnectionAge time.Duration
	Grace            time.Duration

	// OpenObject opens an object of Cloud Storage, gs://bucket/name, for load jobs. Load jobs from
	// there fail when nil.
	OpenObject func(ctx context.Context, uri string) (io.ReadCloser, error)

	// MemoryLimit is what DuckDB may take, such as 1GB, which is the value when empty.
	MemoryLimit string
}

// A Server is a running local BigQuery.
type Server struct {
	// RESTEndpoint is what option.WithEndpoint of cloud.google.com/go/bigquery takes:
	// http://127.0.0.1:PORT/bigquery/v2/.
	RESTEndpoint string
	// GRPCEndpoint is what option.WithEndpoint of managedwriter takes: 127.0.0.1:PORT.
	GRPCEndpoint string

	options   Options
	warehouse *warehouse
	catalog   catalog
	faults    fault.Set[Fault]
	write     writeService
	read      readService
	jobs      jobs
	uploads   uploads
	http      *http.Server
	grpc      *listeners
	dir       string // of uploads
	appended  atomic.Int64
	closing   sync.Once
	closeErr  error
}

// Start starts a service. It is ready when Start returns.
func Start(o Options) (*Server, error) {
	if o.RESTAddr == "" {
		o.RESTAddr = "127.0.0.1:0"
	}
	if o.GRPCAddr == "" {
		o.GRPCAddr = "127.0.0.1:0"
	}
	if o.Location == "" {
		o.Location = "US"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.DeleteMemory == 0 {
		o.DeleteMemory = 48 * time.Hour
	}
	if o.MemoryLimit == "" {
		o.MemoryLimit = "1GB"
	}
	if o.Grace == 0 {
		o.Grace = time.Second
	}
	s := &Server{options: o}
	s.catalog.server, s.write.server, s.jobs.server, s.uploads.server, s.read.server = s, s, s, s, s
	var err error
	if s.dir, err = tempdir.Make("bigquery-local"); err != nil {
		return nil, err
	}
	fail := func(err error) (*Server, error) {
		s.Close()
		return nil, err
	}
	if s.warehouse, err = openWarehouse(o.MemoryLimit); err != nil {
		return fail(err)
	}
	s.warehouse.anyPartition = o.AnyPartition
	rest, err := net.Listen("tcp", o.RESTAddr)
	if err != nil {
		return fail(fmt.Errorf("listen for REST: %w", err))
	}
	s.http = &http.Server{Handler: s.handler()}
	go s.http.Serve(rest)
	s.RESTEndpoint = "http://" + rest.Addr().String() + "/bigquery/v2/"
	listener, err := net.Listen("tcp", o.GRPCAddr)
	if err != nil {
		return fail(fmt.Errorf("listen for gRPC: %w", err))
	}
	s.grpc = newListeners(listener, s.newGRPC, o.Grace)
	s.GRPCEndpoint = listener.Addr().String()
	return s, nil
}

// ClientOptions are what cloud.google.com/go/bigquery.NewClient needs to talk to the service.
func (s *Server) ClientOptions() []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(s.RESTEndpoint), option.WithoutAuthentication()}
}

// WriterOptions are what managedwriter.NewClient needs to talk to the service.
func (s *Server) WriterOptions() []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(s.GRPCEndpoint), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))}
}

// AppendedRows returns how many rows were appended to tables since the service began, refused ones
// left out.
func (s *Server) AppendedRows() int64 { return s.appended.Load() }

// Close ends the service and forgets everything.
func (s *Server) Close() error {
	s.closing.Do(func() {
		var errs []error
		if s.http != nil {
			errs = append(errs, s.http.Close())
		}
		if s.grpc != nil {
			s.grpc.close()
		}
		s.jobs.wait()
		if s.warehouse != nil {
			errs = append(errs, s.warehouse.close())
		}
		errs = append(errs, os.RemoveAll(s.dir))
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}
