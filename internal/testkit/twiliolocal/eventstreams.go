package twiliolocal

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const hostEvents = "events"

// mostSinks is how many sinks, and subscriptions, an account may have.
const mostSinks = 100

type sink struct {
	sid, description, kind, status string
	config                         map[string]any
	created                        time.Time
	at                             int64
}

type subscription struct {
	sid, description, sink string
	created                time.Time
	events                 map[string]int // types with their schema versions
	at                     int64
}

// An eventType is a type that can be subscribed to.
type eventType struct {
	name, schema, status string
}

// taskRouterSchema is the schema of TaskRouter's events, with its newest version.
const (
	taskRouterSchema  = "TaskRouter.WDSEvent"
	taskRouterVersion = 4
)

// rateLimitSchema is the schema of an event that belongs to TaskRouter and is none of a task or worker.
const rateLimitSchema = "Twilio.RateLimitResults"

var schemaVersions = map[string]int{taskRouterSchema: taskRouterVersion, rateLimitSchema: 2}

func taskRouterTypes() []eventType {
	const prefix = "com.twilio.taskrouter."
	var all []eventType
	for group, names := range map[string]string{
		"reservation": "accepted canceled completed created failed rejected rescinded timeout wrapup",
		"task": "canceled completed created deleted system-deleted transfer-attempt-failed transfer-canceled transfer-completed " +
			"transfer-failed transfer-initiated updated wrapup",
		"task-queue": "created deleted entered expression.updated moved timeout",
		"worker":     "activity.update attributes.update capacity.update channel.availability.update created deleted",
		"workflow":   "entered skipped target-matched timeout",
	} {
		for name := range strings.FieldsSeq(names) {
			all = append(all, eventType{prefix + group + "." + name, taskRouterSchema, "available"})
		}
	}
	all = append(all, eventType{"com.twilio.apiusage.taskrouter.ratelimits", rateLimitSchema, "available"})
	slices.SortFunc(all, func(a, b eventType) int { return strings.Compare(a.name, b.name) })
	return all
}

// SetTypeStatus changes whether a type may be subscribed to: available, or such as deprecated.
func (s *Server) SetTypeStatus(name, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.types {
		if s.types[i].name == name {
			s.types[i].status = status
		}
	}
}

// SetSinkStatus changes the status of a sink, such as failed.
func (s *Server) SetSinkStatus(sid, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.sinks {
		if k.sid == sid {
			k.status = status
		}
	}
}

func (s *Server) routeEventStreams() {
	handle := func(pattern string, f func(*http.Request) (any, error)) { s.handle(hostEvents, pattern, f) }
	handle("GET /v1/Types", s.listTypes)
	handle("GET /v1/Types/{type}", func(r *http.Request) (any, error) {
		for _, t := range s.types {
			if t.name == r.PathValue("type") {
				return typeJSON(t), nil
			}
		}
		return nil, notFound(r)
	})
	handle("GET /v1/Schemas/{id}", func(r *http.Request) (any, error) {
		id := r.PathValue("id")
		newest, ok := schemaVersions[id]
		if !ok {
			return nil, notFound(r)
		}
		at := "https://events.twilio.com/v1/Schemas/" + id
		return map[string]any{"id": id, "url": at, "links": map[string]any{"versions": at + "/Versions"}, "latest_version": newest, "latest_version_date_created": "2026-01-01T00:00:00Z"}, nil
	})
	handle("GET /v1/Schemas/{id}/Versions", s.listVersions)

	handle("GET /v1/Sinks", func(r *http.Request) (any, error) {
		var items []item
		for _, k := range s.sinks {
			items = append(items, item{k.at, k.json()})
		}
		return s.page(r, hostEvents, "sinks", items, 20, 100)
	})
	handle("POST /v1/Sinks", s.createSink)
	sinks := func(method, rest string, f func(*http.Request, *sink) (any, error)) {
		handle(method+" /v1/Sinks/{sid}"+rest, func(r *http.Request) (any, error) {
			for _, k := range s.sinks {
				if k.sid == r.PathValue("sid") {
					return f(r, k)
				}
			}
			return nil, notFound(r)
		})
	}
	sinks("GET", "", func(_ *http.Request, k *sink) (any, error) { return k.json(), nil })
	sinks("POST", "", func(r *http.Request, k *sink) (any, error) {
		k.description = r.PostFormValue("Description")
		return k.json(), nil
	})
	sinks("DELETE", "", s.deleteSink)
	sinks("POST", "/Test", s.testSink)

	handle("GET /v1/Subscriptions", func(r *http.Request) (any, error) {
		var items []item
		for _, u := range s.subscriptions {
			if sink := r.URL.Query().Get("SinkSid"); sink == "" || sink == u.sink {
				items = append(items, item{u.at, s.subscriptionJSON(u)})
			}
		}
		return s.page(r, hostEvents, "subscriptions", items, 20, 100)
	})
	handle("POST /v1/Subscriptions", s.createSubscription)
	s.routeSubscription(handle)
}

