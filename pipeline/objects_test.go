package pipeline

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/objectlocal"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/source/file"
	"flexbeam/runners/flink"
	"flexbeam/runners/portable"
	"flexbeam/transforms/keyed/beamstate"
)

// stored puts the files of a day into a bucket, and returns the tables of the fold of the objects.
func stored(t *testing.T, s *objectlocal.Server) (bucket string, want history.Tables) {
	t.Helper()
	bucket = s.Bucket(t)
	inputs := map[string][]byte{}
	for path, data := range simulated(t).inputs {
		packed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		url := bucket + "flex/2026/03/02/" + filepath.Base(path)
		s.Put(t, url, packed)
		inputs[url] = data
	}
	return bucket, history.FoldFiles(inputs, history.Options{AsOf: asOf.UnixMilli()})
}

// Connections break all the time, and servers refuse calls: the tables are those of the fold, with the
// URLs of the objects in dead letters.
func TestObjectsGiveTheTablesOfTheFold(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket, want := stored(t, s)
		if letters := want.Rows("dead_letters"); len(letters) == 0 || !strings.HasPrefix(letters[0]["position"], bucket) {
			t.Fatalf("%d dead letters", len(letters))
		}
		calls := 0
		p := objectlocal.NewProxy(t, s, func(*http.Request) objectlocal.Fault {
			calls++
			return objectlocal.Fault{Cut: int64(calls%3) * 300_000, Status: []int{0, 0, 0, 503, 0, 0}[calls%6]}
		})
		for _, test := range []struct {
			name, source string
			options      Options
			chunk        int64
		}{
			{"direct, batch", bucket + "flex/", Options{Runner: Direct}, file.ChunkSize},
			{"direct, batch, small chunks", "file:" + bucket + "**", Options{Runner: Direct}, 64 << 10},
			{"prism, batch", bucket + "flex/*/*/*/*", Options{Runner: Prism, Mode: Batch}, 256 << 10},
			{"prism, stream", bucket + "flex/2026/", Options{Runner: Prism, Mode: Stream}, 256 << 10},
		} {
			t.Run(test.name, func(t *testing.T) {
				got := history.NewStore()
				o := test.options
				o.Source, o.Sink = test.source+p.Options(), memory(got)
				if _, err := run(context.Background(), t, o, test.chunk); err != nil {
					t.Fatal(err)
				}
				if d := history.Diff(want, got.Tables()); d != "" {
					t.Errorf("%.3000s", d)
				}
			})
		}
	})
}

func TestAnObjectThatChangesFailsTheJobAndIsNamed(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket, _ := stored(t, s)
		for _, runner := range []string{Direct, Prism} {
			j, err := New(Options{Source: bucket + "flex/" + s.Options(), Sink: memory(history.NewStore()), Runner: runner})
			if err != nil {
				t.Fatal(err)
			}
			url := bucket + "flex/2026/03/02/1.ndjson"
			s.Put(t, url, []byte(runner+"\n"))
			if _, err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), url) || !strings.Contains(err.Error(), "changed or deleted") {
				t.Errorf("%s: %v", runner, err)
			}
		}
	})
}

func TestWhatWasWrittenAtAnotherTimeIsNotRead(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket := s.Bucket(t)
		line := []byte("no event\n")
		for _, path := range []string{"flex/2026/02/10/08/a", "flex/2026/03/01/08/b", "flex/2026/03/02/08/c", "date=2026-03-02/d", "date=2026-03-09/e", "f"} {
			s.Put(t, bucket+path, line)
		}
		day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
		for _, test := range []struct {
			within source.Span
			want   string
		}{
			{source.Span{}, "a b c d e f"},
			{source.Span{From: day(2), To: day(3)}, "c d f"},
			{source.Span{From: day(3)}, "d e f"},
			{source.Span{To: day(1)}, "a b c d f"},
		} {
			src, err := openSource(bucket+s.Options(), test.within)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range src.(*file.Source).Files {
				got = append(got, f.Path[strings.LastIndexByte(f.Path, '/')+1:])
			}
			slices.Sort(got)
			if names := strings.Join(got, " "); names != test.want {
				t.Errorf("%v: %q, want %q", test.within, names, test.want)
			}
		}
		_, err := New(Options{Source: bucket + "flex/" + s.Options(), Sink: memory(history.NewStore()), From: day(36), To: day(37)})
		if err == nil || !strings.Contains(err.Error(), "at another time") {
			t.Errorf("nothing is left: %v", err)
		}
	})
}

// Workers of Flink have other disks, and the same object storage.
func TestJobsOnFlinkReadObjectsAndNoFilesOfThisMachine(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket, _ := stored(t, s)
		remote := flink.NewOptions()
		remote.Endpoint, remote.REST, remote.Environment, remote.Worker = "localhost:1", "localhost:2", flink.External, "localhost:3"
		o := Options{Source: small(t), Sink: memory(history.NewStore()), Runner: Flink, Flink: remote}
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "reads files of this machine") {
			t.Errorf("a file: %v", err)
		}
		for _, mode := range []string{Batch, Stream} {
			o.Source, o.Mode = "file:"+bucket+"flex/"+s.Options(), mode
			j, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			graph := graphOf(t, o, j.driver(), "localhost:3")
			if err := portable.Check(graph, portable.Forbidden{What: "the secret", Text: "local-secret"}); err != nil {
				t.Errorf("%s: %v", mode, err)
			}
		}
		o.Source = small(t) + "," + bucket + "flex/" + s.Options()
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "reads files of this machine") {
			t.Errorf("a file beside objects: %v", err)
		}
	})
}

// A job whose transforms are in another process reads objects there, with the credentials of its
// environment.
func TestAWorkerReadsObjects(t *testing.T) {
	s := objectlocal.StartS3(t)
	bucket, want := stored(t, s)
	dir := t.TempDir()
	o := Options{Source: bucket + "flex/" + s.Options(), Mode: Stream, AsOf: asOf, Sink: "jsonl:" + dir}
	graph := graphOf(t, o, beamstate.Driver{}, workerPool(t))
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	runElsewhere(ctx, t, graph)
	for _, table := range []string{"engagements", "dead_letters"} {
		if got := readLines(t, filepath.Join(dir, table+".jsonl")); len(got) != len(want[table]) {
			t.Errorf("%d rows of %s, want %d", len(got), table, len(want[table]))
		}
	}
}
