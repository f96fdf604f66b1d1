package bigquerylocal

import (
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// listeners serves one address with a succession of gRPC servers, so that the connections of one
// can be told to go away while the address goes on.
type listeners struct {
	address net.Listener
	create  func() *grpc.Server
	grace   time.Duration

	mu      sync.Mutex
	current *generation
	closed  bool
	ending  sync.WaitGroup
}

// A generation is one gRPC server and the connections that it serves.
type generation struct {
	server *grpc.Server
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once
	addr   net.Addr
}

// Accept implements net.Listener.
func (g *generation) Accept() (net.Conn, error) {
	select {
	case c := <-g.accept:
		return c, nil
	case <-g.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (g *generation) Close() error {
	g.once.Do(func() { close(g.done) })
	return nil
}

// Addr implements net.Listener.
func (g *generation) Addr() net.Addr { return g.addr }

func newListeners(address net.Listener, create func() *grpc.Server, grace time.Duration) *listeners {
	l := &listeners{address: address, create: create, grace: grace}
	l.current = l.next()
	go l.serve()
	return l
}

func (l *listeners) next() *generation {
	g := &generation{server: l.create(), accept: make(chan net.Conn), done: make(chan struct{}), addr: l.address.Addr()}
	go g.server.Serve(g)
	return g
}

func (l *listeners) serve() {
	for {
		c, err := l.address.Accept()
		if err != nil {
			return
		}
		for handed := false; !handed; {
			l.mu.Lock()
			g, closed := l.current, l.closed
			l.mu.Unlock()
			if closed {
				c.Close()
				return
			}
			select {
			case g.accept <- c:
				handed = true
			case <-g.done: // replaced meanwhile: hand it to the next one
				time.Sleep(time.Millisecond)
			}
		}
	}
}

// goAway sends GOAWAY on all connections and ends them after the grace.
func (l *listeners) goAway() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	old := l.current
	l.current = l.next()
	l.ending.Add(1)
	go func() {
		defer l.ending.Done()
		timer := time.AfterFunc(l.grace, old.server.Stop)
		defer timer.Stop()
		old.server.GracefulStop()
	}()
}

func (l *listeners) close() {
	l.mu.Lock()
	l.closed = true
	g := l.current
	l.mu.Unlock()
	l.address.Close()
	g.server.Stop()
	l.ending.Wait()
}
