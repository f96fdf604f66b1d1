package pipeline

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/source/file"
	"flexbeam/simulate"
)

// asOf is within the simulated day.
var asOf = time.Date(2026, 3, 2, 17, 20, 0, 0, time.UTC)

// day is a simulated day in files: mixed forms with disorder, duplicates and dirty records, plain
// and packed; records that contradict others; and all events again as the REST log has them.
type day struct {
	dir    string
	inputs map[string][]byte // by path
	tables history.Tables    // what a fold in memory makes of them
}

var (
	theDay  day
	drawDay sync.Once
)

// simulated returns the day, drawn once.
func simulated(t *testing.T) day {
	t.Helper()
	drawDay.Do(func() {
		dir, err := os.MkdirTemp("", "flexbeam-day-")
		if err != nil {
			t.Fatal(err)
		}
		theDay = day{dir: dir, inputs: map[string][]byte{}}
		c := simulate.DefaultConfig()
		c.Seed, c.Tasks, c.Accounts, c.Form = 7, 300, 2, simulate.Mixed
		c.Disorder, c.Duplicates, c.Dirty = 10*time.Minute, 0.05, 0.02
		mixed := written(t, c)
		half := bytes.IndexByte(mixed[len(mixed)/2:], '\n') + len(mixed)/2 + 1
		c.Form = simulate.REST
		for name, data := range map[string][]byte{
			"1.ndjson": mixed[:half], "2.ndjson.gz": zipped(t, mixed[half:]), "3.ndjson": contradicting(t, mixed), "4.ndjson": written(t, c),
		} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if name == "2.ndjson.gz" {
				data = mixed[half:]
			}
			theDay.inputs[path] = data
		}
		theDay.tables = history.FoldFiles(theDay.inputs, history.Options{AsOf: asOf.UnixMilli()})
	})
	if theDay.tables == nil {
		t.Fatal("the day could not be drawn")
	}
	return theDay
}

func written(t *testing.T, c simulate.Config) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := simulate.Write(context.Background(), c, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// contradicting returns other records of some events, in the form in which they were sent.
func contradicting(t *testing.T, lines []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	n := 0
	for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
		var r map[string]any
		if json.Unmarshal(line, &r) != nil {
			continue
		}
		data, _ := r["data"].(map[string]any)
		payload, ok := data["payload"].(map[string]any)
		if n++; !ok || n%20 > 0 {
			continue
		}
		payload["task_queue_name"], payload["worker_name"] = "another queue", "another name"
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	if b.Len() == 0 {
		t.Fatal("no record is contradicted")
	}
	return b.Bytes()
}

// run runs a job over the day with small batches.
func run(ctx context.Context, t *testing.T, o Options, chunk int64) (Summary, error) {
	t.Helper()
	o.AsOf = asOf
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	j.source.(*file.Source).ChunkSize = chunk
	return j.Run(ctx)
}

func TestEveryWayToRunADayGivesTheTablesOfTheFold(t *testing.T) {
	d := simulated(t)
	for table, least := range map[string]int{"engagements": 600, "agents": 5, "agent_status": 100, "customers": 100, "dead_letters": 50} {
		if n := len(d.tables[table]); n < least {
			t.Fatalf("the day has only %d rows of %s", n, table)
		}
	}
	source := "file:" + filepath.Join(d.dir, "*.ndjson*")
	tests := []struct {
		name    string
		options Options
		chunk   int64
	}{
		{"direct, batch", Options{Source: source, Runner: Direct}, 64 << 10},
		{"direct, batch, large chunks", Options{Source: source, Runner: Direct, Mode: Batch}, 1 << 30},
		{"auto", Options{Source: source}, 64 << 10},
		{"prism, batch", Options{Source: source, Runner: Prism, Mode: Batch}, 256 << 10},
		{"prism, stream", Options{Source: source, Runner: Prism, Mode: Stream}, 256 << 10},
		{"prism, stream, the watermark close behind", Options{Source: source + "?lateness=10m", Mode: Stream, FlushEvery: 100 * time.Millisecond}, 256 << 10},
	}
	var first *Summary
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store := history.NewStore()
			test.options.Sink = memory(store)
			sum, err := run(context.Background(), t, test.options, test.chunk)
			if err != nil {
				t.Fatal(err)
			}
			if diff := history.Diff(d.tables, store.Tables()); diff != "" {
				t.Errorf("%.5000s", diff)
			}
			for table, rows := range d.tables {
				if sum.Rows[table] != int64(len(rows)) {
					t.Errorf("the summary says %d rows of %s", sum.Rows[table], table)
				}
			}
			if sum.Records != sum.Events+sum.Dropped+sum.DeadLetters || sum.DeadLetters != int64(len(d.tables["dead_letters"])) || sum.Duplicates <= sum.Events/3 || sum.EventsPerSecond() <= 0 {
				t.Errorf("the summary does not add up: %+v", sum)
			}
			sum.Elapsed = 0
			if first == nil {
				first = &sum
			} else if diff := cmp.Diff(*first, sum); diff != "" {
				t.Errorf("summary (-first +this):\n%s", diff)
			}
		})
	}
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
