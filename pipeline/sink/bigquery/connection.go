package bigquery

import (
	"context"
	"sync"

	"cloud.google.com/go/bigquery/storage/managedwriter"
)

// A connection is a client of the Storage Write service with a stream for each table. The client
// reconnects by itself as long as it can; when it cannot, the next connection takes its place.
type connection struct {
	client  *managedwriter.Client
	mu      sync.Mutex
	streams []*managedwriter.ManagedStream // by table
}

func (c *connection) stream(ctx context.Context, p config, e *encoder) (*managedwriter.ManagedStream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[e.table.id]; s != nil {
		return s, nil
	}
	s, err := c.client.NewManagedStream(ctx,
		managedwriter.WithDestinationTable(p.path(e.table)),
		managedwriter.WithType(managedwriter.DefaultStream),
		managedwriter.WithSchemaDescriptor(e.descriptor),
		managedwriter.EnableWriteRetries(true),
		managedwriter.WithTraceID(agent))
	if err != nil {
		return nil, err
	}
	c.streams[e.table.id] = s
	return s, nil
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.streams {
		if s != nil {
			s.Close() // says that the stream is at its end
		}
	}
	c.client.Close()
}

// A dialer keeps the connection that is in use.
type dialer struct {
	config config
	ctx    context.Context // of the clients: it lives as long as the sink

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
	client, err := d.config.storage(d.ctx)
	if err != nil {
		return nil, err
	}
	d.current = &connection{client: client, streams: make([]*managedwriter.ManagedStream, len(tables))}
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
