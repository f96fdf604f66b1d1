package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
)

// Nothing is read of a source before its sink is open.
func TestWhatKeepsAJobFromWritingIsToldWhenItsSinkIsOpened(t *testing.T) {
	b := &bucket{objects: map[string][]byte{}, denied: "storage.objects.create"}
	web := httptest.NewServer(b)
	defer web.Close()
	open, closed := startLocal(t, bigquerylocal.Options{}), startLocal(t, bigquerylocal.Options{Denied: []string{"bigquery.tables.updateData", "bigquery.tables.getData"}})
	made := localURI(open, "location=EU")
	must(t, openSink(t, made).Close(t.Context()))
	madeToo := localURI(closed, "")
	must(t, Apply(t.Context(), strings.TrimPrefix(madeToo, "bigquery:")))
	const staging = "mode=load&staging=gs://bucket/folder&gcs_endpoint="
	for name, tt := range map[string]struct {
		uri  string
		want []string
	}{
		"another location":             {strings.Replace(made, "location=EU", "location=US", 1), []string{"is in EU, not in US", "leave the option location out"}},
		"another location, no schema":  {strings.Replace(made, "location=EU", "location=US&schema=none", 1), []string{"is in EU, not in US", "leave the option location out"}},
		"no dataset, no schema":        {localURI(open, "schema=none"), []string{"dataset local-project.calls_", "Not found"}},
		"no right to write":            {madeToo, []string{"engagements", "lacks bigquery.tables.getData, bigquery.tables.updateData", "docs/bigquery.md"}},
		"no right to write, no schema": {madeToo + "&schema=none", []string{"engagements", "lacks bigquery.tables.getData, bigquery.tables.updateData", "docs/bigquery.md"}},
		"no right to the bucket":       {localURI(open, staging+web.URL+"/storage/v1/"), []string{"gs://bucket", "lacks storage.objects.create", "docs/bigquery.md"}},
	} {
		s, err := sink.Open(t.Context(), tt.uri, sink.Options{})
		if err == nil {
			t.Errorf("%s: it is opened", name)
			s.Close(t.Context())
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %q has no %q, or several lines", name, err, want)
			}
		}
	}
}

// The right to run queries is needed when the sink is asked for its rows, which is before a source
// is read.
func TestAServiceThatRefusesIsToldInOneLine(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	w := openSink(t, localURI(s, ""))
	s.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "jobs.insert", Status: http.StatusForbidden, Reason: "accessDenied", Message: "Access Denied:\nUser does not have bigquery.jobs.create permission", Times: -1})
	_, err := w.Counts(t.Context())
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "bigquery.jobs.create permission") || !strings.Contains(err.Error(), "docs/bigquery.md") {
		t.Errorf("got %v", err)
	}
	must(t, w.Close(t.Context()))
}

// A file of credentials that cannot be used is told when the sink is opened, with what to do.
func TestCredentialsThatCannotBeReadAreToldInOneLine(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.json")
	must(t, os.WriteFile(broken, []byte("no credentials\nof any kind\n"), 0o600))
	for _, file := range []string{filepath.Join(t.TempDir(), "missing.json"), broken} {
		t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
		_, err := sink.Open(t.Context(), "bigquery:my-project.calls", sink.Options{})
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "set up Application Default Credentials") {
			t.Errorf("%s: got %v", filepath.Base(file), err)
		}
	}
}

func TestCredentialsThatAreRefusedAreNotTriedAgain(t *testing.T) {
	err := explain(fmt.Errorf("cannot fetch token: 400\nResponse: {\n\"error\": \"invalid_grant\"}"))
	if retryable(err) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "gcloud auth application-default login") {
		t.Errorf("got %v", err)
	}
}

// The option retry ends what would go on for ever, long before the two minutes that a single
// request may take.
func TestRetryGivesUpWhenItsTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	nothing, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nothing.Close()
	s := startLocal(t, bigquerylocal.Options{})
	shortly := func(uri string) string { return strings.Replace(uri, "retry=1m", "retry=2s", 1) }
	gone := fmt.Sprintf("bigquery:local-project.calls?retry=2s&endpoint=http://%s&grpc_endpoint=%s", nothing.Addr(), nothing.Addr())
	w := openSink(t, shortly(localURI(s, "")))
	deaf := openSink(t, strings.Replace(shortly(localURI(s, "mode=stream")), "grpc_endpoint="+s.GRPCEndpoint, "grpc_endpoint="+nothing.Addr().String(), 1))
	for name, try := range map[string]func() error{
		"nothing listens":            func() error { _, err := sink.Open(ctx, gone, sink.Options{}); return err },
		"nothing listens, no schema": func() error { _, err := sink.Open(ctx, gone+"&schema=none", sink.Options{}); return err },
		"the service fails": func() error {
			defer s.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "datasets.get", Times: -1}).Remove()
			_, err := sink.Open(ctx, shortly(localURI(s, "")), sink.Options{})
			return err
		},
		"a page of an answer": func() error {
			defer s.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "jobs.getQueryResults", Times: -1}).Remove()
			return w.query(ctx, "SELECT 1", func([]bigquery.Value) error { return errors.New("a row") })
		},
		"nothing listens for rows": func() error {
			err := deaf.Write(ctx, sampleAgent("WK1", 1))
			if err == nil {
				err = deaf.Flush(ctx)
			}
			return err
		},
	} {
		if err := try(); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: it is tried for ever", name)
		}
	}
	must(t, w.Close(t.Context()))
	if deaf.Close(t.Context()) == nil {
		t.Error("rows that could not be stored are not told")
	}
}
