package dataflowapi_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/dataflowfake"
	"flexbeam/runners/dataflow/dataflowapi"
)

func client(t *testing.T, s *dataflowfake.Server) *dataflowapi.Client {
	t.Helper()
	c, err := dataflowapi.New(t.Context(), dataflowapi.Place{
		Project: "my-project", Region: "europe-west1", Endpoint: s.Endpoint(), StorageEndpoint: s.StorageEndpoint(), Within: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnObjectIsStoredWhereItsURLSays(t *testing.T) {
	s := dataflowfake.Start(t)
	c := client(t, s)
	s.Break(dataflowfake.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests})
	if err := c.Put(t.Context(), "gs://my-bucket/a/b", []byte("text")); err != nil || string(s.Object("gs://my-bucket/a/b")) != "text" {
		t.Errorf("%v, %q", err, s.Object("gs://my-bucket/a/b"))
	}
	for _, place := range []string{"my-bucket/a", "gs://", "s3://my-bucket/a"} {
		if err := c.Put(t.Context(), place, nil); err == nil || !strings.Contains(err.Error(), "gs://BUCKET/FOLDER") {
			t.Errorf("%s: %v", place, err)
		}
	}
}

func TestErrorsOfTheServiceSayWhatTheyAre(t *testing.T) {
	s := dataflowfake.Start(t)
	c := client(t, s)
	for status, want := range map[int]error{
		http.StatusBadRequest: dataflowapi.ErrRefused, http.StatusForbidden: dataflowapi.ErrForbidden, http.StatusUnauthorized: dataflowapi.ErrForbidden,
		http.StatusNotFound: dataflowapi.ErrNoJob, http.StatusConflict: dataflowapi.ErrSameName,
	} {
		s.Break(dataflowfake.Fault{Method: http.MethodGet, Status: status})
		if _, err := c.Job(t.Context(), "x"); !errors.Is(err, want) {
			t.Errorf("status %d: %v", status, err)
		}
	}
	if _, err := c.Job(t.Context(), "x"); !errors.Is(err, dataflowapi.ErrNoJob) {
		t.Error(err)
	}
	asked := len(s.Requests())
	none, err := dataflowapi.New(t.Context(), dataflowapi.Place{Project: "p", Region: "r", Endpoint: "http://127.0.0.1:1/", Within: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.Job(t.Context(), "x"); !errors.Is(err, dataflowapi.ErrUnreachable) {
		t.Error(err)
	}
	if asked != 6 {
		t.Errorf("the service was asked %d times: %q", asked, s.Requests())
	}
}

func TestOfACounterTheCommittedValueCountsOverAllSteps(t *testing.T) {
	s := dataflowfake.Start(t)
	id := s.Add("europe-west1", "flexbeam-live", "JOB_TYPE_STREAMING")
	s.Count(id, "s1", "flexbeam", "records", 3)
	s.Count(id, "s2", "flexbeam", "records", 4)
	s.Count(id, "s1", "other", "records", 100)
	got, err := client(t, s).Counters(t.Context(), id, "flexbeam")
	if d := cmp.Diff(map[string]int64{"records": 7}, got); d != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, d)
	}
}

func TestAllPagesAreRead(t *testing.T) {
	s := dataflowfake.Start(t)
	c := client(t, s)
	var ids []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		ids = append(ids, s.Add("europe-west1", name, "JOB_TYPE_BATCH"))
	}
	s.Add("us-east1", "elsewhere", "JOB_TYPE_BATCH")
	jobs, err := c.Jobs(t.Context())
	var got []string
	for _, j := range jobs {
		got = append(got, j.ID)
	}
	slices.Sort(got)
	if d := cmp.Diff(ids, got); d != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, d)
	}
	s.Move(ids[2], "JOB_STATE_DONE")
	if _, err := c.Active(t.Context(), "c"); !errors.Is(err, dataflowapi.ErrNoJob) {
		t.Errorf("a job that is over: %v", err)
	}
	if j, err := c.Active(t.Context(), "d"); err != nil || j.ID != ids[3] {
		t.Errorf("%v, %v", j, err)
	}
	for _, text := range []string{"1", "2", "3", "4", "5"} {
		s.Say(ids[0], "JOB_MESSAGE_ERROR", text)
	}
	s.Say(ids[0], "JOB_MESSAGE_BASIC", "less")
	messages, err := c.Messages(t.Context(), ids[0], time.Time{}, dataflowapi.Warning)
	if err != nil || len(messages) != 5 || messages[4].Text != "5" {
		t.Fatalf("%v, %v", messages, err)
	}
	later, err := c.Messages(t.Context(), ids[0], messages[3].Time, dataflowapi.Warning)
	if err != nil || len(later) != 2 {
		t.Errorf("%v, %v", later, err)
	}
}
