package bigquery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/api/iterator"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/model"
)

// A bucket is as much of Cloud Storage as staging needs.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	puts    int
	denied  string // a right that is missing
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch r.Method {
	case http.MethodPost:
		b.puts++
		if b.puts == 1 { // a first try fails
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		_, p, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		parts := multipart.NewReader(r.Body, p["boundary"])
		var meta struct{ Name string }
		head, err := parts.NextPart()
		if err == nil {
			err = json.NewDecoder(head).Decode(&meta)
		}
		var body *multipart.Part
		if err == nil {
			body, err = parts.NextPart()
		}
		var data []byte
		if err == nil {
			data, err = io.ReadAll(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b.objects[meta.Name] = data
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name":%q}`, meta.Name)
	case http.MethodGet: // which rights there are
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"permissions": slices.DeleteFunc(r.URL.Query()["permissions"], func(p string) bool { return p == b.denied })})
	case http.MethodDelete:
		delete(b.objects, strings.SplitN(r.URL.Path, "/o/", 2)[1])
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, r.Method, http.StatusMethodNotAllowed)
	}
}

func (b *bucket) open(_ context.Context, uri string) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.objects[strings.TrimPrefix(uri, "gs://bucket/")]
	if !ok {
		return nil, fmt.Errorf("no object %s", uri)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func TestFilesAreStagedAndNothingStaysBehind(t *testing.T) {
	b := &bucket{objects: map[string][]byte{}}
	web := httptest.NewServer(b)
	defer web.Close()
	s := startLocal(t, bigquerylocal.Options{OpenObject: b.open})
	uri := localURI(s, "mode=load&staging=gs://bucket/folder&gcs_endpoint="+web.URL+"/storage/v1/")
	w := openSink(t, uri)
	for _, block := range sinktest.Engagements(500, 50000, 1) {
		must(t, w.Write(t.Context(), block))
	}
	must(t, w.Flush(t.Context()))
	if n := len(readRows(t, uri, &model.Engagements)); n != 500 {
		t.Errorf("%d rows", n)
	}
	b.mu.Lock()
	if b.puts < 2 || len(b.objects) != 0 {
		t.Errorf("%d tries, objects that stay: %d", b.puts, len(b.objects))
	}
	b.mu.Unlock()
	_, d := at(t, uri)
	for it := d.Tables(t.Context()); ; {
		table, err := it.Next()
		if err == iterator.Done {
			break
		}
		must(t, err)
		if ok, _ := path.Match("flexbeam_staging_*", table.TableID); ok {
			t.Errorf("%s stays", table.TableID)
		}
	}
	must(t, w.Close(t.Context()))
}

func TestStagingTablesExpire(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := strings.Replace(localURI(s, "mode=load"), "retry=1m", "retry=0s", 1)
	w := openSink(t, uri)
	s.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "tables.delete", Status: http.StatusForbidden, Reason: "accessDenied", Times: -1})
	must(t, w.Write(t.Context(), sampleAgent("WK1", 1)))
	if err := w.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "delete staged changes") {
		t.Errorf("got %v", err)
	}
	_, d := at(t, uri)
	found := false
	for it := d.Tables(t.Context()); ; {
		table, err := it.Next()
		if err == iterator.Done {
			break
		}
		must(t, err)
		if strings.HasPrefix(table.TableID, "flexbeam_staging_") {
			found = true
			if meta, err := table.Metadata(t.Context()); err != nil || meta.ExpirationTime.IsZero() {
				t.Errorf("%s does not expire: %v", table.TableID, err)
			}
		}
	}
	if !found {
		t.Error("there is no staging table to look at")
	}
}