func (s *Server) routeSubscription(handle func(string, func(*http.Request) (any, error))) {
	subscriptions := func(method, rest string, f func(*http.Request, *subscription) (any, error)) {
		handle(method+" /v1/Subscriptions/{sid}"+rest, func(r *http.Request) (any, error) {
			for _, u := range s.subscriptions {
				if u.sid == r.PathValue("sid") {
					return f(r, u)
				}
			}
			return nil, notFound(r)
		})
	}
	subscriptions("GET", "", func(_ *http.Request, u *subscription) (any, error) { return s.subscriptionJSON(u), nil })
	subscriptions("DELETE", "", func(_ *http.Request, u *subscription) (any, error) {
		s.subscriptions = slices.DeleteFunc(s.subscriptions, func(o *subscription) bool { return o == u })
		return gone(), nil
	})
	subscriptions("GET", "/SubscribedEvents", func(r *http.Request, u *subscription) (any, error) {
		var items []item
		for i, name := range slices.Sorted(maps.Keys(u.events)) {
			items = append(items, item{int64(i), s.subscribedJSON(u, name)})
		}
		return s.page(r, hostEvents, "types", items, 20, 100)
	})
	subscriptions("POST", "/SubscribedEvents", func(r *http.Request, u *subscription) (any, error) {
		name, version, err := s.subscribed(r.PostFormValue("Type"), r.PostFormValue("SchemaVersion"))
		if err != nil {
			return nil, err
		}
		u.events[name] = version
		return reply(http.StatusCreated, s.subscribedJSON(u, name)), nil
	})
	one := func(method string, f func(*http.Request, *subscription, string) (any, error)) {
		subscriptions(method, "/SubscribedEvents/{type}", func(r *http.Request, u *subscription) (any, error) {
			name := r.PathValue("type")
			if u.events[name] == 0 {
				return nil, notFound(r)
			}
			return f(r, u, name)
		})
	}
	one("GET", func(_ *http.Request, u *subscription, name string) (any, error) {
		return s.subscribedJSON(u, name), nil
	})
	one("POST", func(r *http.Request, u *subscription, name string) (any, error) {
		_, version, err := s.subscribed(name, r.PostFormValue("SchemaVersion"))
		if err != nil {
			return nil, err
		}
		u.events[name] = version
		return s.subscribedJSON(u, name), nil
	})
	one("DELETE", func(_ *http.Request, u *subscription, name string) (any, error) {
		if len(u.events) == 1 {
			return nil, refuse(http.StatusBadRequest, 20001, "A subscription needs one event type at least")
		}
		delete(u.events, name)
		return gone(), nil
	})
}

// gone is the answer to what was deleted.
func gone() answer { return answer{status: http.StatusNoContent, header: http.Header{}} }

