package bigquerylocal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A call is a REST request with the names in its path.
type call struct {
	*http.Request
	server *Server
	method string // such as tables.get
	w      http.ResponseWriter
}

// routes are the methods of https://cloud.google.com/bigquery/docs/reference/rest that the service has.
var routes = []struct {
	pattern, method string
	handle          func(*call) (any, error)
}{
	{"GET /projects/{project}/datasets", "datasets.list", (*call).listDatasets},
	{"POST /projects/{project}/datasets", "datasets.insert", (*call).insertDataset},
	{"GET /projects/{project}/datasets/{dataset}", "datasets.get", (*call).getDataset},
	{"PATCH /projects/{project}/datasets/{dataset}", "datasets.patch", (*call).changeDataset},
	{"PUT /projects/{project}/datasets/{dataset}", "datasets.update", (*call).changeDataset},
	{"DELETE /projects/{project}/datasets/{dataset}", "datasets.delete", (*call).deleteDataset},
	{"GET /projects/{project}/datasets/{dataset}/tables", "tables.list", (*call).listTables},
	{"POST /projects/{project}/datasets/{dataset}/tables", "tables.insert", (*call).insertTable},
	{"GET /projects/{project}/datasets/{dataset}/tables/{table}", "tables.get", (*call).getTable},
	{"PATCH /projects/{project}/datasets/{dataset}/tables/{table}", "tables.patch", (*call).changeTable},
	{"PUT /projects/{project}/datasets/{dataset}/tables/{table}", "tables.update", (*call).changeTable},
	{"DELETE /projects/{project}/datasets/{dataset}/tables/{table}", "tables.delete", (*call).deleteTable},
	{"POST /projects/{project}/datasets/{dataset}/tables/{table}", "tables.testIamPermissions", (*call).testPermissions},
	{"GET /projects/{project}/datasets/{dataset}/tables/{table}/data", "tabledata.list", (*call).listRows},
	{"POST /projects/{project}/datasets/{dataset}/tables/{table}/insertAll", "tabledata.insertAll", (*call).insertRows},
	{"GET /projects/{project}/jobs", "jobs.list", (*call).listJobs},
	{"POST /projects/{project}/jobs", "jobs.insert", (*call).insertJob},
	{"GET /projects/{project}/jobs/{job}", "jobs.get", (*call).getJob},
	{"POST /projects/{project}/jobs/{job}/cancel", "jobs.cancel", (*call).cancelJob},
	{"POST /projects/{project}/queries", "jobs.query", (*call).query},
	{"GET /projects/{project}/queries/{job}", "jobs.getQueryResults", (*call).queryResults},
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(prefix, pattern, method string, f func(*call) (any, error)) {
		verb, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(verb+" "+prefix+path, func(w http.ResponseWriter, r *http.Request) {
			s.answer(&call{Request: r, server: s, method: method, w: w}, f)
		})
	}
	for _, r := range routes {
		handle("/bigquery/v2", r.pattern, r.method, r.handle)
	}
	for _, verb := range []string{"POST", "PUT"} {
		handle("/upload/bigquery/v2", verb+" /projects/{project}/jobs", "jobs.upload", (*call).upload)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &apiError{code: http.StatusNotFound, reason: "notFound", message: fmt.Sprintf("The local BigQuery service does not know %s %s", r.Method, r.URL.Path)})
	})
	return mux
}

// answer handles a call, with the faults that strike it.
func (s *Server) answer(c *call, f func(*call) (any, error)) {
	var lose error
	for _, fault := range s.strike(c.method, c.dataset().dataset+"."+c.PathValue("table")) {
		injected := &apiError{code: fault.Status, reason: fault.Reason, message: fault.Message}
		switch fault.Kind {
		case Slow:
			time.Sleep(fault.Delay)
		case Reply:
			io.Copy(io.Discard, c.Body)
			writeError(c.w, injected)
			return
		case Break:
			panic(http.ErrAbortHandler)
		case Lose:
			lose = injected
		}
	}
	w := c.w
	if lose != nil {
		c.w = nowhere{}
	}
	v, err := f(c)
	if lose != nil {
		err = lose
	}
	if err != nil {
		writeError(w, asAPI(err))
		return
	}
	switch v := v.(type) {
	case nil:
		c.w.WriteHeader(http.StatusNoContent)
	case answered:
	default:
		writeJSON(c.w, http.StatusOK, v)
	}
}

// nowhere takes an answer that is to be lost.
type nowhere struct{}

// Header implements http.ResponseWriter.
func (nowhere) Header() http.Header { return http.Header{} }

// Write implements http.ResponseWriter.
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (nowhere) WriteHeader(int) {}

// answered is what a handler returns that wrote its answer itself.
type answered struct{}

func writeJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusNotImplemented, fmt.Appendf(nil, `{"error":{"code":501,"message":%q}}`, err.Error())
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	w.Write(b)
}

