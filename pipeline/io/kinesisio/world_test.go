package kinesisio

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/testkit/kinesisfake"
)

// world is a service, what was put into it, and a job that reads, all at the mercy of the dice.
type world struct {
	t       *rapid.T
	clock   *kinesisfake.ManualClock
	fake    *kinesisfake.Server
	streams []Stream
	arrived map[string]int64 // records, by arrival
	n       int
	safe    []Batch // of earlier jobs: what the present one goes on behind
	job     *runner
}

// newWorld makes a world of streams with the same shard ids.
func newWorld(t *rapid.T, streams int, consumer string) *world {
	w := &world{t: t, clock: kinesisfake.NewManualClock(epoch), arrived: map[string]int64{}}
	w.fake = kinesisfake.New(kinesisfake.Options{Clock: w.clock, LateEnd: rapid.Bool().Draw(t, "late end")})
	if err := w.fake.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range streams {
		name := fmt.Sprintf("stream-%d", i)
		w.fake.CreateStream(name, rapid.IntRange(1, 3).Draw(t, "shards"))
		w.streams = append(w.streams, Stream{Name: name, Endpoint: w.fake.URL, Consumer: consumer})
	}
	w.begin()
	return w
}

func (w *world) close() {
	w.job.close()
	w.fake.Close()
}

// begin begins a job behind what is safe.
func (w *world) begin() {
	w.job = newRunner(w.t, w.clock, w.streams, ReadPositions(positions(w.safe)), ReadPollInterval(0), ReadSubscribeInterval(0))
}

func (w *world) stream() string {
	return rapid.SampledFrom(w.streams).Draw(w.t, "stream").Name
}

// put puts records into a stream, some of them packed into one.
func (w *world) put() {
	stream := w.stream()
	for range rapid.IntRange(1, 20).Draw(w.t, "records") {
		key := fmt.Sprint(rapid.IntRange(0, 50).Draw(w.t, "key"))
		users := []string{w.text()}
		data := []byte(users[0])
		if rapid.IntRange(0, 3).Draw(w.t, "packed") == 0 {
			for range rapid.IntRange(0, 3).Draw(w.t, "users") {
				users = append(users, w.text())
			}
			data = pack(users...)
		}
		now := w.clock.Now().UnixMilli()
		w.fake.Put(stream, kinesisfake.Record{PartitionKey: key, Data: data})
		for _, u := range users {
			w.arrived[u] = now
		}
	}
	w.check("a put")
}

func (w *world) text() string {
	w.n++
	return fmt.Sprintf("record %d", w.n)
}

// pass lets time pass.
func (w *world) pass() {
	w.clock.Advance(time.Duration(rapid.IntRange(1, 2000).Draw(w.t, "ms")) * time.Millisecond)
}

// passLong lets iterators and subscriptions grow old.
func (w *world) passLong() { w.clock.Advance(6 * time.Minute) }

// reshard splits or merges shards.
func (w *world) reshard() {
	stream := w.stream()
	var open []kinesisfake.Shard
	for _, s := range w.fake.Shards(stream) {
		if s.Open {
			open = append(open, s)
		}
	}
	if rapid.Bool().Draw(w.t, "hidden") {
		w.fake.HideNewShards(stream, rapid.IntRange(1, 4).Draw(w.t, "listings"))
	}
	if len(open) > 5 || len(w.fake.Shards(stream)) > 30 {
		return
	}
	if len(open) > 1 && rapid.Bool().Draw(w.t, "merge") {
		w.fake.Reshard(stream, len(open)-1)
		return
	}
	w.fake.Split(stream, rapid.SampledFrom(open).Draw(w.t, "shard").ID)
}

// trouble lets some calls fail.
func (w *world) trouble() {
	w.fake.Inject(kinesisfake.Fault{
		Operation: rapid.SampledFrom([]string{"GetRecords", "GetShardIterator", "ListShards", "SubscribeToShard", ""}).Draw(w.t, "operation"),
		Count:     rapid.IntRange(1, 5).Draw(w.t, "count"),
		Error: rapid.SampledFrom([]string{
			"ProvisionedThroughputExceededException", "LimitExceededException", "KMSThrottlingException", "InternalFailureException",
		}).Draw(w.t, "error"),
	})
	w.fake.Inject(kinesisfake.Fault{Operation: "GetRecords", Count: rapid.IntRange(1, 3).Draw(w.t, "empty"), Empty: true})
	w.fake.Inject(kinesisfake.Fault{Operation: "GetRecords", Count: 1, DropAfter: true})
}

