package kinesis

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/record"
)

// kept is a checkpoint in memory.
type kept struct {
	values map[string][]byte
	synced int
}

func (k *kept) Load() map[string][]byte { return maps.Clone(k.values) }
func (k *kept) Delete(key string)       { delete(k.values, key) }

func (k *kept) Save(key string, value []byte) error {
	k.values[key] = value
	return nil
}

func (k *kept) Sync() error {
	k.synced++
	return nil
}

// begun begins a source over a checkpoint, and returns what it logs.
func begun(t *testing.T, uri string, k *kept, torn bool) (*reading, string) {
	t.Helper()
	src, err := source.Open(uri)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c, err := src.(source.Unbounded).Begin(t.Context(), source.Begin{
		Job: t.Name(), Checkpoint: k, Durable: true, Torn: torn, AddStream: true, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	return c.(*reading), log.String()
}

func TestAStartOfLatestIsKeptAsATimeAndIsTheSameInEveryProcess(t *testing.T) {
	clock := kinesisfake.NewManualClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	f := kinesisfake.New(kinesisfake.Options{Clock: clock})
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.CreateStream("s", 1)
	uri := "kinesis:s?start=latest&endpoint=" + f.URL
	k := &kept{values: map[string][]byte{}}
	r, _ := begun(t, uri, k, false)
	want := kinesisio.Start{AtMS: clock.Now().UnixMilli()}
	if r.streams[0].Start.Latest || want.AtMS-r.streams[0].Start.AtMS > 2000 || k.synced != 1 {
		t.Errorf("begun at %v, with %d syncs", r.streams[0].Start, k.synced)
	}
	if diff := cmp.Diff([]string{record.Key("kinesis:s", ""), record.Key("read:s", "")}, slices.Sorted(maps.Keys(k.values))); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	want = r.streams[0].Start
	clock.Advance(time.Hour)
	if r, _ = begun(t, uri, k, false); r.streams[0].Start != want || k.synced != 1 {
		t.Errorf("the next process begins at %v, want %v", r.streams[0].Start, want)
	}
	old := &kept{values: map[string][]byte{"start:s": []byte(want.String())}} // as an earlier version kept it
	if r, _ = begun(t, uri, old, false); r.streams[0].Start != want {
		t.Errorf("from what an earlier version kept it begins at %v, want %v", r.streams[0].Start, want)
	}
	r, log := begun(t, uri, &kept{values: map[string][]byte{}}, true)
	if r.streams[0].Start != (kinesisio.Start{}) || !strings.Contains(log, "all that the stream still has is read") {
		t.Errorf("from a torn checkpoint it begins at %v: %s", r.streams[0].Start, log)
	}
}

func TestPositionsAreReadFromTheCheckpointAndOthersAreTold(t *testing.T) {
	k := &kept{values: map[string][]byte{
		record.Key("kinesis:eu-west-1/s", "shard"): []byte(`{"Sequence":"7","UpTo":5}`),
		record.Key("other:x", "y"):                 []byte("of another source"),
	}}
	r, log := begun(t, "kinesis:s?endpoint=http://127.0.0.1:1", k, false)
	if diff := cmp.Diff(map[string]kinesisio.Position{"eu-west-1/s/shard": {Sequence: "7", UpTo: 5}}, r.began); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
	if !strings.Contains(log, "eu-west-1/s/shard") {
		t.Errorf("the log: %s", log)
	}
	if key := positionKey("eu-west-1/s/shard"); key != record.Key("kinesis:eu-west-1/s", "shard") {
		t.Errorf("it is kept under %q", key)
	}
	k.values[record.Key("kinesis:s", "shard")] = []byte("{")
	src, err := source.Open("kinesis:s")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.(source.Unbounded).Begin(context.Background(), source.Begin{Checkpoint: k, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a position that is broken is taken")
	}
}

// A checkpoint belongs to its streams, also to those in which nothing has arrived yet.
func TestACheckpointOfOtherStreamsIsRefusedUnlessTheyAreAdded(t *testing.T) {
	const at = "?endpoint=http://127.0.0.1:1"
	begin := func(k *kept, uri string, add bool) error {
		src, err := source.Open(uri + at)
		if err != nil {
			t.Fatal(err)
		}
		c, err := src.(source.Unbounded).Begin(t.Context(), source.Begin{
			Job: t.Name(), Checkpoint: k, Durable: true, AddStream: add, Log: slog.New(slog.DiscardHandler),
		})
		if err == nil {
			err = c.Close()
		}
		return err
	}
	k := &kept{values: map[string][]byte{}}
	for _, step := range []struct {
		uri    string
		add    bool
		refuse string
	}{
		{"kinesis:a,b", false, ""},
		{"kinesis:a,b", false, ""},
		{"kinesis:b", false, ""}, // one is left out
		{"kinesis:c", false, "holds the state of a, b, and not of c"},
		{"kinesis:a,c", false, "not of c: give c a state directory of its own"},
		{"kinesis:a,c", true, ""},
		{"kinesis:c", false, ""}, // it is known now
	} {
		err := begin(k, step.uri, step.add)
		if (err != nil) != (step.refuse != "") || err != nil && (!strings.Contains(err.Error(), step.refuse) || !strings.Contains(err.Error(), "--add-stream")) {
			t.Errorf("%s, add %t: %v, want %q", step.uri, step.add, err, step.refuse)
		}
	}
	older := &kept{values: map[string][]byte{record.Key("kinesis:a", "shard"): []byte(`{"Sequence":"7","UpTo":5}`)}} // of an earlier version
	if err := begin(older, "kinesis:c", false); err == nil {
		t.Error("the positions of another stream are taken over")
	}
	if err := begin(older, "kinesis:a", false); err != nil {
		t.Error(err)
	}
}

func TestAStreamThatIsReadNoLongerDoesNotHoldTheTimeUpToWhichAllWasRead(t *testing.T) {
	read := []kinesisio.Stream{{Name: "a"}, {Name: "b", As: "eu-west-1/b"}}
	tests := []struct {
		name      string
		positions map[string]kinesisio.Position
		want      int64
		known     bool
	}{
		{"the least of its own", map[string]kinesisio.Position{"a/0": {UpTo: 7}, "a/1": {UpTo: 5}, "eu-west-1/b/0": {UpTo: 6}}, 5, true},
		{"a closed one", map[string]kinesisio.Position{"a/0": {UpTo: 7}, "a/1": {UpTo: 5, Done: true}}, 7, true},
		{"another stream", map[string]kinesisio.Position{"a/0": {UpTo: 7}, "c/0": {UpTo: 3}, "eu-west-1/c/0": {UpTo: 3}}, 7, true},
		{"another stream whose name begins alike", map[string]kinesisio.Position{"a/0": {UpTo: 7}, "ab/0": {UpTo: 3}, "a/b/0": {UpTo: 3}}, 7, true},
		{"only others", map[string]kinesisio.Position{"c/0": {UpTo: 3}}, 0, false},
		{"one that is not known", map[string]kinesisio.Position{"a/0": {UpTo: 7}, "a/1": {}}, 0, false},
	}
	for _, tt := range tests {
		if got, known := lowest(tt.positions, read); known != tt.known || known && got != tt.want {
			t.Errorf("%s: %d, %t, want %d, %t", tt.name, got, known, tt.want, tt.known)
		}
	}
}