func (s *Server) listTypes(r *http.Request) (any, error) {
	var items []item
	for i, t := range s.types {
		if schema := r.URL.Query().Get("SchemaId"); schema == "" || schema == t.schema {
			items = append(items, item{int64(i), typeJSON(t)})
		}
	}
	return s.page(r, hostEvents, "types", items, 20, 100)
}

func typeJSON(t eventType) any {
	at := "https://events.twilio.com/v1/"
	return map[string]any{
		"type": t.name, "schema_id": t.schema, "date_created": "2026-01-01T00:00:00Z", "date_updated": "2026-01-01T00:00:00Z", "description": t.name, "status": t.status,
		"documentation_url": nil, "url": at + "Types/" + t.name, "links": map[string]any{"schema": at + "Schemas/" + t.schema},
	}
}

func (s *Server) listVersions(r *http.Request) (any, error) {
	id := r.PathValue("id")
	newest, ok := schemaVersions[id]
	if !ok {
		return nil, notFound(r)
	}
	at := "https://events.twilio.com/v1/Schemas/" + id + "/Versions"
	var items []item
	for n := 1; n <= newest; n++ {
		number := strconv.Itoa(n)
		items = append(items, item{int64(n), map[string]any{
			"id": id, "schema_version": n, "date_created": "2026-01-01T00:00:00Z", "url": at + "/" + number, "raw": "https://events-schemas.twilio.com/" + id + "/" + number,
		}})
	}
	return s.page(r, hostEvents, "schema_versions", items, 50, 100)
}

func (s *Server) createSink(r *http.Request) (any, error) {
	kind, config := r.PostFormValue("SinkType"), map[string]any{}
	if json.Unmarshal([]byte(r.PostFormValue("SinkConfiguration")), &config) != nil {
		return nil, refuse(http.StatusBadRequest, 20001, "SinkConfiguration is not a JSON object")
	}
	needs := map[string][]string{"kinesis": {"arn", "role_arn", "external_id"}, "webhook": {"destination", "method", "batch_events"}}[kind]
	if needs == nil {
		return nil, refuse(http.StatusBadRequest, 20001, "SinkType %q is not kinesis or webhook", kind)
	}
	for _, name := range needs {
		if config[name] == nil || config[name] == "" {
			return nil, refuse(http.StatusBadRequest, 20001, "SinkConfiguration has no %s", name)
		}
	}
	if len(s.sinks) >= mostSinks {
		return nil, refuse(http.StatusBadRequest, 20001, "An account may have %d sinks", mostSinks)
	}
	at := s.next()
	k := &sink{newSID("DG", at), r.PostFormValue("Description"), kind, "active", config, s.opts.Now(), at}
	s.sinks = append(s.sinks, k)
	return reply(http.StatusCreated, k.json()), nil
}

func (k *sink) json() any {
	at := "https://events.twilio.com/v1/Sinks/" + k.sid
	return map[string]any{
		"sid": k.sid, "description": k.description, "sink_type": k.kind, "sink_configuration": maps.Clone(k.config), "status": k.status,
		"date_created": stamp(k.created), "date_updated": stamp(k.created), "url": at, "links": map[string]any{"sink_test": at + "/Test", "sink_validate": at + "/Validate"},
	}
}

func (s *Server) deleteSink(_ *http.Request, k *sink) (any, error) {
	for _, u := range s.subscriptions {
		if u.sink == k.sid {
			return nil, refuse(http.StatusBadRequest, 20001, "Sink with SID %s is in use", k.sid)
		}
	}
	s.sinks = slices.DeleteFunc(s.sinks, func(o *sink) bool { return o == k })
	return gone(), nil
}

