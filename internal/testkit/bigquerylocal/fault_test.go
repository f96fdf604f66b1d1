package bigquerylocal_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flexbeam/internal/testkit/bigquerylocal"
)

// A fault of AppendRows, and how often each of five appends is stored by a client that retries.
func TestFaultsOfAppendsStrikeOnSchedule(t *testing.T) {
	tests := []struct {
		name  string
		fault bigquerylocal.Fault
		want  [5]int // times that the row is stored
		err   codes.Code
	}{
		{"a connection breaks before the row is stored", bigquerylocal.Fault{Kind: bigquerylocal.Break, Code: codes.Aborted}, [5]int{1, 1, 1, 1, 1}, codes.OK},
		{"a reply is lost after the row is stored", bigquerylocal.Fault{Kind: bigquerylocal.Lose, Code: codes.Unavailable}, [5]int{1, 1, 2, 1, 1}, codes.OK},
		{"UNAVAILABLE is answered", bigquerylocal.Fault{Kind: bigquerylocal.Reply, Code: codes.Unavailable}, [5]int{1, 1, 1, 1, 1}, codes.OK},
		{"INTERNAL is answered", bigquerylocal.Fault{Kind: bigquerylocal.Reply, Code: codes.Internal}, [5]int{1, 1, 1, 1, 1}, codes.OK},
		{"a quota is exceeded", bigquerylocal.Fault{Kind: bigquerylocal.Reply, Code: codes.ResourceExhausted}, [5]int{1, 1, 1, 1, 1}, codes.OK},
		{"an answer is slow", bigquerylocal.Fault{Kind: bigquerylocal.Slow, Delay: 20 * time.Millisecond}, [5]int{1, 1, 1, 1, 1}, codes.OK},
		{"connections are told to go away", bigquerylocal.Fault{Kind: bigquerylocal.GoAway}, [5]int{1, 1, 1, 1, 1}, codes.OK},
		{"another method is disturbed", bigquerylocal.Fault{Kind: bigquerylocal.Break, Method: "FlushRows"}, [5]int{1, 1, 1, 1, 1}, codes.OK},
		{"permission is denied", bigquerylocal.Fault{Kind: bigquerylocal.Reply, Code: codes.PermissionDenied}, [5]int{1, 1, 0, 1, 1}, codes.PermissionDenied},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := start(t, bigquerylocal.Options{Grace: 10 * time.Millisecond})
			b.table("people", people())
			f := newForm(t, people())
			m := b.stream("people", managedwriter.DefaultStream, f, managedwriter.EnableWriteRetries(true))
			test.fault.Skip, test.fault.Table = 2, "calls.people"
			if test.fault.Method == "" {
				test.fault.Method = "AppendRows"
			}
			struck := b.server.Fault(test.fault)
			for i := range test.want {
				_, err := b.send(m, f.row("id", fmt.Sprint(i)))
				if i == 2 && status.Code(err) != test.err {
					t.Errorf("append %d: %v", i, err)
				} else if i != 2 && err != nil {
					t.Errorf("append %d: %v", i, err)
				}
			}
			if n := struck.Hits(); n != 1 && test.fault.Method == "AppendRows" {
				t.Errorf("the fault struck %d times", n)
			}
			for i, want := range test.want {
				got := b.query(fmt.Sprintf("SELECT COUNT(*) FROM calls.people WHERE id = '%d'", i))
				if test.fault.Kind == bigquerylocal.GoAway && got[0] != "[0]" {
					continue // a connection that ends may take a reply with it
				}
				if got[0] != "["+itoa(want)+"]" {
					t.Errorf("row %d is stored %s times, want %d", i, got[0], want)
				}
			}
		})
	}
}

