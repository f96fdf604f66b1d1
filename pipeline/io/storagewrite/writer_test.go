package storagewrite_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/io/storagewrite"
)

func TestTheMutationWithTheGreatestSequenceNumberStays(t *testing.T) {
	s := serve(t)
	w, table := s.writer(none(t))
	for _, m := range []storagewrite.Mutation{
		s.upsert("a", 1, 1), s.upsert("a", 2, 3), s.upsert("a", 3, 2),
		s.upsert("b", 1, 1, 9), s.upsert("b", 2, 1, 10), s.upsert("b", 3, 0, 1<<63),
		s.upsert("c", 1, 5), s.remove("c", 6), s.upsert("c", 2, 5),
		s.remove("d", 5), s.upsert("d", 1, 1<<63),
		s.upsert("e", 1, 0, 0, 0, 1), s.upsert("e", 2, 0, 0, 0, 2), s.upsert("e", 3),
	} {
		must(t, table.Write(t.Context(), m))
	}
	must(t, w.Flush(t.Context()))
	if d := cmp.Diff(map[string]int64{"a": 2, "b": 2, "d": 1, "e": 2}, s.amounts()); d != "" {
		t.Error(d)
	}
	if err := table.Write(t.Context(), s.upsert("a", 1, 1, 2, 3, 4, 5)); !errors.Is(err, storagewrite.ErrSchema) {
		t.Errorf("five sections: %v", err)
	}
}

func TestRefusedMutationsComeBackAndTheRestIsWritten(t *testing.T) {
	s := serve(t)
	var mu sync.Mutex
	var got []storagewrite.Refused
	w, table := s.writer(func(r []storagewrite.Refused) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r...)
		return nil
	})
	b, err := s.encoder.Encode(map[string]any{"amount": 7}) // without its key
	must(t, err)
	bad := storagewrite.Mutation{Row: b, Sequence: []uint64{7, 1<<64 - 1}, Delete: true}
	b, err = s.encoder.Encode(map[string]any{"id": "large", "note": strings.Repeat("x", 10<<20)})
	must(t, err)
	large := storagewrite.Mutation{Row: b}
	for _, m := range []storagewrite.Mutation{s.upsert("a", 1, 1), bad, s.upsert("b", 2, 1), large, s.upsert("c", 3, 1)} {
		must(t, table.Write(t.Context(), m))
	}
	must(t, w.Flush(t.Context()))
	if d := cmp.Diff(map[string]int64{"a": 1, "b": 2, "c": 3}, s.amounts()); d != "" {
		t.Error(d)
	}
	if len(got) != 2 {
		t.Fatalf("%d are refused", len(got))
	}
	if got[0].Mutation.Sequence == nil {
		got[0], got[1] = got[1], got[0]
	}
	if d := cmp.Diff(bad, got[0].Mutation); d != "" || got[0].Reason == "" {
		t.Errorf("%q %s", got[0].Reason, d)
	}
	if !cmp.Equal(large, got[1].Mutation) || !strings.Contains(got[1].Reason, "10 MB") {
		t.Errorf("the large row: %q", got[1].Reason)
	}
}

func TestWhatFailsIsSentAgain(t *testing.T) {
	for _, f := range []bigquerylocal.Fault{
		{Kind: bigquerylocal.Lose, Method: "AppendRows", Every: 3, Times: 4},
		{Kind: bigquerylocal.Break, Method: "AppendRows", Code: codes.Aborted, Every: 3, Times: 4},
		{Kind: bigquerylocal.Reply, Method: "AppendRows", Code: codes.ResourceExhausted, Every: 2, Times: 4},
		{Kind: bigquerylocal.GoAway, Method: "AppendRows", Every: 4, Times: 2},
		{Kind: bigquerylocal.Reply, Method: "GetWriteStream", Times: 2},
	} {
		t.Run(fmt.Sprintf("%d of %s", f.Kind, f.Method), func(t *testing.T) {
			s := serve(t)
			struck := s.Fault(f)
			w, table := s.writer(none(t))
			want := map[string]int64{}
			for i := range 12 {
				id := fmt.Sprint("k", i%5)
				want[id] = int64(i)
				must(t, table.Write(t.Context(), s.upsert(id, i, uint64(i))))
				must(t, w.Flush(t.Context()))
			}
			if d := cmp.Diff(want, s.amounts()); d != "" {
				t.Error(d)
			}
			if struck.Hits() == 0 {
				t.Error("nothing was disturbed")
			}
		})
	}
}

