package kinesisio

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

func TestARoleIsAssumedWithItsExternalID(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = []string{r.FormValue("Action"), r.FormValue("RoleArn"), r.FormValue("ExternalId")}
		fmt.Fprint(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>assumed</AccessKeyId>`+
			`<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	}))
	defer sts.Close()
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	keys := map[string]bool{}
	f := newFake(t, kinesisfake.Options{OnCall: func(c kinesisfake.Call) {
		mu.Lock()
		defer mu.Unlock()
		keys[c.AccessKey] = true
	}})
	f.CreateStream("s", 1)
	f.PutTexts("s", "k", "record")
	const role = "arn:aws:iam::222222222222:role/reader"
	r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL, RoleARN: role, ExternalID: "ours"}})
	defer r.close()
	r.until("the record", func() bool { return len(r.texts()) == 1 })
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{"AssumeRole", role, "ours"}, asked); diff != "" {
		t.Errorf("what STS was asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]bool{"assumed": true}, keys); diff != "" {
		t.Errorf("whose calls were made (-want +got):\n%s", diff)
	}
}

func TestStreamsOfOneNameAreToldApart(t *testing.T) {
	var streams []Stream
	for i, region := range []string{"us-east-1", "eu-west-1"} {
		f := newFake(t, kinesisfake.Options{Region: region})
		f.CreateStream("s", 1)
		f.PutTexts("s", "k", fmt.Sprint("record ", i))
		streams = append(streams, Stream{Name: "s", Region: region, Endpoint: f.URL})
	}
	r := newRunner(t, nil, streams)
	defer r.close()
	r.until("both records", func() bool { return len(r.texts()) == 2 })
	got := map[string]string{}
	for i := range r.batches {
		for _, record := range r.batches[i].Records() {
			got[r.batches[i].Stream] = string(record)
		}
	}
	if diff := cmp.Diff(map[string]string{"us-east-1/s": "record 0", "eu-west-1/s": "record 1"}, got); diff != "" {
		t.Errorf("records by stream (-want +got):\n%s", diff)
	}
}

func TestASecondJobFindsTheConsumerThatTheFirstRegistered(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 2)
	for i := range 2 {
		r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL, Consumer: "beam"}})
		f.PutTexts("s", "k", "record")
		r.until("the records", func() bool { return len(r.texts()) == i+1 })
		r.close()
	}
	if diff := cmp.Diff(1, f.Calls("RegisterStreamConsumer", "", "")); diff != "" {
		t.Errorf("registrations (-want +got):\n%s", diff)
	}
}
