package storagewrite

import (
	"context"
	"sync"
	"time"

	"cloud.google.com/go/bigquery/storage/managedwriter"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// A connection is a client of the Storage Write service with a stream for each table. The client
// reconnects by itself as long as it can; when it cannot, the next connection takes its place.
type connection struct {
	client  *managedwriter.Client
	mu      sync.Mutex
	streams map[*Table]*managedwriter.ManagedStream
}

// stream returns the stream of a table, opened within limit. It lives as long as ctx.
func (c *connection) stream(ctx context.Context, t *Table, limit time.Duration) (*managedwriter.ManagedStream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[t]; s != nil {
		return s, nil
	}
	ctx, cancel := context.WithCancel(ctx) // ends with its parent
	timer := time.AfterFunc(limit, cancel)
	s, err := c.client.NewManagedStream(ctx,
		managedwriter.WithDestinationTable(t.path),
		managedwriter.WithType(managedwriter.DefaultStream),
		managedwriter.WithSchemaDescriptor(t.descriptor),
		managedwriter.EnableWriteRetries(true),
		managedwriter.WithTraceID(t.writer.option.Agent))
	if !timer.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel()
		return nil, err
	}
	c.streams[t] = s
	return s, nil
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.streams {
		s.Close() // says that the stream is at its end
	}
	c.client.Close()
}

// A dialer keeps the connection that is in use.
type dialer struct {
	project string
	option  *writeOption
	ctx     context.Context // of the clients: it lives as long as the writer

	mu      sync.Mutex
	current *connection
}

// get returns the connection in use, or opens one.
func (d *dialer) get() (*connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current != nil {
		return d.current, nil
	}
	o := d.option
	opts := []option.ClientOption{
		option.WithUserAgent(o.Agent),
		managedwriter.WithMultiplexing(),
		managedwriter.WithMultiplexPoolLimit(o.Connections),
		managedwriter.WithDefaultInflightRequests(inflightRequests),
	}
	if o.Endpoint != "" {
		opts = append(opts, option.WithEndpoint(o.Endpoint))
	}
	if o.Plaintext {
		opts = append(opts, option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	if o.QuotaProject != "" {
		opts = append(opts, option.WithQuotaProject(o.QuotaProject))
	}
	client, err := managedwriter.NewClient(d.ctx, d.project, opts...)
	if err != nil {
		return nil, err
	}
	d.current = &connection{client: client, streams: map[*Table]*managedwriter.ManagedStream{}}
	return d.current, nil
}

// drop gives up a connection that does not heal. What is under way on it fails and is sent again on
// the next one.
func (d *dialer) drop(c *connection) {
	d.mu.Lock()
	if d.current != c || c == nil {
		d.mu.Unlock()
		return
	}
	d.current = nil
	d.mu.Unlock()
	c.close()
}

func (d *dialer) close() {
	d.mu.Lock()
	c := d.current
	d.mu.Unlock()
	d.drop(c)
}