func TestRowsAreRefusedAsAsked(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	f := newForm(t, people())
	m := b.stream("people", managedwriter.DefaultStream, f)
	fault := b.server.Fault(bigquerylocal.Fault{Kind: bigquerylocal.RefuseRows, Times: -1, Refuse: func(_ int, row map[string]any) string {
		if row["age"] == int64(13) {
			return "unlucky"
		}
		return ""
	}})
	r, err := m.AppendRows(b.ctx, [][]byte{f.row("id", "a"), f.row("id", "b", "age", int64(13))})
	b.must(err)
	resp, _ := r.FullResponse(b.ctx)
	if e := resp.GetRowErrors(); len(e) != 1 || e[0].GetIndex() != 1 || e[0].GetMessage() != "unlucky" {
		t.Errorf("got %v", e)
	}
	b.must(second(b.send(m, f.row("id", "a"))))
	fault.Remove()
	b.must(second(b.send(m, f.row("id", "b", "age", int64(13)))))
	if d := cmp.Diff([]string{`["a"]`, `["b"]`}, b.query("SELECT id FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
}

// A server that has not heard of a new column refuses it for a while.
func TestASchemaMayBeStale(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	table := b.table("people", people())
	more := append(people(), &bigquery.FieldSchema{Name: "more", Type: bigquery.StringFieldType})
	_, err := table.Update(b.ctx, bigquery.TableMetadataToUpdate{Schema: more}, "")
	b.must(err)
	f := newForm(t, more)
	m := b.stream("people", managedwriter.DefaultStream, f)
	b.server.Fault(bigquerylocal.Fault{Kind: bigquerylocal.StaleSchema, Method: "AppendRows", Times: 2})
	for range 2 {
		if _, err := b.send(m, f.row("id", "a", "more", "x")); storageCode(t, err) != storagepb.StorageError_SCHEMA_MISMATCH_EXTRA_FIELDS {
			t.Errorf("got %v", err)
		}
	}
	b.must(second(b.send(m, f.row("id", "a", "more", "x"))))
}

func TestConnectionsEndAtTheirAge(t *testing.T) {
	b := start(t, bigquerylocal.Options{MaxConnectionAge: 50 * time.Millisecond, Grace: 10 * time.Millisecond})
	b.table("people", people(), "id")
	f := newForm(t, changes(people()))
	m := b.stream("people", managedwriter.DefaultStream, f, managedwriter.EnableWriteRetries(true))
	for i := range 20 {
		b.must(second(b.send(m, f.row("id", fmt.Sprint(i), "_CHANGE_TYPE", "UPSERT"))))
		time.Sleep(10 * time.Millisecond)
	}
	if d := cmp.Diff([]string{`[20]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
}

// Google's client tries again what it may: https://cloud.google.com/bigquery/docs/error-messages
func TestFaultsOfRESTStrikeOnSchedule(t *testing.T) {
	for _, f := range []bigquerylocal.Fault{
		{Kind: bigquerylocal.Reply, Status: 429}, {Kind: bigquerylocal.Reply, Status: 500}, {Kind: bigquerylocal.Reply, Status: 503},
		{Kind: bigquerylocal.Reply, Status: 403, Reason: "rateLimitExceeded"}, {Kind: bigquerylocal.Slow, Delay: 10 * time.Millisecond}, {Kind: bigquerylocal.Lose, Status: 503},
	} {
		t.Run(fmt.Sprint(f.Kind, " ", f.Status), func(t *testing.T) {
			t.Parallel()
			b := start(t, bigquerylocal.Options{})
			b.table("people", people())
			f.Method = "tables.get"
			struck := b.server.Fault(f)
			if _, err := b.client.Dataset(datasetID).Table("people").Metadata(b.ctx); err != nil {
				t.Error(err)
			}
			if n := struck.Hits(); n != 1 {
				t.Errorf("struck %d times", n)
			}
		})
	}
}

// A lost reply to jobs.insert leaves a job that runs: its id tells the client that tries again.
func TestALostReplyLeavesTheJob(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	b.server.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Lose, Method: "jobs.upload", Status: 400, Reason: "lost"})
	file := parquetFile(t, person{ID: "a"})
	if _, err := b.load("people", "lost", bigquery.Parquet, bytes.NewReader(file)); err == nil {
		t.Fatal("the reply came")
	}
	_, err := b.load("people", "lost", bigquery.Parquet, bytes.NewReader(file))
	if e := apiError(t, err); e.Code != 409 {
		t.Errorf("got %v", err)
	}
	job, err := b.client.JobFromID(b.ctx, "lost")
	b.must(err)
	s, err := job.Wait(b.ctx)
	b.must(err)
	b.must(s.Err())
	if d := cmp.Diff([]string{`["a"]`}, b.query("SELECT id FROM calls.people")); d != "" {
		t.Error(d)
	}
}

func TestAJobFailsAsAsked(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	b.server.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "jobs.run", Status: 503, Message: "no slots"})
	_, err := b.load("people", "", bigquery.Parquet, bytes.NewReader(parquetFile(t, person{ID: "a"})))
	if err == nil || !strings.Contains(err.Error(), "no slots") || !strings.Contains(err.Error(), "backendError") {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff([]string{`[0]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
}
