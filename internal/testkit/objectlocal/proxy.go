package objectlocal

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A Fault is what becomes of an answer.
type Fault struct {
	Status int   // the answer is this instead; 0: that of the server
	Cut    int64 // the connection breaks behind so many bytes of the body; 0: it does not
	Stall  bool  // nothing comes behind them, and the connection stays
}

// A Proxy hands on requests to a server, and makes faults.
type Proxy struct {
	Server
	mu    sync.Mutex
	fault func(r *http.Request) Fault
	seen  []string
	ended chan struct{}
}

// NewProxy starts a proxy before a server: clients that are told of its URL, or find it in the
// environment, call it. fault says what becomes of each request; it is called by one at a time.
func NewProxy(t testing.TB, s *Server, fault func(r *http.Request) Fault) *Proxy {
	t.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Server: *s, fault: fault, ended: make(chan struct{})}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, to.Host
		if s.Scheme == "s3" {
			r.Out.Host = r.In.Host // a part of what is signed
		}
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		f := p.fault(r)
		p.seen = append(p.seen, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Range"))
		p.mu.Unlock()
		switch {
		case f.Status != 0:
			http.Error(w, "<Error><Code>Fault</Code></Error>", f.Status)
		case f.Cut != 0 || f.Stall:
			forward.ServeHTTP(&cutter{ResponseWriter: w, left: f.Cut, stall: f.Stall, ended: p.ended}, r)
		default:
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		close(p.ended)
		server.CloseClientConnections()
		server.Close()
	})
	p.URL = server.URL
	if s.Scheme == "gs" {
		t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(p.URL, "http://"))
	}
	return p
}

// SetFault changes what becomes of requests.
func (p *Proxy) SetFault(fault func(r *http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// Seen returns the requests that contain a text, each with its method, path and range.
func (p *Proxy) Seen(text string) (seen []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.seen {
		if strings.Contains(s, text) {
			seen = append(seen, s)
		}
	}
	return seen
}

// A cutter breaks a connection in the middle of an answer.
type cutter struct {
	http.ResponseWriter
	left  int64
	stall bool
	ended chan struct{}
}

// Write implements io.Writer.
func (c *cutter) Write(b []byte) (int, error) {
	if int64(len(b)) <= c.left {
		c.left -= int64(len(b))
		return c.ResponseWriter.Write(b)
	}
	_, _ = c.ResponseWriter.Write(b[:c.left])
	c.left = 0
	c.Flush()
	if c.stall {
		<-c.ended
	}
	panic(http.ErrAbortHandler)
}

// Flush implements http.Flusher.
func (c *cutter) Flush() {
	if f, ok := c.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// String returns the requests that came.
func (p *Proxy) String() string { return strings.Join(p.Seen(""), "\n") }
