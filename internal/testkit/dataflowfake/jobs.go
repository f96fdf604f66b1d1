package dataflowfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"google.golang.org/api/dataflow/v1b3"
)

// create creates a job, or says why it does not.
func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var in dataflow.Job
	if err := read(r, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Invalid JSON payload received: %v", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	graph, err := s.valid(&in, r.PathValue("project"), r.PathValue("location"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "(%s): %v", in.Name, err)
		return
	}
	var replaced *job
	for _, j := range s.jobs {
		switch {
		case in.ClientRequestId != "" && j.ClientRequestId == in.ClientRequestId:
			refuse(w, http.StatusConflict, "The workflow could not be created, since it was sent to an already existing job %s.", j.Id)
			return
		case j.Id == in.ReplaceJobId && in.ReplaceJobId != "":
			replaced = j
		case j.Name == in.Name && j.location == r.PathValue("location") && !j.over():
			answer(w, j.Job) // as the interface has it: the job of the name that runs
			return
		}
	}
	if in.ReplaceJobId != "" && (replaced == nil || replaced.over() || replaced.Name != in.Name || replaced.Type != in.Type) {
		refuse(w, http.StatusBadRequest, "The job %s cannot be updated: it is not a running job of this name and type.", in.ReplaceJobId)
		return
	}
	in.Id = s.nextID()
	in.CreateTime, in.Location, in.ProjectId = stamp(time.Now()), r.PathValue("location"), r.PathValue("project")
	j := &job{Job: &in, location: in.Location, steps: stateful(graph)}
	j.move("JOB_STATE_PENDING")
	s.jobs = append(s.jobs, j)
	if replaced != nil {
		s.replace(replaced, j)
	}
	answer(w, j.Job)
}

// replace lets a job take the place of another, unless it lacks a step whose state it would need.
func (s *Server) replace(was, is *job) {
	for _, step := range was.steps {
		now := step
		if renamed, ok := is.TransformNameMapping[step]; ok {
			now = renamed
		}
		if now != "" && !slices.Contains(is.steps, now) {
			is.say("JOB_MESSAGE_ERROR", fmt.Sprintf("Workflow failed. Causes: The new job is not compatible with %s. The original job has not been aborted., "+
				"The new job is missing steps %s. If these steps have been renamed or deleted, please specify them with the update command.", was.Id, step))
			is.move("JOB_STATE_FAILED")
			return
		}
	}
	was.move("JOB_STATE_UPDATED")
	was.ReplacedByJobId = is.Id
}

// get returns a job, which is a step further then if it begins, or was asked to end.
func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(r.PathValue("job"))
	if j == nil || j.location != r.PathValue("location") {
		refuse(w, http.StatusNotFound, "(x): Information about job %s could not be found in our system.", r.PathValue("job"))
		return
	}
	answer(w, j.Job)
	if next := then[j.CurrentState]; next != "" && !j.held {
		j.move(next)
	}
}

// then is what follows by itself on a state.
var then = map[string]string{
	"JOB_STATE_PENDING":    "JOB_STATE_RUNNING",
	"JOB_STATE_CANCELLING": "JOB_STATE_CANCELLED",
	"JOB_STATE_DRAINING":   "JOB_STATE_DRAINED",
}

// pageSize is how many jobs and messages one answer has: few, so that clients have to turn pages.
const pageSize = 2

// page returns a part of what there is, and the token of the next one.
func page[T any](all []T, token string) (some []T, next string) {
	from, _ := strconv.Atoi(token) // 0 of the first page
	to := min(from+pageSize, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[min(from, to):to], next
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	var all []*dataflow.Job
	for _, j := range slices.Backward(s.jobs) {
		filter := q.Get("filter")
		switch {
		case j.location != r.PathValue("location"), q.Get("name") != "" && j.Name != q.Get("name"):
		case filter == "ACTIVE" && j.over(), filter == "TERMINATED" && !j.over():
		default:
			summary := *j.Job
			summary.Environment, summary.ClientRequestId = nil, ""
			all = append(all, &summary)
		}
	}
	some, next := page(all, q.Get("pageToken"))
	answer(w, &dataflow.ListJobsResponse{Jobs: some, NextPageToken: next})
}

// update begins to end a job.
func (s *Server) update(w http.ResponseWriter, r *http.Request) {
	var in dataflow.Job
	if err := read(r, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Invalid JSON payload received: %v", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(r.PathValue("job"))
	switch {
	case j == nil:
		refuse(w, http.StatusNotFound, "Information about job %s could not be found in our system.", r.PathValue("job"))
		return
	case j.over():
		refuse(w, http.StatusBadRequest, "(x): Could not modify workflow; please try again: the job is in the terminal state %s.", j.CurrentState)
		return
	case in.RequestedState == "JOB_STATE_CANCELLED":
		j.move("JOB_STATE_CANCELLING")
	case in.RequestedState == "JOB_STATE_DRAINED" && j.Type == "JOB_TYPE_STREAMING":
		j.move("JOB_STATE_DRAINING")
	default:
		refuse(w, http.StatusBadRequest, "(x): A %s job cannot be brought into the state %q.", j.Type, in.RequestedState)
		return
	}
	j.RequestedState, j.held = in.RequestedState, false
	answer(w, j.Job)
}

// importances are in their order.
var importances = []string{"JOB_MESSAGE_IMPORTANCE_UNKNOWN", "JOB_MESSAGE_DEBUG", "JOB_MESSAGE_DETAILED", "JOB_MESSAGE_BASIC", "JOB_MESSAGE_WARNING", "JOB_MESSAGE_ERROR"}

func (s *Server) listMessages(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, q := s.find(r.PathValue("job")), r.URL.Query()
	least := slices.Index(importances, q.Get("minimumImportance"))
	since, err := time.Parse(time.RFC3339Nano, q.Get("startTime"))
	switch {
	case j == nil:
		refuse(w, http.StatusNotFound, "Information about job %s could not be found in our system.", r.PathValue("job"))
		return
	case q.Get("minimumImportance") != "" && least < 0, q.Get("startTime") != "" && err != nil:
		refuse(w, http.StatusBadRequest, "Invalid value: minimumImportance %q, startTime %q", q.Get("minimumImportance"), q.Get("startTime"))
		return
	}
	var all []*dataflow.JobMessage
	for _, m := range j.messages {
		at, _ := time.Parse(time.RFC3339Nano, m.Time)
		if slices.Index(importances, m.MessageImportance) >= least && !at.Before(since) {
			all = append(all, m)
		}
	}
	some, next := page(all, q.Get("pageToken"))
	answer(w, &dataflow.ListJobMessagesResponse{JobMessages: some, NextPageToken: next})
}

func (s *Server) listMetrics(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(r.PathValue("job"))
	if j == nil {
		refuse(w, http.StatusNotFound, "Information about job %s could not be found in our system.", r.PathValue("job"))
		return
	}
	answer(w, &dataflow.JobMetrics{MetricTime: stamp(time.Now()), Metrics: j.metrics})
}

// options are the part of a job's options that the service itself reads.
type options struct {
	Options struct {
		PipelineURL       string `json:"pipelineUrl"`
		PipelineProtoHash string `json:"pipelineProtoHash"`
		Region            string `json:"region"`
		TempLocation      string `json:"tempLocation"`
	} `json:"options"`
	GoOptions *struct {
		Options map[string]string `json:"options"`
	} `json:"beam:option:go_options:v1"`
}

func optionsOf(j *dataflow.Job) (o options, err error) {
	err = json.Unmarshal(j.Environment.SdkPipelineOptions, &o)
	return o, err
}
