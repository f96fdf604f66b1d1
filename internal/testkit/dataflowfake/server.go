// Package dataflowfake is a Dataflow service, and the part of Cloud Storage that it needs, on this
// machine. It runs nothing. It takes what Google's client sends by the published interface, is as
// strict with it as the service is, and lets a test move the jobs on.
package dataflowfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/api/dataflow/v1b3"
)

// A Server is the service.
type Server struct {
	URL string

	mu       sync.Mutex
	objects  map[string][]byte // by gs://BUCKET/OBJECT
	jobs     []*job            // the oldest first
	requests []string          // method and path of each
	faults   []Fault
}

// job is one of its jobs.
type job struct {
	*dataflow.Job
	location string
	messages []*dataflow.JobMessage
	metrics  []*dataflow.MetricUpdate
	steps    []string // names of those that have a state
	held     bool     // it stays in its state until it is moved, or asked to end
}

// A Fault is what happens to a request instead of an answer.
type Fault struct {
	Method string // of the request that it happens to
	Status int    // is answered; 0: the request is carried out, and the connection breaks
}

// Start starts a service, which ends with the test.
func Start(t testing.TB) *Server {
	s := &Server{objects: map[string][]byte{}}
	mux := http.NewServeMux()
	const jobs = "/v1b3/projects/{project}/locations/{location}/jobs"
	mux.HandleFunc("POST "+jobs, s.create)
	mux.HandleFunc("GET "+jobs, s.list)
	mux.HandleFunc("GET "+jobs+"/{job}", s.get)
	mux.HandleFunc("PUT "+jobs+"/{job}", s.update)
	mux.HandleFunc("GET "+jobs+"/{job}/messages", s.listMessages)
	mux.HandleFunc("GET "+jobs+"/{job}/metrics", s.listMetrics)
	mux.HandleFunc("POST /upload/storage/v1/b/{bucket}/o", s.insert)
	server := httptest.NewServer(s.faulty(mux))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Endpoint is the URL of the service for its client.
func (s *Server) Endpoint() string { return s.URL + "/" }

// StorageEndpoint is the URL of Cloud Storage for its client.
func (s *Server) StorageEndpoint() string { return s.URL + "/storage/v1/" }

// Break makes the next requests fail, each of them with the first fault of its method.
func (s *Server) Break(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// faulty notes requests, and lets faults happen to them.
func (s *Server) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		var fault *Fault
		if i := slices.IndexFunc(s.faults, func(f Fault) bool { return f.Method == r.Method }); i >= 0 {
			fault = &s.faults[i]
			f := *fault
			fault, s.faults = &f, slices.Delete(s.faults, i, i+1)
		}
		s.mu.Unlock()
		switch {
		case fault == nil:
			next.ServeHTTP(w, r)
		case fault.Status > 0:
			refuse(w, fault.Status, "a fault that a test asked for")
		default:
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
	})
}

// Requests returns the method and the path of each request.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Object returns what is stored at gs://BUCKET/OBJECT; nil if nothing is.
func (s *Server) Object(place string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[place]
}

// Jobs returns the jobs as they are now, the oldest first.
func (s *Server) Jobs() (all []*dataflow.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		now := *j.Job
		all = append(all, &now)
	}
	return all
}

// Move brings a job into a state, in which it stays until it is moved again, or asked to end.
func (s *Server) Move(id, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(id)
	j.move(state)
	j.held = true
}

// Say says something of a job, a moment later than what was said before.
func (s *Server) Say(id, importance, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.find(id).say(importance, text)
}

// Count reports a counter of a step, beside the value of it that is not committed yet.
func (s *Server) Count(id, step, namespace, name string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(id)
	for tentative, n := range map[string]int64{"": n, "true": n + 7} {
		context := map[string]string{"step": step, "namespace": namespace}
		if tentative != "" {
			context["tentative"] = tentative
		}
		j.metrics = append(j.metrics, &dataflow.MetricUpdate{
			Name: &dataflow.MetricStructuredName{Origin: "user", Name: name, Context: context}, Cumulative: true, Kind: "Sum", Scalar: n,
		})
	}
}

// find returns a job; nil if there is none.
func (s *Server) find(id string) *job {
	i := slices.IndexFunc(s.jobs, func(j *job) bool { return j.Id == id })
	if i < 0 {
		return nil
	}
	return s.jobs[i]
}

func (j *job) move(state string) {
	j.CurrentState, j.CurrentStateTime = state, stamp(time.Now())
}

func (j *job) say(importance, text string) {
	at := time.Now()
	if n := len(j.messages); n > 0 {
		if last, err := time.Parse(time.RFC3339Nano, j.messages[n-1].Time); err == nil && !at.After(last) {
			at = last.Add(time.Microsecond)
		}
	}
	j.messages = append(j.messages, &dataflow.JobMessage{Id: strconv.Itoa(len(j.messages)), Time: stamp(at), MessageImportance: importance, MessageText: text})
}

// over tells whether a job does no more.
func (j *job) over() bool { return slices.Contains(terminal, j.CurrentState) }

var terminal = []string{"JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_UPDATED", "JOB_STATE_DRAINED"}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// refuse answers as Google's services do.
func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": status, "message": fmt.Sprintf(format, args...)}})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// read reads the body of a request, and refuses fields that the interface does not have.
func read(r *http.Request, to any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// insert stores an object that comes with its metadata in one request.
func (s *Server) insert(w http.ResponseWriter, r *http.Request) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || r.URL.Query().Get("uploadType") != "multipart" || kind != "multipart/related" {
		refuse(w, http.StatusBadRequest, "not an upload in parts: %v", err)
		return
	}
	parts := multipart.NewReader(r.Body, parameters["boundary"])
	var texts [2]bytes.Buffer
	for i := range texts {
		part, err := parts.NextPart()
		if err == nil {
			_, err = io.Copy(&texts[i], part)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, "part %d: %v", i, err)
			return
		}
	}
	var meta struct{ Name string }
	if err := json.Unmarshal(texts[0].Bytes(), &meta); err != nil || meta.Name == "" {
		refuse(w, http.StatusBadRequest, "Required: the name of the object, %v", err)
		return
	}
	s.mu.Lock()
	s.objects["gs://"+r.PathValue("bucket")+"/"+meta.Name] = texts[1].Bytes()
	s.mu.Unlock()
	answer(w, map[string]string{"kind": "storage#object", "bucket": r.PathValue("bucket"), "name": meta.Name})
}

// Add adds a job that runs in a region, without a graph, and returns its ID.
func (s *Server) Add(location, name, kind string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := &job{Job: &dataflow.Job{Id: s.nextID(), Name: name, Type: kind, Location: location, CreateTime: stamp(time.Now())}, location: location}
	j.move("JOB_STATE_RUNNING")
	s.jobs = append(s.jobs, j)
	return j.Id
}

// nextID returns the ID of the next job.
func (s *Server) nextID() string {
	return fmt.Sprintf("2026-11-30_10_00_00-%019d", len(s.jobs)+1)
}

// Everything returns all bytes that the service was sent: objects, and jobs.
func (s *Server) Everything() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	for _, o := range s.objects {
		b.Write(o)
	}
	for _, j := range s.jobs {
		_ = json.NewEncoder(&b).Encode(j.Job)
	}
	return b.Bytes()
}
