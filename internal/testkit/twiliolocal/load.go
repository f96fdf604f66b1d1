package twiliolocal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// LoadEvents adds events of TaskRouter's log, as its Events resource shows them, one a line: the form
// rest of `flexbeam simulate`. Each comes into the log of its workspace, once. Those of other accounts
// are passed over. The workers, activities and queues that events name are there then, as the newest
// event has them. It returns how many events were added.
func (s *Server) LoadEvents(r io.Reader) (added int, err error) {
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, end := lines.ReadBytes('\n')
		if len(strings.TrimSpace(string(line))) > 0 {
			ok, err := s.AddEvent(line)
			if err != nil {
				return added, fmt.Errorf("line %d: %w", n, err)
			}
			if ok {
				added++
			}
		}
		if errors.Is(end, io.EOF) {
			return added, nil
		}
		if end != nil {
			return added, end
		}
	}
}

// AddEvent adds one event, as LoadEvents does, and tells whether it is new.
func (s *Server) AddEvent(record []byte) (bool, error) {
	var e map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(record)))
	decoder.UseNumber() // numbers stay as they are
	if err := decoder.Decode(&e); err != nil {
		return false, fmt.Errorf("not an event of the REST log: %w", err)
	}
	sid, _ := e["sid"].(string)
	ws, _ := e["workspace_sid"].(string)
	number, _ := e["event_date_ms"].(json.Number)
	ms, err := number.Int64()
	if sid == "" || ws == "" || err != nil {
		return false, errors.New("not an event of the REST log: sid, workspace_sid or event_date_ms is missing: write the form rest")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e["account_sid"] != s.opts.Account {
		return false, nil
	}
	w := s.workspace(ws)
	if w.events[sid] != nil {
		return false, nil
	}
	for name, value := range map[string]any{"actor_url": "https://taskrouter.twilio.com/v1/Workspaces/" + ws, "source_ip_address": nil} {
		if _, ok := e[name]; !ok {
			e[name] = value
		}
	}
	w.events[sid] = &loggedEvent{at: s.next(), ms: ms, text: e}
	if data, ok := e["event_data"].(map[string]any); ok {
		s.learn(w, data, e["event_type"], time.UnixMilli(ms))
	}
	return true, nil
}

// learn takes from an event what it says of the things of a workspace. The lock is held.
func (s *Server) learn(w *workspace, data map[string]any, kind any, at time.Time) {
	get := func(name string) string {
		value, _ := data[name].(string)
		return value
	}
	available := get("worker_available") == "true"
	for _, n := range []struct {
		all       map[string]named
		sid, name string
	}{{w.queues, "task_queue_sid", "task_queue_name"}, {w.activities, "worker_activity_sid", "worker_activity_name"}} {
		if sid := get(n.sid); sid != "" {
			old, ok := n.all[sid]
			if !ok {
				old.at = s.next()
			}
			n.all[sid] = named{old.at, get(n.name), available}
		}
	}
	sid := get("worker_sid")
	if sid == "" {
		return
	}
	if kind == "worker.deleted" {
		delete(w.workers, sid)
		return
	}
	old := w.workers[sid]
	if old != nil && old.Updated.After(at) {
		return
	}
	k := &Worker{SID: sid, Name: get("worker_name"), Attributes: get("worker_attributes"), ActivitySID: get("worker_activity_sid"), ActivityName: get("worker_activity_name"), Available: available, Created: at, Updated: at}
	if old == nil {
		k.at = s.next()
	} else {
		k.at, k.Created = old.at, old.Created
	}
	w.workers[sid] = k
}
