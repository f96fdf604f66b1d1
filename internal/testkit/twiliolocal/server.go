package twiliolocal

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"flexbeam/internal/testkit/fault"
)

// A Server is a Twilio with one account. Its methods may be called from several goroutines.
type Server struct {
	URL string // where it listens, once it was started

	opts   Options
	mux    *http.ServeMux
	faults fault.Set[Fault]
	http   *http.Server
	ended  chan struct{} // is closed when the server ends
	end    sync.Once

	mu       sync.Mutex
	inflight int
	since    time.Time      // of the number of calls at once
	busy     time.Duration  // calls × how long they took
	full     time.Duration  // how long there were as many calls at once as there may be
	most     int            // calls at once, at most
	calls    map[string]int // by resource
	seconds  map[string]second
	last     int64 // number of the newest thing that was made

	workspaces    map[string]*workspace
	conversations map[string]*conversation
	media         map[string]*medium
	templates     map[string]string // bodies by SID
	interactions  map[string]*Interaction
	sinks         []*sink
	subscriptions []*subscription
	types         []eventType
}

// second counts the calls of a resource within one.
type second struct {
	unix  int64
	calls int
}

// New returns a server without any content.
func New(o Options) *Server {
	s := &Server{
		opts: o.withDefaults(), mux: http.NewServeMux(), ended: make(chan struct{}), calls: map[string]int{}, seconds: map[string]second{},
		workspaces: map[string]*workspace{}, conversations: map[string]*conversation{}, media: map[string]*medium{}, templates: map[string]string{}, interactions: map[string]*Interaction{}, types: taskRouterTypes(),
	}
	s.routeTaskRouter()
	s.routeConversations()
	s.routeChat()
	s.routeInteractions()
	s.routeEventStreams()
	s.routeMedia()
	s.routeContent()
	return s
}

// Start listens and serves until Close.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", s.opts.Addr)
	if err != nil {
		return err
	}
	s.URL = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.http.Serve(l) }()
	return nil
}

// Close ends serving and breaks all connections.
func (s *Server) Close() error {
	s.end.Do(func() { close(s.ended) })
	if s.http == nil {
		return nil
	}
	return s.http.Close()
}

// Account returns the SID of the account; Key and Secret those of its key.
func (s *Server) Account() string { return s.opts.Account }

// Key returns the SID of the API key.
func (s *Server) Key() string { return s.opts.Key }

// Secret returns the secret of the API key.
func (s *Server) Secret() string { return s.opts.Secret }

// Calls returns how many calls there were of paths that contain a text, struck ones included.
func (s *Server) Calls(path string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, calls := range s.calls {
		if strings.Contains(p, path) {
			n += calls
		}
	}
	return n
}

// MostAtOnce returns the greatest number of calls that were under way at the same time.
func (s *Server) MostAtOnce() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// Busy returns how long calls were under way, added up, and for how long there were as many at once as
// Options.Parallel allows.
func (s *Server) Busy() (calls, full time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	return s.busy, s.full
}

// tick adds the time since the number of calls at once has changed. The lock is held.
func (s *Server) tick() {
	now := time.Now()
	if s.inflight > 0 {
		s.busy += time.Duration(s.inflight) * now.Sub(s.since)
	}
	if s.inflight >= s.opts.Parallel && s.opts.Parallel > 0 {
		s.full += now.Sub(s.since)
	}
	s.since = now
}

// An answer is what a call gets.
type answer struct {
	status int
	header http.Header
	body   []byte
	cut    bool // it ends in the middle
	reset  bool // there is none: the connection is reset
}

// An apiError is an error of Twilio's.
type apiError struct {
	status, code int
	message      string
}

func (e *apiError) Error() string { return e.message }

func refuse(status, code int, format string, args ...any) error {
	return &apiError{status, code, fmt.Sprintf(format, args...)}
}

// reply returns an answer whose body is JSON.
func reply(status int, value any) answer {
	body, err := json.Marshal(value)
	if err != nil {
		return fail(err)
	}
	return answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// fail returns the answer for an error.
func fail(err error) answer {
	e := &apiError{http.StatusInternalServerError, 20500, err.Error()}
	errors.As(err, &e)
	return reply(e.status, map[string]any{
		"code": e.code, "message": e.message, "more_info": "https://www.twilio.com/docs/errors/" + strconv.Itoa(e.code), "status": e.status,
	})
}

// handle serves a path of a product. f is called with the lock held; it returns a value for the
// answer, or an answer.
func (s *Server) handle(product, pattern string, f func(r *http.Request) (any, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		out := w.(*catcher)
		host, _, _ := strings.Cut(r.Host, ".")
		if strings.HasSuffix(r.Host, ".twilio.com") && host != product {
			out.answer = fail(notFound(r))
			return
		}
		if err := s.authorize(r); err != nil {
			out.answer = fail(err)
			return
		}
		s.mu.Lock()
		value, err := f(r)
		s.mu.Unlock()
		switch a, whole := value.(answer); {
		case err != nil:
			out.answer = fail(err)
		case whole:
			out.answer = a
		default:
			out.answer = reply(http.StatusOK, value)
		}
	})
}

