package kinesisfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"flexbeam/internal/testkit/fault"
)

// target precedes the name of the operation in the header X-Amz-Target.
const target = "Kinesis_20131202."

// A Server is a Kinesis Data Streams service of its own, with the streams of one account in one
// region. It is safe for concurrent use.
type Server struct {
	// URL is the address after Start, such as http://127.0.0.1:41234.
	URL string

	opts   Options
	clock  Clock
	http   *http.Server
	client *http.Client
	served chan struct{}
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	streams map[string]*stream
	serial  uint64

	faults   fault.Set[Fault]
	counts   counts
	epoch    atomic.Uint64 // of iterators: older ones have expired
	subs     subscriptions
	requests atomic.Uint64
}

// New returns a server without streams. It answers as an http.Handler, or at an address of its own
// after Start.
func New(o Options) *Server {
	o = o.withDefaults()
	return &Server{opts: o, clock: o.Clock, client: HTTPClient(), closed: make(chan struct{}), streams: map[string]*stream{}}
}

// Start listens and serves until Close.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", s.opts.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.URL = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // ends with ErrServerClosed
	}()
	return nil
}

// Close ends subscriptions and connections and frees the address.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.closed)
		if s.http != nil {
			_ = s.http.Close()
			<-s.served
			s.client.CloseIdleConnections()
		}
	})
}

// A Call is one request as the server understood it.
type Call struct {
	Operation string
	Stream    string // "" where the operation names none
	Shard     string
	AccessKey string // of the signature, which is not checked
	Time      time.Time
}

// A request is a Call on its way through the server.
type request struct {
	Call
	s     *Server
	body  []byte
	w     http.ResponseWriter
	r     *http.Request
	drop  bool // the connection, once the operation is done
	empty bool // no records, though there are some
}

type operation func(*request) ([]byte, error)

var operations map[string]operation

func init() {
	operations = map[string]operation{
		"CreateStream":                  createStream,
		"DeleteStream":                  deleteStream,
		"DecreaseStreamRetentionPeriod": decreaseRetention,
		"DeregisterStreamConsumer":      deregisterConsumer,
		"DescribeStream":                describeStream,
		"DescribeStreamConsumer":        describeConsumer,
		"DescribeStreamSummary":         describeSummary,
		"GetRecords":                    getRecords,
		"GetShardIterator":              getShardIterator,
		"IncreaseStreamRetentionPeriod": increaseRetention,
		"ListShards":                    listShards,
		"ListStreamConsumers":           listConsumers,
		"ListStreams":                   listStreams,
		"MergeShards":                   mergeShards,
		"PutRecord":                     putRecord,
		"PutRecords":                    putRecords,
		"RegisterStreamConsumer":        registerConsumer,
		"SplitShard":                    splitShard,
		"SubscribeToShard":              subscribeToShard,
		"UpdateMaxRecordSize":           updateMaxRecordSize,
		"UpdateShardCount":              updateShardCount,
	}
}