// statuses are the canonical names of HTTP errors
// (https://cloud.google.com/apis/design/errors#http_mapping).
var statuses = map[int]string{
	http.StatusBadRequest: "INVALID_ARGUMENT", http.StatusForbidden: "PERMISSION_DENIED", http.StatusNotFound: "NOT_FOUND", http.StatusConflict: "ALREADY_EXISTS",
	http.StatusPreconditionFailed: "FAILED_PRECONDITION", http.StatusTooManyRequests: "RESOURCE_EXHAUSTED", http.StatusInternalServerError: "INTERNAL",
	http.StatusServiceUnavailable: "UNAVAILABLE",
}

func writeError(w http.ResponseWriter, e *apiError) {
	type item struct {
		Message      string `json:"message"`
		Domain       string `json:"domain"`
		Reason       string `json:"reason"`
		Location     string `json:"location,omitempty"`
		LocationType string `json:"locationType,omitempty"`
	}
	i := item{Message: e.message, Domain: "global", Reason: e.reason, Location: e.location}
	if i.Location != "" {
		i.LocationType = "parameter"
	}
	writeJSON(w, e.code, map[string]any{"error": map[string]any{"code": e.code, "message": e.message, "status": statuses[e.code], "errors": []item{i}}})
}

// testPermissions tells which of some rights the caller has: all that the options do not deny
// (https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/testIamPermissions).
func (c *call) testPermissions() (any, error) {
	name, ok := strings.CutSuffix(c.PathValue("table"), ":testIamPermissions")
	if !ok {
		return nil, &apiError{code: http.StatusNotFound, reason: "notFound", message: "The local BigQuery service does not know POST " + c.URL.Path}
	}
	if _, err := c.server.catalog.table(tableName{c.PathValue("project"), c.PathValue("dataset"), name}); err != nil {
		return nil, err
	}
	var asked struct {
		Permissions []string `json:"permissions"`
	}
	if err := json.NewDecoder(c.Body).Decode(&asked); err != nil {
		return nil, invalid("the request is no JSON: %v", err)
	}
	return map[string]any{"permissions": slices.DeleteFunc(asked.Permissions, func(p string) bool { return slices.Contains(c.server.options.Denied, p) })}, nil
}

func (c *call) dataset() datasetName {
	return datasetName{c.PathValue("project"), c.PathValue("dataset")}
}

func (c *call) table() tableName {
	return tableName{c.PathValue("project"), c.PathValue("dataset"), c.PathValue("table")}
}

// body reads the JSON of the request.
func (c *call) body(v any) error {
	if err := json.NewDecoder(c.Body).Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return &apiError{code: http.StatusBadRequest, reason: "parseError", message: "Parse error: " + err.Error()}
	}
	return nil
}

// number reads a query parameter, or returns what stands for a missing one.
func (c *call) number(name string, missing int64) (int64, error) {
	s := c.FormValue(name)
	if s == "" {
		return missing, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, invalid("Invalid value for %s: %s", name, s)
	}
	return n, nil
}

// from reads at which row a page begins: at its token, which is a number of a row, else at startIndex.
func (c *call) from() (int64, error) {
	from, err := c.number("startIndex", 0)
	if err != nil {
		return 0, err
	}
	return c.number("pageToken", from)
}

// page cuts a list by the parameters maxResults and pageToken, which is the position of the next entry.
func page[T any](c *call, all []T) (part []T, next string, err error) {
	most, err := c.number("maxResults", int64(len(all)))
	if err != nil {
		return nil, "", err
	}
	from, err := c.number("pageToken", 0)
	if err != nil || from > int64(len(all)) {
		return nil, "", invalid("Invalid page token %s", c.FormValue("pageToken"))
	}
	part = all[from:]
	if most > 0 && most < int64(len(part)) {
		part, next = part[:most], strconv.FormatInt(from+most, 10)
	}
	return part, next, nil
}

// matches checks the If-Match header against the etag of a resource.
func (c *call) matches(etag string) error {
	if m := c.Header.Get("If-Match"); m != "" && m != "*" && m != etag {
		return &apiError{code: http.StatusPreconditionFailed, reason: "conditionNotMet", message: "Precondition check failed."}
	}
	return nil
}

// merge applies a request to a resource: PATCH as https://www.rfc-editor.org/rfc/rfc7396, PUT by
// replacing all but what keep names. into receives the result.
func (c *call) merge(old any, keep []string, into any) error {
	var change map[string]any
	if err := c.body(&change); err != nil {
		return err
	}
	before, err := asMap(old)
	if err != nil {
		return err
	}
	kept := map[string]any{}
	for _, k := range keep {
		if v, ok := before[k]; ok {
			kept[k] = v
		}
	}
	after := change
	if c.Request.Method == http.MethodPatch {
		after = before
		mergePatch(after, change)
	}
	for _, k := range keep {
		delete(after, k)
	}
	maps.Copy(after, kept)
	b, err := json.Marshal(after)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return invalid("Invalid JSON payload received: %v", err)
	}
	return nil
}

func asMap(v any) (m map[string]any, err error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return m, json.Unmarshal(b, &m)
}

func mergePatch(to, patch map[string]any) {
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(to, k)
		case map[string]any:
			old, ok := to[k].(map[string]any)
			if !ok {
				old = map[string]any{}
			}
			mergePatch(old, v)
			to[k] = old
		default:
			to[k] = v
		}
	}
}
