package twiliolocal

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hostTaskRouter is the product's host; the same for the others.
const hostTaskRouter = "taskrouter"

// retention is how long attributes of events are kept.
const retention = 30 * 24 * time.Hour

// A workspace is one of TaskRouter.
type workspace struct {
	sid        string
	events     map[string]*loggedEvent
	workers    map[string]*Worker
	activities map[string]named
	queues     map[string]named
}

// A named thing has a SID, and here a name.
type named struct {
	at        int64
	name      string
	available bool
}

// A loggedEvent is one of the REST log.
type loggedEvent struct {
	at   int64
	ms   int64
	text map[string]any // as the resource shows it
}

// A Worker is one of TaskRouter.
type Worker struct {
	SID, Name, Attributes, ActivitySID, ActivityName string
	Available                                        bool
	Created, Updated                                 time.Time

	at int64
}

// workspace returns a workspace, which is made if need be. The lock is held.
func (s *Server) workspace(sid string) *workspace {
	w := s.workspaces[sid]
	if w == nil {
		w = &workspace{sid, map[string]*loggedEvent{}, map[string]*Worker{}, map[string]named{}, map[string]named{}}
		s.workspaces[sid] = w
	}
	return w
}

// Workspaces returns the SIDs of all workspaces in order.
func (s *Server) Workspaces() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for sid := range s.workspaces {
		all = append(all, sid)
	}
	slices.Sort(all)
	return all
}

// AddWorker adds a worker to a workspace, or changes it.
func (s *Server) AddWorker(workspace string, w Worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.at = s.next()
	s.workspace(workspace).workers[w.SID] = &w
}

// RemoveWorker deletes a worker.
func (s *Server) RemoveWorker(workspace, sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.workspace(workspace).workers, sid)
}

// Events returns how many events the log of a workspace has.
func (s *Server) Events(workspace string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.workspace(workspace).events)
}

func (s *Server) routeTaskRouter() {
	in := func(pattern string, f func(*http.Request, *workspace) (any, error)) {
		s.handle(hostTaskRouter, pattern, func(r *http.Request) (any, error) {
			w := s.workspaces[r.PathValue("ws")]
			if w == nil {
				return nil, notFound(r)
			}
			return f(r, w)
		})
	}
	s.handle(hostTaskRouter, "GET /v1/Workspaces", s.listWorkspaces)
	in("GET /v1/Workspaces/{ws}", func(_ *http.Request, w *workspace) (any, error) { return s.workspaceJSON(w), nil })
	in("GET /v1/Workspaces/{ws}/Events", s.listEvents)
	in("GET /v1/Workspaces/{ws}/Events/{sid}", func(r *http.Request, w *workspace) (any, error) {
		e := w.events[r.PathValue("sid")]
		if e == nil {
			return nil, notFound(r)
		}
		return s.eventJSON(e), nil
	})
	in("GET /v1/Workspaces/{ws}/Workers", func(r *http.Request, w *workspace) (any, error) {
		items := ordered(w.workers, func(k *Worker) item { return item{k.at, s.workerJSON(w, k, s.opts.WorkerAttributes)} })
		return s.page(r, hostTaskRouter, "workers", items, 50, 1000)
	})
	in("GET /v1/Workspaces/{ws}/Workers/{sid}", func(r *http.Request, w *workspace) (any, error) {
		k := w.workers[r.PathValue("sid")]
		if k == nil {
			return nil, notFound(r)
		}
		return s.workerJSON(w, k, true), nil
	})
	in("GET /v1/Workspaces/{ws}/Activities", func(r *http.Request, w *workspace) (any, error) {
		return s.page(r, hostTaskRouter, "activities", s.named(w, "Activities", w.activities), 50, 1000)
	})
	in("GET /v1/Workspaces/{ws}/TaskQueues", func(r *http.Request, w *workspace) (any, error) {
		return s.page(r, hostTaskRouter, "task_queues", s.named(w, "TaskQueues", w.queues), 50, 1000)
	})
}

