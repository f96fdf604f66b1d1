package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"flexbeam/internal/journal"
	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

const (
	second  = 1000
	hour    = 60 * 60 * second
	quarter = hour / 4
)

func TestEveryRecordOfAStreamIsUsedADuplicateDroppedOrADeadLetter(t *testing.T) {
	records := drawnDay(t, 3, 120, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 3)
	for len(records) > 0 { // some of them packed
		n := min(len(records), 1+len(records)%4)
		s.moveTo(records[n-1].Arrival.UnixMilli())
		var lines [][]byte
		for _, r := range records[:n] {
			lines = append(lines, r.Text)
		}
		if n > 2 {
			s.packed("s", lines...)
		} else {
			s.put("s", lines...)
		}
		records = records[n:]
	}
	for _, l := range []string{"{bad", "", "[]", `{"a":1}`, "\xff", "[" + string(s.lines[0]) + ",{bad"} {
		s.put("s", []byte(l))
	}
	s.put("s", history.Array(s.lines[1], []byte(`{"type":"com.twilio.eventstreams.test-event"}`), []byte("7")))
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, s.lines[0], "", "  "); err != nil {
		t.Fatal(err)
	}
	first := s.lines[0]
	s.put("s", pretty.Bytes())
	s.lines[len(s.lines)-1] = first // a file has a record a line
	want, sum := s.batch()
	if sum.DeadLetters < 10 || sum.Duplicates < 50 || sum.Dropped == 0 {
		t.Fatalf("the stream shows too little: %+v", sum)
	}
	for _, atOnce := range []bool{false, true} {
		t.Run(fmt.Sprintf("at once %t", atOnce), func(t *testing.T) {
			store := history.NewStore()
			r := begin(t, Options{Source: s.source("s"), Sink: memory(store), AtOnce: atOnce}, store)
			r.same(want)
			got := r.drain()
			if d := differ(want, store.Tables()); d != "" {
				t.Errorf("after the drain: %.3000s", d)
			}
			if got.Records != sum.Records || got.Events != sum.Events || got.Duplicates != sum.Duplicates || got.Dropped != sum.Dropped || got.DeadLetters != sum.DeadLetters || got.BadAttrs != sum.BadAttrs {
				t.Errorf("the stream gave %+v, a file %+v", got, sum)
			}
			if distinct := r.count().Distinct.Load(); distinct+got.Duplicates != got.Events {
				t.Errorf("%d events are %d distinct ones and %d copies", got.Events, distinct, got.Duplicates)
			}
			position := regexp.MustCompile(`^shardId-\d{12}:\d+(\.\d+)?(:\d+)?$`)
			for _, l := range store.Tables().Rows("dead_letters") {
				if l["source"] != "kinesis:s" || !position.MatchString(l["position"]) || !strings.HasPrefix(l["received_at"], "2026-03-02") {
					t.Errorf("a dead letter: %v", l)
				}
			}
		})
	}
}