// A client of the AWS SDK breaks its connection when the answer begins before its goroutine that
// sends the request is through, which it may not be when all data have been sent (see HTTPClient).
// Large answers are not read by then and fail. Over a real network that does not happen; here,
// answers above hasty bytes wait for a moment.
const (
	hasty = 64 << 10
	pause = time.Millisecond
)

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// ServeHTTP carries out one operation.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := s.clock.Now()
	h := w.Header()
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-Amzn-Requestid", fmt.Sprintf("00000000-0000-4000-8000-%012x", s.requests.Add(1)))
	h.Set("Content-Type", "application/x-amz-json-1.1")
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	op := operations[name]
	if r.Method != http.MethodPost || !ok || op == nil {
		refuse(w, errorf(UnknownOperation, "kinesisfake knows no operation %q", r.Header.Get("X-Amz-Target")))
		return
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	body, err := readBody(r, (*buffer)[:0])
	*buffer = body
	if err != nil {
		refuse(w, err)
		return
	}
	q := &request{Call: Call{Operation: name, AccessKey: accessKey(r), Time: now}, s: s, body: body, w: w, r: r}
	answer, err := op(q)
	if q.drop {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	if answer != nil {
		if len(answer) > hasty {
			time.Sleep(pause)
		}
		h.Set("Content-Length", fmt.Sprint(len(answer)))
		_, _ = w.Write(answer) // the client has gone
	}
}

// readBody reads a request, at most what PutRecords may have in base64 with keys.
func readBody(r *http.Request, b []byte) ([]byte, error) {
	const most = 2*maxPutBytes + maxPutRecords*2048
	if n := r.ContentLength; n > most {
		return b, errorf(InvalidArgument, "the request of %d bytes is too large", n)
	} else if n >= 0 {
		if int64(cap(b)) < n {
			b = make([]byte, n)
		}
		b = b[:n]
		if _, err := io.ReadFull(r.Body, b); err != nil {
			return b[:0], errorf(Serialization, "the request ends early: %v", err)
		}
		return b, nil
	}
	all, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if err != nil || len(all) > most {
		return b, errorf(Serialization, "the request cannot be read: %v", err)
	}
	return append(b, all...), nil
}

// accessKey is the key id in "AWS4-HMAC-SHA256 Credential=ID/20260302/…".
func accessKey(r *http.Request) string {
	_, c, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	id, _, _ := strings.Cut(c, "/")
	return id
}

func refuse(w http.ResponseWriter, err error) {
	var e *apiError
	if !errors.As(err, &e) {
		e = &apiError{InternalFailure, err.Error()}
	}
	body, _ := json.Marshal(map[string]string{"__type": e.code, "message": e.message})
	w.Header().Set("X-Amzn-Errortype", e.code)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(statusOf(e.code))
	_, _ = w.Write(body)
}

// decode reads the request into v.
func (q *request) decode(v any) error {
	if err := json.Unmarshal(q.body, v); err != nil {
		return errorf(Serialization, "the request is no JSON of its type: %v", err)
	}
	return nil
}

// encode is the answer v.
func encode(v any) ([]byte, error) { return json.Marshal(v) }

// nothing is the answer of operations that return none.
func nothing() ([]byte, error) { return []byte{}, nil }

// A ref names a stream in a request, by name, by ARN or by both.
type ref struct {
	StreamName string
	StreamARN  string
}

func (f ref) name() (string, error) {
	name := f.StreamName
	if f.StreamARN != "" {
		_, fromARN, ok := strings.Cut(f.StreamARN, ":stream/")
		fromARN, _, _ = strings.Cut(fromARN, "/")
		if !ok || name != "" && name != fromARN {
			return "", errorf(InvalidArgument, "StreamARN %s does not name stream %q", f.StreamARN, name)
		}
		name = fromARN
	}
	if name == "" {
		return "", errorf(InvalidArgument, "either StreamName or StreamARN must be given")
	}
	return name, nil
}

// stream finds, announces and locks the stream of a request. The caller unlocks it.
func (q *request) stream(f ref, shard string) (*stream, error) {
	name, err := f.name()
	if err != nil {
		return nil, err
	}
	if err := q.announce(name, shard); err != nil {
		return nil, err
	}
	return q.lock(name)
}

// open reads a request that embeds a ref, and finds and locks its stream.
func (q *request) open(in interface{ named() ref }) (*stream, error) {
	if err := q.decode(in); err != nil {
		return nil, err
	}
	return q.stream(in.named(), "")
}

func (f ref) named() ref { return f }

// lock finds a stream, locks and settles it.
func (q *request) lock(name string) (*stream, error) {
	st := q.s.find(name)
	if st == nil {
		return nil, q.noStream(name)
	}
	st.mu.Lock()
	q.Time = q.s.clock.Now()
	st.settle(q.Time)
	if st.gone {
		st.mu.Unlock()
		return nil, q.noStream(name)
	}
	return st, nil
}

func (q *request) noStream(name string) error {
	return errorf(ResourceNotFound, "Stream %s under account %s not found.", name, q.s.opts.Account)
}

func (q *request) noShard(st *stream, id string) error {
	return errorf(ResourceNotFound, "Shard %s in stream %s under account %s does not exist", id, st.name, q.s.opts.Account)
}

// find returns the stream of a name, nil if there is none. A deleted stream goes when its time has
// come.
func (s *Server) find(name string) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[name]
	if st == nil {
		return nil
	}
	st.mu.Lock()
	st.settle(s.clock.Now())
	gone := st.gone
	st.mu.Unlock()
	if gone {
		delete(s.streams, name)
		return nil
	}
	return st
}