func TestErrorsThatDoNotPassSayWhatToDo(t *testing.T) {
	tests := []struct {
		name  string
		fault *bigquerylocal.Fault
		table string
		kind  error
		text  string
	}{
		{"no such table", nil, "local-project.shop.nothing", storagewrite.ErrTable, "create the table first"},
		{"no rights", &bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "AppendRows", Code: codes.PermissionDenied, Times: -1}, name, storagewrite.ErrAccess, "BigQuery Data Editor"},
		{"no credentials", &bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "AppendRows", Code: codes.Unauthenticated, Times: -1}, name, storagewrite.ErrCredentials, "Application Default Credentials"},
		{"never an answer", &bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "AppendRows", Code: codes.Internal, Times: -1}, name, storagewrite.ErrUnavailable, ""},
		{"another schema", nil, "local-project.shop.other", storagewrite.ErrSchema, "compare the columns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t)
			_, err := s.Query(project, "CREATE TABLE shop.other (id STRING NOT NULL, amount STRING, note STRING, PRIMARY KEY (id) NOT ENFORCED)")
			must(t, err)
			if tt.fault != nil {
				s.Fault(*tt.fault)
			}
			w, err := storagewrite.NewWriter(project, s.options(storagewrite.WriteRetry(300*time.Millisecond))...)
			must(t, err)
			defer w.Close(t.Context())
			table, err := w.Table(tt.table, s.encoder.Descriptor(), none(t))
			must(t, err)
			must(t, table.Write(t.Context(), s.upsert("a", 1)))
			err = w.Flush(t.Context())
			var e *storagewrite.Error
			if !errors.Is(err, tt.kind) || !errors.As(err, &e) || !strings.HasSuffix(e.Table, strings.TrimPrefix(tt.table, "local-project.shop.")) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v", err)
			}
			if again := table.Write(t.Context(), s.upsert("b", 1)); again != err {
				t.Errorf("then %v", again)
			}
		})
	}
}

func TestAWriterGivesUpSoonWhenNothingListens(t *testing.T) {
	s := serve(t)
	w, err := storagewrite.NewWriter(project, storagewrite.WriteEndpoint("127.0.0.1:1"), storagewrite.WritePlaintext(), storagewrite.WriteRetry(100*time.Millisecond))
	must(t, err)
	defer w.Close(t.Context())
	table, err := w.Table(name, s.encoder.Descriptor(), none(t))
	must(t, err)
	must(t, table.Write(t.Context(), s.upsert("a", 1)))
	if err := w.Flush(t.Context()); !errors.Is(err, storagewrite.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsStoredAtOnceIsThere(t *testing.T) {
	s := serve(t)
	var other *storagewrite.Table
	w, table := s.writer(func(refused []storagewrite.Refused) error {
		return other.Store(t.Context(), []storagewrite.Mutation{s.upsert("refused", len(refused))})
	})
	var err error
	other, err = w.Table(name, s.encoder.Descriptor(), none(t))
	must(t, err)
	must(t, other.Store(t.Context(), []storagewrite.Mutation{s.upsert("a", 1, 1), s.upsert("a", 2, 2), s.remove("b", 1)}))
	if d := cmp.Diff(map[string]int64{"a": 2}, s.amounts()); d != "" {
		t.Error(d)
	}
	b, err := s.encoder.Encode(map[string]any{"amount": 7})
	must(t, err)
	must(t, table.Write(t.Context(), storagewrite.Mutation{Row: b}))
	must(t, w.Flush(t.Context()))
	if d := cmp.Diff(map[string]int64{"a": 2, "refused": 1}, s.amounts()); d != "" {
		t.Error(d)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Slow, Method: "AppendRows", Delay: 200 * time.Millisecond})
	if err := other.Store(ended, []storagewrite.Mutation{s.upsert("late", 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that nobody waits for: %v", err)
	}
}

func TestNamesAndDescriptorsAreChecked(t *testing.T) {
	s := serve(t)
	w, table := s.writer(none(t))
	for _, bad := range []string{"", "orders", "shop.orders", "a b.c.d", "projects/p/datasets/d"} {
		if _, err := w.Table(bad, s.encoder.Descriptor(), nil); !errors.Is(err, storagewrite.ErrTable) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := w.Table(name, nil, nil); !errors.Is(err, storagewrite.ErrSchema) {
		t.Errorf("no descriptor: %v", err)
	}
	must(t, w.Close(t.Context()))
	if err := table.Write(t.Context(), s.upsert("a", 1)); !errors.Is(err, storagewrite.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