func (w *world) expire() {
	w.fake.ExpireIterators()
	w.fake.CutSubscriptions()
}

// round lets the job look at everything, in one bundle or in several.
func (w *world) round() {
	apart := rapid.Bool().Draw(w.t, "bundles")
	w.job.read.StartBundle(w.t.Context(), nil)
	for i := range w.job.streams {
		if rapid.Bool().Draw(w.t, "list") {
			w.must(w.job.list(i))
		}
	}
	for i := range w.job.shards {
		if rapid.IntRange(0, 3).Draw(w.t, "look") > 0 {
			w.must(w.job.look(i, apart))
			w.check("a look")
		}
	}
	w.check("a round")
	time.Sleep(time.Millisecond) // for the readers
}

// fail lets the job look at some shards in one bundle, of which the runner keeps nothing.
func (w *world) fail() {
	n := len(w.job.batches)
	before := map[int]element[shard, progress]{}
	w.job.read.StartBundle(w.t.Context(), nil)
	for i, e := range w.job.shards {
		if rapid.IntRange(0, 3).Draw(w.t, "look") > 0 {
			before[i] = *e
			w.must(w.job.look(i, false))
		}
	}
	for i, e := range before {
		*w.job.shards[i] = e
	}
	w.job.batches, w.job.times = w.job.batches[:n:n], w.job.times[:n:n]
	w.check("a bundle that failed")
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}

// restart kills the job when only some of what it handed on is safe, and begins another behind that.
func (w *world) restart() {
	w.job.close()
	n := rapid.IntRange(0, len(w.job.batches)).Draw(w.t, "safe")
	w.safe = append(w.safe, w.job.batches[:n]...)
	w.begin()
}

// handed returns what came of the history that ends with the present job.
func (w *world) handed() []Batch { return append(w.safe[:len(w.safe):len(w.safe)], w.job.batches...) }

// check holds the watermarks against what is not handed on yet.
func (w *world) check(after string) {
	w.t.Helper()
	oldest, which := int64(math.MaxInt64), ""
	got := map[string]bool{}
	for _, text := range texts(w.handed()) {
		got[text] = true
	}
	for text, at := range w.arrived {
		if !got[text] && at < oldest {
			oldest, which = at, text
		}
	}
	for _, e := range w.job.streams {
		if len(w.job.shards) > 0 && e.watermark > oldest && !w.listed(which) {
			w.t.Fatalf("after %s the list of %s has the watermark %d, but %s arrived at %d", after, e.elem.ID(), e.watermark, which, oldest)
		}
	}
	for _, e := range w.job.shards {
		if e.watermark > oldest && !e.done {
			w.t.Fatalf("after %s %s of %s has the watermark %d, but %s arrived at %d", after, e.elem.ID, e.elem.Stream.ID(), e.watermark, which, oldest)
		}
	}
}

// listed tells nothing about a record: what is in a listed shard is for the shards' watermarks to hold.
func (w *world) listed(string) bool { return true }

// finish lets the job read everything, and holds it against what was put in.
func (w *world) finish() {
	var want []string
	for text := range w.arrived {
		want = append(want, text)
	}
	deadline := time.Now().Add(time.Minute)
	for len(texts(w.handed())) < len(want) && time.Now().Before(deadline) {
		w.must(w.job.round())
		w.check("the end")
		w.clock.Advance(100 * time.Millisecond)
		time.Sleep(time.Millisecond)
	}
	w.must(w.job.round())
	if diff := cmp.Diff(sorted(want), sorted(texts(w.handed()))); diff != "" {
		w.t.Fatalf("records (-put +handed on):\n%s", diff)
	}
	last := map[string]string{}
	for _, b := range w.handed() {
		key := Key(b.Stream, b.Shard)
		for _, s := range b.Sequences {
			number, _, _ := strings.Cut(s, ".")
			if compareSequences(number, last[key]) < 0 {
				w.t.Fatalf("%s: record %s came behind %s", key, s, last[key])
			}
			last[key] = number
		}
	}
	for _, b := range w.job.batches {
		if b.GapTo != 0 {
			w.t.Fatalf("gap from %d to %d where nothing fell out", b.GapFrom, b.GapTo)
		}
	}
}