func TestShardsSplitAndMergeWhileTheyAreReadAndWhileTheyAreNot(t *testing.T) {
	records := drawnDay(t, 5, 60, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store, state, read := history.NewStore(), t.TempDir(), int64(0)
	o := Options{Source: s.source("s"), Sink: memory(store), State: state}
	part := func() { // an eighth of the day
		n := (len(records) + 7) / 8
		s.arrive("s", records[:n])
		records = records[n:]
	}
	open := func(i int) string { // an open shard, in order of hash keys
		var all []kinesisfake.Shard
		for _, h := range s.Shards("s") {
			if h.Open {
				all = append(all, h)
			}
		}
		slices.SortFunc(all, func(a, b kinesisfake.Shard) int {
			return cmp.Or(len(a.HashKey)-len(b.HashKey), strings.Compare(a.HashKey, b.HashKey))
		})
		return all[i].ID
	}
	records = records[:len(records)/8*8]
	part()
	steps := []struct {
		name            string
		meanwhile, down func()
	}{
		{"a split while it is read, another while it is not", func() { s.Split("s", open(0)) }, func() { s.Split("s", open(2)) }},
		{"a merge while it is read, another while it is not", func() { s.Merge("s", open(0), open(1)) }, func() { s.Merge("s", open(1), open(2)) }},
		{"shards that live for a moment", func() { s.Reshard("s", 5); s.Reshard("s", 1) }, func() { s.Reshard("s", 3) }},
	}
	for _, step := range steps {
		r := begin(t, o, store)
		r.until(func() bool { return r.count().Records.Load() > 0 || len(r.count().Shards()) > 0 }, func() string { return step.name })
		step.meanwhile()
		part()
		read += r.drain().Records // whatever was read by then
		step.down()
		part()
	}
	for len(records) > 0 {
		part()
	}
	want, sum := s.batch()
	r := begin(t, o, store)
	r.same(want)
	read += r.drain().Records
	if d := differ(want, store.Tables()); d != "" {
		t.Errorf("after the drain: %.3000s", d)
	}
	if read != sum.Records {
		t.Errorf("%d records were read, %d were sent: a drain loses none and reads none again", read, sum.Records)
	}
}

func TestNoFaultOfTheServiceLosesARecord(t *testing.T) {
	records := drawnDay(t, 6, 60, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	faults := []kinesisfake.Fault{
		{Operation: "GetRecords", Error: kinesisfake.ThroughputExceeded, Every: 3, Count: 20},
		{Operation: "GetRecords", Error: kinesisfake.InternalFailure, Every: 7, Count: 5},
		{Operation: "GetRecords", Empty: true, Every: 2, Count: 20},
		{Operation: "GetRecords", DropAfter: true, Every: 5, Skip: 2, Count: 5},
		{Operation: "GetRecords", DropBefore: true, Every: 5, Skip: 3, Count: 5},
		{Operation: "GetShardIterator", Error: kinesisfake.ThroughputExceeded, Every: 2, Count: 5},
		{Operation: "ListShards", Error: kinesisfake.LimitExceeded, Every: 2, Count: 3},
		{Operation: "ListShards", DropAfter: true, Every: 3, Count: 2},
	}
	var injected []*kinesisfake.Injection
	for _, f := range faults {
		injected = append(injected, s.Inject(f))
	}
	store := history.NewStore()
	r := begin(t, Options{Source: s.source("s"), Sink: memory(store), State: t.TempDir()}, store)
	for n := len(records) / 10; len(records) > 0; records = records[min(n, len(records)):] {
		s.arrive("s", records[:min(n, len(records))])
		s.ExpireIterators()
		calls := s.Calls("GetRecords", "s", "")
		r.until(func() bool { return s.Calls("GetRecords", "s", "") > calls+2 }, func() string { return "further calls" })
	}
	want, sum := s.batch()
	r.same(want)
	for i, f := range injected {
		r.until(func() bool { return f.Hits() > 0 }, func() string { return fmt.Sprintf("%+v", faults[i]) })
	}
	r.until(func() bool { return r.count().Throttled.Load() > 0 && r.count().Expired.Load() > 0 },
		func() string { return "throttled calls and expired iterators among the counters" })
	if got := r.drain(); got.Records != sum.Records {
		t.Errorf("%d records were read, %d were sent", got.Records, sum.Records)
	}
	if d := differ(want, store.Tables()); d != "" {
		t.Errorf("after the drain: %.3000s", d)
	}
}

func TestQuarterHoursPassWhileAllShardsAreIdleAndThenBurst(t *testing.T) {
	s := newService(t, history.Start)
	s.CreateStream("s", 4)
	store := history.NewStore()
	r := begin(t, Options{Source: s.source("s"), Sink: memory(store), State: t.TempDir()}, store)
	s.put("s", events("8:00 activity was=Offline now=Break for=3600")...)
	r.read(1)
	s.moveTo(history.Start + quarter + 30*second)
	r.shows("agent_status", "interval_start activity seconds", "2026-03-02T08:00:00.000Z | Break | 900")
	s.moveTo(history.Start + 3*quarter + 30*second)
	r.shows("agent_status", "interval_start activity seconds",
		"2026-03-02T08:00:00.000Z | Break | 900", "2026-03-02T08:15:00.000Z | Break | 900", "2026-03-02T08:30:00.000Z | Break | 900")
	s.moveTo(history.Start + hour + 10*second)
	for i := range 200 { // a burst on all shards
		s.put("s", history.Lines(history.Parse(fmt.Sprintf("9:00:01 entered WT%[1]d EVa%[1]d\n9:00:02 created WT%[1]d WR%[1]d WK1 EVb%[1]d\n9:00:05 accepted WT%[1]d WR%[1]d WK1 EVc%[1]d", i+1)), history.Mixed)...)
	}
	s.put("s", events("9:00:09 activity EVz was=Break now=Offline for=3609")...)
	want, _ := s.batch()
	r.same(want)
	r.drain()
	if d := differ(want, store.Tables()); d != "" {
		t.Errorf("after the drain: %.3000s", d)
	}
}

func TestStreamsWithShardsOfTheSameNameAreKeptApart(t *testing.T) {
	s := newService(t, history.Start)
	s.CreateStream("a", 1)
	s.CreateStream("b", 1)
	lines := events("0 entered\n1 created\n9 accepted\n20 completed\n21 task.completed\n30 entered WT2 EVx\n35 task.canceled WT2 EVy")
	store, state := history.NewStore(), t.TempDir()
	o := Options{Source: s.source("a", "b"), Sink: memory(store), State: state}
	r := begin(t, o, store)
	s.put("a", lines[0], lines[2], []byte("{of a"))
	s.put("b", lines[1])
	r.read(4)
	r.drain()
	s.put("a", lines[3], lines[5])
	s.put("b", []byte("{of b"), lines[4], lines[6])
	r = begin(t, o, store)
	want, _ := s.batch()
	r.same(want)
	if got := r.drain(); got.Records != 5 {
		t.Errorf("the second job read %d records, want the 5 that the first did not", got.Records)
	}
	if got := store.Tables().Show("dead_letters", "source payload"); len(got) != 2 || got[0] != "kinesis:a | e29mIGE=" && !strings.HasPrefix(got[0], "kinesis:a") || !strings.HasPrefix(got[1], "kinesis:b") {
		t.Errorf("dead letters: %q", got)
	}
}

func TestRecordsThatAreGoneAreADeadLetterThatSaysFromWhenToWhen(t *testing.T) {
	s := newService(t, history.Start)
	s.CreateStream("s", 1)
	store, state := history.NewStore(), t.TempDir()
	o := Options{Source: s.source("s"), Sink: memory(store), State: state}
	r := begin(t, o, store)
	s.put("s", events("0 entered")...)
	r.read(1)
	r.drain()
	s.moveTo(history.Start + hour)
	s.put("s", events("3600 created EVgone")...)
	kept := s.lines[:1]
	s.moveTo(history.Start + 30*hour)
	s.put("s", events("3700 task.canceled EVlast")...)
	kept = append(kept[:1:1], s.lines[2])
	r = begin(t, o, store)
	r.read(1)
	r.until(func() bool { return len(store.Tables()["dead_letters"]) > 0 }, func() string { return "a dead letter" })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if r.sum.Records != 1 || r.sum.Events != 1 || r.sum.DeadLetters != 1 { // a gap is no record
		t.Errorf("the gap counts as %+v", r.sum)
	}
	letters := store.Tables().Rows("dead_letters")
	if len(letters) != 1 {
		t.Fatalf("dead letters: %v", letters)
	}
	l := letters[0]
	if l["error_class"] != "gap" || l["source"] != "kinesis:s" || !strings.HasPrefix(l["position"], "shardId-000000000000:gap:2026-03-02T0") ||
		!strings.Contains(l["error"], "from 2026-03-02T0") || !strings.Contains(l["error"], "to 2026-03-02T14:00:00") || l["received_at"] == "" {
		t.Errorf("the dead letter: %v", l)
	}
	want, _ := s.batchOf(kept)
	got := store.Tables()
	delete(got, "dead_letters")
	if d := differ(want, got); d != "" {
		t.Errorf("what was not gone: %.3000s", d)
	}
}

func TestOfAStreamThatReshardsTheStateHoldsTheShardsThatAreThereAlone(t *testing.T) {
	s := newService(t, history.Start)
	s.CreateStream("s", 1)
	var log bytes.Buffer // read when the job has ended
	store := history.NewStore()
	o := Options{Source: s.source("s"), Sink: memory(store), State: t.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil))}
	lines := events("0 entered\n1 created\n9 accepted\n20 completed\n21 task.completed\n30 entered WT2 EVx\n35 task.canceled WT2 EVy")
	j := ready(t, o)
	j.lookEvery = 100 * time.Millisecond
	r := start(t, j, store)
	s.put("s", lines[:2]...)
	r.read(2)
	s.Reshard("s", 2)
	s.put("s", lines[2])
	r.read(3)
	s.Reshard("s", 1)
	s.put("s", lines[3])
	r.read(4)
	last := s.Shards("s")[3].ID
	known := func() (sources []string) {
		for source := range storeOf(r.job.id).Positions() {
			if source != "read:s\x00" { // that the state is the stream's
				sources = append(sources, source)
			}
		}
		slices.Sort(sources)
		return sources
	}
	r.until(func() bool { return len(known()) == 4 && len(r.count().Shards()) == 4 }, func() string { return fmt.Sprintf("four positions, of %q", known()) })
	r.idle(s, 26)
	if shards := s.Shards("s"); len(shards) != 1 {
		t.Fatalf("%d shards are still listed", len(shards))
	}
	want := []string{"kinesis:s\x00" + last}
	r.until(func() bool { return slices.Equal(want, known()) && len(r.count().Shards()) == 1 },
		func() string {
			return fmt.Sprintf("one position, of %q, and one shard, of %d", known(), len(r.count().Shards()))
		})
	s.put("s", lines[4])
	r.read(5)
	r.drain()
	if text := log.String(); !strings.Contains(text, "level=INFO msg=\"the positions of shards") || !strings.Contains(text, "s/shardId-000000000002") || strings.Contains(text, "s/"+last) {
		t.Errorf("the log: %s", text)
	}
	s.put("s", lines[5:]...)
	o.Source += "&start=latest" // if there were no position
	r = begin(t, o, store)
	all, _ := s.batch()
	r.same(all)
	if !slices.Equal(want, known()) {
		t.Errorf("in the next process there are positions of %q", known())
	}
	if sum := r.drain(); sum.Records != 2 {
		t.Errorf("the second job read %d records, want the 2 that the first did not", sum.Records)
	}
}