// ordered returns the items of a map in order of their places.
func ordered[V any](all map[string]V, of func(V) item) []item {
	items := make([]item, 0, len(all))
	for _, v := range all {
		items = append(items, of(v))
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	return items
}

func (s *Server) listWorkspaces(r *http.Request) (any, error) {
	var items []item
	for _, w := range s.workspaces {
		items = append(items, item{0, s.workspaceJSON(w)})
	}
	slices.SortFunc(items, func(a, b item) int {
		return strings.Compare(a.value.(map[string]any)["sid"].(string), b.value.(map[string]any)["sid"].(string))
	})
	for i := range items {
		items[i].at = int64(i)
	}
	return s.page(r, hostTaskRouter, "workspaces", items, 50, 1000)
}

// listEvents lists the events of a time, the newest first.
func (s *Server) listEvents(r *http.Request, w *workspace) (any, error) {
	q := r.URL.Query()
	from, to := int64(0), s.opts.Now().UnixMilli()
	for name, ms := range map[string]*int64{"StartDate": &from, "EndDate": &to} {
		if text := q.Get(name); text != "" {
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return nil, refuse(http.StatusBadRequest, 20001, "%s is not a date", name)
			}
			*ms = t.UnixMilli()
		}
	}
	if q.Get("StartDate") == "" && q.Get("EndDate") == "" {
		minutes := 15
		if text := q.Get("Minutes"); text != "" {
			minutes, _ = strconv.Atoi(text)
		}
		from = to - int64(minutes)*time.Minute.Milliseconds()
	}
	fields := map[string]string{"TaskSid": "task_sid", "WorkerSid": "worker_sid", "ReservationSid": "reservation_sid", "TaskQueueSid": "task_queue_sid", "WorkflowSid": "workflow_sid", "TaskChannel": "task_channel_sid"}
	var found []*loggedEvent
	for _, e := range w.events {
		fits := from <= e.ms && e.ms <= to && (q.Get("EventType") == "" || e.text["event_type"] == q.Get("EventType")) && (q.Get("Sid") == "" || e.text["sid"] == q.Get("Sid"))
		data, _ := e.text["event_data"].(map[string]any)
		for name, field := range fields {
			fits = fits && (q.Get(name) == "" || data[field] == q.Get(name))
		}
		if fits {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *loggedEvent) int { return cmp.Or(cmp.Compare(b.ms, a.ms), cmp.Compare(b.at, a.at)) })
	items := make([]item, len(found))
	for i, e := range found {
		items[i] = item{e.at, s.eventJSON(e)}
	}
	return s.page(r, hostTaskRouter, "events", items, 50, 1000)
}

// eventJSON returns an event as the log shows it. What an old one shows of attributes is not
// published, so it is one of several things.
func (s *Server) eventJSON(e *loggedEvent) any {
	if s.opts.Now().Sub(time.UnixMilli(e.ms)) <= retention {
		return e.text
	}
	shown, data := map[string]any{}, map[string]any{}
	for name, value := range e.text {
		shown[name] = value
	}
	if old, ok := e.text["event_data"].(map[string]any); ok {
		for name, value := range old {
			if !strings.HasSuffix(name, "_attributes") {
				data[name] = value
			} else if redacted := []any{"{}", "", "REDACTED", nil}[e.at%4]; redacted != nil {
				data[name] = redacted
			}
		}
		shown["event_data"] = data
	}
	return shown
}

func (s *Server) workspaceJSON(w *workspace) any {
	at := "https://taskrouter.twilio.com/v1/Workspaces/" + w.sid
	return map[string]any{
		"account_sid": s.opts.Account, "sid": w.sid, "friendly_name": "Flex Task Assignment", "date_created": "2026-01-01T00:00:00Z", "date_updated": "2026-01-01T00:00:00Z",
		"default_activity_name": "Offline", "default_activity_sid": newSID("WA", 0), "timeout_activity_name": "Offline", "timeout_activity_sid": newSID("WA", 0),
		"event_callback_url": nil, "events_filter": nil, "multi_task_enabled": true, "prioritize_queue_order": "FIFO", "url": at,
		"links": map[string]any{"events": at + "/Events", "workers": at + "/Workers", "activities": at + "/Activities", "task_queues": at + "/TaskQueues"},
	}
}

func (s *Server) workerJSON(w *workspace, k *Worker, attributes bool) any {
	at := "https://taskrouter.twilio.com/v1/Workspaces/" + w.sid
	shown := map[string]any{
		"account_sid": s.opts.Account, "workspace_sid": w.sid, "sid": k.SID, "friendly_name": k.Name, "attributes": nil, "activity_sid": text(k.ActivitySID), "activity_name": text(k.ActivityName),
		"available": k.Available, "date_created": stamp(k.Created), "date_updated": stamp(k.Updated), "date_status_changed": stamp(k.Updated),
		"url": at + "/Workers/" + k.SID, "links": map[string]any{"workspace": at},
	}
	if attributes {
		shown["attributes"] = k.Attributes
	}
	return shown
}

// named returns activities or queues as their resources show them.
func (s *Server) named(w *workspace, resource string, all map[string]named) []item {
	base := "https://taskrouter.twilio.com/v1/Workspaces/" + w.sid
	var items []item
	for sid, n := range all {
		shown := map[string]any{
			"account_sid": s.opts.Account, "workspace_sid": w.sid, "sid": sid, "friendly_name": n.name, "date_created": "2026-01-01T00:00:00Z", "date_updated": "2026-01-01T00:00:00Z",
			"url": base + "/" + resource + "/" + sid, "links": map[string]any{"workspace": base},
		}
		if resource == "Activities" {
			shown["available"] = n.available
		} else {
			for name, value := range map[string]any{
				"assignment_activity_sid": nil, "assignment_activity_name": nil, "reservation_activity_sid": nil, "reservation_activity_name": nil,
				"max_reserved_workers": 1, "target_workers": "1==1", "task_order": "FIFO",
			} {
				shown[name] = value
			}
		}
		items = append(items, item{n.at, shown})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	return items
}
