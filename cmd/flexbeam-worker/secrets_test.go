package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"flexbeam/internal/secret"
	"flexbeam/internal/testkit/fakerunner"
	"flexbeam/internal/workerenv"
)

// A service such as Dataflow starts workers without an environment: what is in it comes by references
// among the options of the job, before the worker takes any work.
func TestWorkerReadsItsSecretsBeforeItTakesWork(t *testing.T) {
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if !strings.HasSuffix(r.URL.Path, "/projects/p/secrets/contact-key/versions/latest:access") {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error":{"code":403,"message":"Permission 'secretmanager.versions.access' denied","status":"PERMISSION_DENIED"}}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"payload":{"data":%q}}`, base64.StdEncoding.EncodeToString([]byte("k3y")))
	}))
	t.Cleanup(s.Close)
	r := fakerunner.Start(t)
	give := func(name string) {
		t.Helper()
		secrets := workerenv.References{"FLEXBEAM_CONTACT_KEY": secret.Reference("gcpsecretmanager://projects/p/secrets/" + name + "?endpoint=" + s.URL)}
		options, err := structpb.NewStruct(map[string]any{"beam:option:go_options:v1": map[string]any{"options": map[string]any{workerenv.Option: secrets.Encode()}}})
		if err != nil {
			t.Fatal(err)
		}
		r.Info.PipelineOptions = options
	}
	give("contact-key")
	_, ended := boot(t, r, "1-1")
	w := r.Await(t)
	if asked.Load() != 1 || !w.Answers(t) {
		t.Errorf("the secret was asked for %d times", asked.Load())
	}
	w.Release()
	if err := await(t, ended); err != nil {
		t.Error(err)
	}

	give("another")
	var errs bytes.Buffer
	c := exec.Command(worker(t), "--id=1-2", "--provision_endpoint="+r.URL)
	c.Stderr = &errs
	if err := c.Run(); err == nil || !strings.Contains(errs.String(), "FLEXBEAM_CONTACT_KEY") || !strings.Contains(errs.String(), "denied") {
		t.Errorf("%v: %s", err, &errs)
	}
}