func TestAStreamThatWasMadeAnewUnderTheSameNameIsReadFromItsStart(t *testing.T) {
	s := newService(t, history.Start)
	s.CreateStream("s", 1)
	store := history.NewStore()
	o := Options{Source: s.source("s"), Sink: memory(store), State: t.TempDir()}
	lines := events("0 entered\n1 created\n9 accepted\n20 completed\n21 task.completed")
	r := begin(t, o, store)
	s.put("s", lines[:2]...)
	r.read(2)
	s.Reshard("s", 2)
	r.until(func() bool {
		positions, err := positionsOf(storeOf(r.job.id))
		return err == nil && len(positions) == 3 && positions["s/shardId-000000000000"].Done
	}, func() string { return "the end of the first shard" })
	r.drain()
	s.clock.Advance(time.Hour)
	name := "s"
	if _, err := s.Client().DeleteStream(t.Context(), &sdk.DeleteStreamInput{StreamName: &name}); err != nil {
		t.Fatal(err)
	}
	s.CreateStream("s", 1)
	s.put("s", lines[2:]...)
	r = begin(t, o, store)
	want, _ := s.batch()
	r.same(want) // the other two shards had no records, so there is no gap
	if sum := r.drain(); sum.Records != 3 {
		t.Errorf("the second job read %d records, want the 3 of the new stream", sum.Records)
	}
}