func notFound(r *http.Request) error {
	return refuse(http.StatusNotFound, 20404, "The requested resource %s was not found", r.URL.Path)
}

func (s *Server) authorize(r *http.Request) error {
	key, secret, _ := r.BasicAuth()
	if subtle.ConstantTimeCompare([]byte(key+":"+secret), []byte(s.opts.Key+":"+s.opts.Secret)) != 1 {
		return refuse(http.StatusUnauthorized, 20003, "Authenticate")
	}
	return nil
}

// catcher takes the answer of a handler. What the mux itself answers, such as 404, is put into the
// form of Twilio's.
type catcher struct {
	header http.Header
	answer
}

func (c *catcher) Header() http.Header         { return c.header }
func (c *catcher) Write(b []byte) (int, error) { return len(b), nil }
func (c *catcher) WriteHeader(status int) {
	c.answer = fail(refuse(status, 20000+status%1000, "%s", http.StatusText(status)))
}

// serve answers a request.
func (s *Server) serve(r *http.Request) answer {
	uri := r.URL.RequestURI()
	over, number := s.enter(r.URL.Path)
	defer s.leave()
	f := s.strike(r.Method, uri)
	s.wait(r, s.opts.Latency+f.Delay)
	a := s.struck(r, f, over)
	if a.reset {
		return a
	}
	a.header = a.header.Clone()
	a.header.Set("Twilio-Request-Id", newSID("RQ", number))
	a.header.Set("Twilio-Concurrent-Requests", strconv.Itoa(s.MostAtOnce()))
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	return a
}

// struck answers a request that a fault may strike. over says that there are too many calls at once.
func (s *Server) struck(r *http.Request, f Fault, over bool) answer {
	switch {
	case f.Reset:
		return answer{reset: true}
	case f.Redirect != "":
		status := max(f.Status, http.StatusFound)
		return answer{status: status, header: http.Header{"Location": {f.Redirect}}}
	case f.HTML:
		return answer{
			status: max(f.Status, http.StatusOK), header: http.Header{"Content-Type": {"text/html"}},
			body: []byte("<html><body>upstream connect error or disconnect/reset before headers</body></html>"),
		}
	case f.Status == http.StatusTooManyRequests, f.Status == 0 && over:
		a := fail(refuse(http.StatusTooManyRequests, 20429, "Too Many Requests"))
		a.header.Set("Retry-After", "1")
		return a
	case f.Status != 0:
		return fail(refuse(f.Status, 20000+f.Status%1000, "%s", http.StatusText(f.Status)))
	}
	pace, ok := s.pace(r)
	if !ok {
		a := fail(refuse(http.StatusTooManyRequests, 20429, "Too Many Requests"))
		for name, values := range pace {
			a.header[name] = values
		}
		return a
	}
	out := &catcher{header: http.Header{}}
	s.mux.ServeHTTP(out, r)
	a := out.answer
	for name, values := range pace {
		a.header[name] = values
	}
	if f.NoMeta || f.NoList || f.Next != "" {
		a.body = spoil(a.body, f)
	}
	a.cut, a.reset = f.Cut, f.Lost
	return a
}

// spoil takes from a page what it should have.
func spoil(body []byte, f Fault) []byte {
	var page map[string]any
	if json.Unmarshal(body, &page) != nil {
		return body
	}
	meta, _ := page["meta"].(map[string]any)
	switch {
	case f.Next != "" && meta != nil:
		meta["next_page_url"] = f.Next
	case f.NoMeta:
		delete(page, "meta")
	case f.NoList && meta != nil:
		delete(page, meta["key"].(string))
	}
	body, _ = json.Marshal(page)
	return body
}

// enter counts a call and tells whether there are too many at once.
func (s *Server) enter(path string) (over bool, number int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	s.calls[path]++
	s.inflight++
	s.most = max(s.most, s.inflight)
	return s.opts.Parallel > 0 && s.inflight > s.opts.Parallel, s.next()
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	s.inflight--
}

// pace returns the headers that tell of the limit of a resource, and whether it is kept.
func (s *Server) pace(r *http.Request) (http.Header, bool) {
	if s.opts.PerSecond == 0 || !strings.HasPrefix(r.URL.Path, "/v1/Workspaces/") {
		return nil, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now().Unix()
	n := s.seconds[r.URL.Path]
	if n.unix != now {
		n = second{unix: now}
	}
	n.calls++
	s.seconds[r.URL.Path] = n
	left := s.opts.PerSecond - n.calls
	return http.Header{
		"X-Rate-Limit-Limit": {strconv.Itoa(s.opts.PerSecond)}, "X-Rate-Limit-Remaining": {strconv.Itoa(max(0, left))},
	}, left >= 0
}

// wait waits, unless the caller goes or the server ends.
func (s *Server) wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.ended:
	}
}

// next returns a number that nothing has had. The lock is held.
func (s *Server) next() int64 {
	s.last++
	return s.last
}

// newSID returns a SID of a kind with a number.
func newSID(kind string, n int64) string { return fmt.Sprintf("%s%032x", kind, n) }

// stamp is a time as Twilio writes it.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// text is null when it is empty.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