// testSink sends Twilio's test event to a sink. Its id is the account's SID, the same for every test.
func (s *Server) testSink(_ *http.Request, k *sink) (any, error) {
	data, _ := json.Marshal(map[string]any{"test_id": newSID("", s.next())})
	record, _ := json.Marshal(map[string]any{
		"specversion": "1.0", "type": "com.twilio.eventstreams.test-event", "source": "Sink", "id": s.opts.Account, "datacontenttype": "application/json",
		"dataschema": "https://events-schemas.twilio.com/EventStreams.TestSink/1.json", "time": s.opts.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "data": string(data),
	})
	if arn, ok := k.config["arn"].(string); ok && s.opts.Deliver != nil && k.status == "active" {
		go s.opts.Deliver(arn, record)
	}
	return reply(http.StatusCreated, map[string]any{"result": "submitted"}), nil
}

func (s *Server) createSubscription(r *http.Request) (any, error) {
	if err := r.ParseForm(); err != nil {
		return nil, refuse(http.StatusBadRequest, 20001, "The form cannot be read")
	}
	sid := r.PostFormValue("SinkSid")
	if !slices.ContainsFunc(s.sinks, func(k *sink) bool { return k.sid == sid }) {
		return nil, refuse(http.StatusBadRequest, 20001, "Sink with SID %s does not exist", sid)
	}
	if slices.ContainsFunc(s.subscriptions, func(u *subscription) bool { return u.sink == sid }) {
		return nil, refuse(http.StatusBadRequest, 20001, "Sink with SID %s is in use", sid)
	}
	if len(s.subscriptions) >= mostSinks || len(r.PostForm["Types"]) == 0 {
		return nil, refuse(http.StatusBadRequest, 20001, "A subscription needs one event type at least, and an account may have %d", mostSinks)
	}
	at := s.next()
	u := &subscription{newSID("DF", at), r.PostFormValue("Description"), sid, s.opts.Now(), map[string]int{}, at}
	for _, text := range r.PostForm["Types"] {
		var asked struct {
			Type    string `json:"type"`
			Version int    `json:"schema_version"`
		}
		if json.Unmarshal([]byte(text), &asked) != nil {
			return nil, refuse(http.StatusBadRequest, 20001, "Types is not a JSON object")
		}
		name, version, err := s.subscribed(asked.Type, strconv.Itoa(asked.Version))
		if err != nil {
			return nil, err
		}
		u.events[name] = version
	}
	s.subscriptions = append(s.subscriptions, u)
	return reply(http.StatusCreated, s.subscriptionJSON(u)), nil
}

// subscribed checks a type and its schema version, the newest if none is given.
func (s *Server) subscribed(name, version string) (string, int, error) {
	i := slices.IndexFunc(s.types, func(t eventType) bool { return t.name == name })
	if i < 0 || s.types[i].status != "available" {
		return "", 0, refuse(http.StatusBadRequest, 20001, "Event type %s cannot be subscribed to", name)
	}
	newest := schemaVersions[s.types[i].schema]
	n, err := strconv.Atoi(version)
	if version == "" || version == "0" {
		n, err = newest, nil
	}
	if err != nil || n < 1 || n > newest {
		return "", 0, refuse(http.StatusBadRequest, 20001, "Event type %s has no schema version %s", name, version)
	}
	return name, n, nil
}

func (s *Server) subscriptionJSON(u *subscription) any {
	at := "https://events.twilio.com/v1/Subscriptions/" + u.sid
	return map[string]any{
		"account_sid": s.opts.Account, "sid": u.sid, "description": u.description, "sink_sid": u.sink, "date_created": stamp(u.created), "date_updated": stamp(u.created),
		"url": at, "links": map[string]any{"subscribed_events": at + "/SubscribedEvents"},
	}
}

func (s *Server) subscribedJSON(u *subscription, name string) any {
	return map[string]any{
		"account_sid": s.opts.Account, "type": name, "schema_version": u.events[name], "subscription_sid": u.sid,
		"url": "https://events.twilio.com/v1/Subscriptions/" + u.sid + "/SubscribedEvents/" + name,
	}
}