func TestATaskThatIsOpenLongerThanTheStreamKeepsRecordsIsWhole(t *testing.T) {
	s := newService(t, history.Start)
	s.CreateStream("s", 2)
	store, state := history.NewStore(), t.TempDir()
	o := Options{Source: s.source("s"), Sink: memory(store), State: state}
	r := begin(t, o, store)
	s.put("s", events(`0 entered ta={"from":"+1"}
		10 created
		20 accepted`)...)
	s.moveTo(history.Start + 60*second) // the shard that got none of them goes on with the clock
	r.shows("engagements", "engagement_type status", "Agent | In Progress", "Queue | Completed")
	r.idle(s, 48)
	r.until(func() bool { return r.upTo() >= s.clock.Now().Add(-time.Minute).UnixMilli() }, func() string { return "positions behind the idle time" })
	r.drain()
	for _, h := range s.Shards("s") {
		if h.Records > 0 {
			t.Fatal("the stream still has the task's first events")
		}
	}
	s.put("s", history.Lines(history.Parse(fmt.Sprintf("%[1]d wrapup EV1x\n%[1]d task.completed EV2x", 48*3600)), history.All(history.String))...)
	r = begin(t, o, store)
	want, _ := s.batch()
	r.same(want)
	r.drain()
	if n := len(store.Tables()["dead_letters"]); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// idle lets hours pass in which nothing arrives, in steps that no reader takes for a gap.
func (r *liveRun) idle(s *service, hours int) {
	r.t.Helper()
	for ; hours > 0; hours -= 13 {
		s.clock.Advance(time.Duration(min(hours, 13)) * time.Hour)
		r.until(func() bool { return s.clock.Now().Sub(r.count().Watermark()) < time.Minute }, func() string { return "the watermark behind the idle time" })
	}
}

// upTo returns the time up to which all shards were read, as far as the store knows.
func (r *liveRun) upTo() int64 {
	store := storeOf(r.job.id)
	if store == nil {
		return 0
	}
	positions, err := positionsOf(store)
	if err != nil {
		r.t.Fatal(err)
	}
	least := int64(math.MaxInt64)
	for _, at := range positions {
		if !at.Done {
			least = min(least, at.UpTo)
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

func TestAnEventThatComesWhenItsTaskIsSettledIsALateDeadLetter(t *testing.T) {
	s := newService(t, history.Start)
	s.CreateStream("s", 1)
	store, state := history.NewStore(), t.TempDir()
	o := Options{Source: s.source("s"), Sink: memory(store), State: state}
	r := begin(t, o, store)
	s.put("s", events("0 entered\n10 created\n20 accepted\n30 wrapup\n40 completed\n41 task.completed")...)
	r.read(6)
	before, _ := s.batch()
	r.same(before)
	r.idle(s, 26)
	r.until(func() bool {
		z := storeOf(r.job.id).Size()
		return z.Of("task").Tombstones == 1 && z.Of("task").Keys == 0
	}, func() string { return "a marker" })
	late := events("50 task.updated EVlate\n55 task.updated EVlater")
	s.put("s", late[0])
	r.until(func() bool { return len(store.Tables()["dead_letters"]) == 1 }, func() string { return "a dead letter" })
	r.drain()
	s.put("s", late[1]) // the next process knows it too
	r = begin(t, o, store)
	r.until(func() bool { return len(store.Tables()["dead_letters"]) == 2 }, func() string { return "another dead letter" })
	if sum := r.drain(); sum.Records != 1 || sum.DeadLetters != 1 || sum.Events != 0 {
		t.Errorf("the late event counts as %+v", sum)
	}
	for i, row := range store.Tables()["dead_letters"] {
		get := func(c string) model.Value { return model.DeadLetters.Get(row, c) }
		if get("error_class").Str != "late" || get("payload").Str != string(late[i]) || !strings.Contains(get("error").Str, "batch job") || get("received_at").Num != s.clock.Now().UnixMilli() {
			t.Errorf("dead letter %d: %v", i, history.Cells(&model.DeadLetters, row))
		}
	}
	got := store.Tables()
	delete(got, "dead_letters")
	if d := differ(before, got); d != "" {
		t.Errorf("the late events changed rows: %s", d)
	}
}

func TestADrainedJobHasWrittenWhatItReadAndItsDirectoryIsItsOwnUntilThen(t *testing.T) {
	records := drawnDay(t, 8, 40, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store := history.NewStore()
	o := Options{Source: s.source("s"), Sink: memory(store), State: t.TempDir()}
	s.arrive("s", records)
	r := begin(t, o, store)
	r.read(1) // and whatever else is read by now
	second, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Run(context.Background()); !errors.Is(err, journal.ErrLocked) || !strings.Contains(err.Error(), "--state") {
		t.Errorf("a second job on the same directory: %v", err)
	}
	sum := r.drain()
	known, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	out, err := sink.Open(t.Context(), o.Sink, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	later := &running{Job: known, out: out}
	if err := later.openStore(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := later.store
	positions, err := positionsOf(kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	want, all := s.batch()
	if sum.Records == all.Records { // all was read, so all is there but for what the clock has not passed
		if d := history.Diff(history.Tables{"engagements": want["engagements"]}, history.Tables{"engagements": store.Tables()["engagements"]}); d != "" {
			t.Errorf("what was read is not written: %.3000s", d)
		}
	}
	if len(positions) != 2 {
		t.Errorf("the state knows positions of %d shards", len(positions))
	}
	r = begin(t, o, store)
	r.same(want)
	if rest := r.drain(); sum.Records+rest.Records != all.Records {
		t.Errorf("%d records were read, then %d, of %d", sum.Records, rest.Records, all.Records)
	}
}

// TestAJobThatIsEndedAsSoonAsItBeganWritesWhatAnEarlierOneKept begins a job over a stream that was
// read to its end, and ends it before its source has looked at the stream.
func TestAJobThatIsEndedAsSoonAsItBeganWritesWhatAnEarlierOneKept(t *testing.T) {
	records := drawnDay(t, 9, 10, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	first := history.NewStore()
	o := Options{Source: s.source("s"), Sink: memory(first), State: t.TempDir()}
	s.arrive("s", records)
	r := begin(t, o, first)
	want, _ := s.batch()
	r.same(want)
	r.drain()

	job, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	end()
	if _, err := job.Run(ctx); err != nil {
		t.Errorf("a job that is ended at once: %v", err)
	}
	if d := history.Diff(want, first.Tables(), "source", "position", "received_at"); d != "" {
		t.Errorf("%.3000s", d)
	}
}

func TestAnOpenTaskHasRowsInProgress(t *testing.T) {
	for _, atOnce := range []bool{false, true} {
		t.Run(fmt.Sprintf("at once %t", atOnce), func(t *testing.T) {
			s := newService(t, history.Start)
			s.CreateStream("s", 1)
			store := history.NewStore()
			r := begin(t, Options{Source: s.source("s"), Sink: memory(store), AtOnce: atOnce}, store)
			s.put("s", events("0 entered")...)
			s.moveTo(history.Start + 5*second)
			r.shows("engagements", "engagement_type status", "Queue | In Progress")
			s.moveTo(history.Start + 20*second)
			s.put("s", events("10 created EVc\n20 accepted EVa")...)
			s.moveTo(history.Start + 25*second)
			r.shows("engagements", "engagement_type status", "Agent | In Progress", "Queue | Completed")
			s.moveTo(history.Start + 40*second)
			s.put("s", events("30 wrapup EVw\n40 completed EVd\n41 task.completed EVt")...)
			s.moveTo(history.Start + 45*second)
			r.shows("engagements", "engagement_type status", "Agent | Completed", "Queue | Completed")
			want, _ := s.batch()
			r.same(want)
			r.drain()
		})
	}
}

// failing is a sink whose methods fail once a test says so.
type failing struct {
	*history.Store
	write, flush, close atomic.Bool
}

func (f *failing) Write(ctx context.Context, b change.Block) error {
	if f.write.Load() {
		return errWrite
	}
	return f.Store.Write(ctx, b)
}

func (f *failing) Flush(context.Context) error {
	if f.flush.Load() {
		return errFlush
	}
	return nil
}

func (f *failing) Close(context.Context) error {
	if f.close.Load() {
		return errClose
	}
	return nil
}

func TestASinkThatFailsEndsALiveJobWithItsCause(t *testing.T) {
	tests := []struct {
		name  string
		want  error
		fails func(*failing) *atomic.Bool
		drain bool // it fails when the job is ended, not before
	}{
		{"write", errWrite, func(f *failing) *atomic.Bool { return &f.write }, false},
		{"flush", errFlush, func(f *failing) *atomic.Bool { return &f.flush }, false},
		{"flush while it drains", errFlush, func(f *failing) *atomic.Bool { return &f.flush }, true},
		{"close", errClose, func(f *failing) *atomic.Bool { return &f.close }, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newService(t, history.Start)
			s.CreateStream("s", 1)
			f := &failing{Store: history.NewStore()}
			state := t.TempDir()
			o := Options{Source: s.source("s"), Sink: memory(f), State: state}
			r := begin(t, o, f.Store)
			s.put("s", events("0 entered")...)
			r.read(1)
			s.moveTo(history.Start + 5*second)
			r.shows("engagements", "engagement_type status", "Queue | In Progress")
			test.fails(f).Store(true)
			s.put("s", events("9 task.canceled EVc")...)
			s.moveTo(history.Start + 10*second)
			if test.drain {
				r.cancel()
			}
			select {
			case <-r.done:
			case <-time.After(drainWithin):
				t.Fatal("the job goes on")
			}
			if r.err == nil || !strings.Contains(r.err.Error(), test.want.Error()) {
				t.Errorf("got %v, want %q in it", r.err, test.want)
			}
			test.fails(f).Store(false) // the next job makes up for it
			r = begin(t, o, f.Store)
			want, _ := s.batch()
			r.same(want)
			r.drain()
		})
	}
}

// watching is a sink that tells who writes.
type watching struct {
	*history.Store
	seen func(c change.Change, stack string)
}

func (w *watching) Write(ctx context.Context, b change.Block) error {
	stack := string(debug.Stack())
	err := b.Each(func(c change.Change) error {
		w.seen(c, stack)
		return nil
	})
	if err != nil {
		return err
	}
	return w.Store.Write(ctx, b)
}

// The state of a live stream lives beside Prism, so its promises rest on this: when a fold's
// emission returns, the sink has the rows. Else the log could forget, or a position pass, what a
// crash then loses.
func TestWhatALiveFoldEmitsHasReachedTheSinkWhenItsCallReturns(t *testing.T) {
	folds := map[string]string{
		"engagements": "keyed/local.(*ProcessFn)", "agents": "keyed/local.(*ProcessFn)", "agent_status": "keyed/local.(*ProcessFn)",
		"customers": "keyed/local.(*ProcessFn)", "dead_letters": "transforms/decode.(*Fn)",
	}
	for _, atOnce := range []bool{false, true} {
		t.Run(fmt.Sprintf("at once %t", atOnce), func(t *testing.T) {
			s := newService(t, history.Start)
			s.CreateStream("s", 1)
			var job atomic.Pointer[Job]
			var writes, wrong atomic.Int64
			w := &watching{Store: history.NewStore(), seen: func(c change.Change, stack string) {
				writes.Add(1)
				table := c.Of().Name
				store := storeOf(job.Load().id)
				switch {
				case !strings.Contains(stack, folds[table]):
					if wrong.Add(1) == 1 {
						t.Errorf("%s is not written within %s:\n%s", table, folds[table], stack)
					}
				case table == "dead_letters":
					if p := store.Positions()["kinesis:s\x00shardId-000000000000"]; strings.Contains(string(p), sequenceOf(c)) && wrong.Add(1) == 1 {
						t.Errorf("the position %s is behind a dead letter that is not written yet", p)
					}
				case table != "agent_status" && store.Quiet() && wrong.Add(1) == 1:
					t.Errorf("the store is quiet before %s is written", table)
				}
			}}
			o := Options{Source: s.source("s"), Sink: memory(w), AtOnce: atOnce}
			r := begin(t, o, w.Store)
			job.Store(r.job)
			s.put("s", events(`0 entered ta={"from":"+1"}
				10 created
				20 accepted
				25 activity was=Break now=Lunch for=25`)...)
			s.put("s", []byte("{bad"))
			want, _ := s.batch()
			r.same(want)
			r.drain()
			if writes.Load() < 5 {
				t.Errorf("only %d changes were seen", writes.Load())
			}
		})
	}
}

// sequenceOf returns the sequence number of a dead letter's record.
func sequenceOf(c change.Change) string {
	_, number, _ := strings.Cut(model.DeadLetters.Get(c.Row, "position").Str, ":")
	return number
}

// A process that dies before it has saved a position has still said where its stream begins.
func TestWhatArrivesBehindALatestStartIsReadByTheNextProcess(t *testing.T) {
	s := newService(t, history.Start)
	s.CreateStream("s", 1)
	s.put("s", events("0 entered EV1\n10 canceled EV2")...)
	s.lines = nil // of those only all that there is tells
	s.clock.Advance(time.Minute)
	store := history.NewStore()
	o := Options{Source: s.source("s") + "&start=latest", Sink: memory(store), State: t.TempDir()}
	fault := s.Inject(kinesisfake.Fault{Operation: "ListShards", Error: "LimitExceededException"})
	r := begin(t, o, store)
	r.until(func() bool { return fault.Hits() > 0 }, func() string { return "a listing" })
	r.drain()
	s.clock.Advance(time.Minute)
	s.put("s", events("70 entered EV3\n80 created EV4\n90 accepted EV5")...)
	s.clock.Advance(time.Minute)
	fault.Remove()
	r = begin(t, o, store)
	want, _ := s.batch()
	r.same(want)
	if n := r.count().Records.Load(); n != 3 {
		t.Errorf("%d records were read", n)
	}
	r.drain()

	// Where the state has lost even that, nothing is left out.
	name := filepath.Join(o.State, "state")
	log, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	log[30] ^= 1
	if err := os.WriteFile(name, log, 0o600); err != nil {
		t.Fatal(err)
	}
	r = begin(t, o, store)
	r.read(5)
	r.drain()
}

// A task counts once among those of which something is missing, also when it is folded again, and
// by further processes.
func TestWhatIsMissingIsCountedSinceTheStateBegan(t *testing.T) {
	s := newService(t, history.Start)
	s.CreateStream("s", 1)
	store := history.NewStore()
	var log bytes.Buffer // read when the job has ended
	o := Options{Source: s.source("s"), Sink: memory(store), State: t.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil))}
	lines := events("0 entered\n1 created\n9 accepted\n20 completed\n21 task.completed\n30 created WT2 WR2\n40 accepted WT2 WR2\n50 completed WT2 WR2\n51 task.completed WT2")
	missing := func(sum Summary) (all []string) {
		for _, f := range sum.Missing {
			all = append(all, fmt.Sprintf("%s %d of %d", f.Name, f.Number, f.All))
		}
		return all
	}
	j := ready(t, o)
	j.lookEvery = time.Millisecond
	r := start(t, j, store)
	s.put("s", lines[:6]...)
	r.read(6)
	s.put("s", lines[6])
	r.read(7)
	part, _ := s.batch()
	r.same(part)
	flushes := j.count.Flushes().Count
	r.until(func() bool { return j.count.Flushes().Count > flushes+1 }, func() string { return "a flush" })
	want := []string{"queue_entry 1 of 2"}
	if got := missing(r.drain()); !slices.Equal(want, got) {
		t.Errorf("of the first process: %q, want %q", got, want)
	}
	if text := log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "sign=queue_entry number=1 of=2 share=0.5") || !strings.Contains(text, "look for task-queue.entered") {
		t.Errorf("the log: %s", text)
	}
	r = begin(t, o, store)
	s.put("s", lines[7:]...)
	r.read(2)
	all, sum := s.batch()
	r.same(all)
	if got := missing(r.drain()); !slices.Equal(want, got) {
		t.Errorf("of the next process: %q, want %q", got, want)
	}
	if got := missing(sum); !slices.Equal(want, got) {
		t.Errorf("of a batch: %q, want %q", got, want)
	}
}
