package metrics_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/telemetry/metrics"
	"flexbeam/schemas/model"
)

var build = metrics.Build{Version: "v1", Go: "go1", Beam: "v2"}

// busy returns the counters of a stream in which everything happened.
func busy() *telemetry.Counters {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	c := telemetry.New(func() time.Time { return at })
	c.Unbounded.Store(true)
	c.Records.Add(100)
	c.Bytes.Add(200_000)
	c.Events.Add(90)
	c.Folded(80, 7)
	c.Dropped.Add(4)
	c.BadAttrs.Add(1)
	c.DeadLetter("invalid_json", 3)
	c.Change(model.EngagementsID, false)
	c.Change(model.EngagementsID, true)
	c.OpenTasks.Add(5)
	c.Tasks.Add(9, 9000)
	c.Agents.Add(2, 400)
	c.Contacts.Add(3, 300)
	c.Throttled.Add(1)
	c.Expired.Add(2)
	c.Resubscribed.Add(3)
	c.StateLog.Bytes.Store(1000)
	c.StateLog.Live.Store(600)
	c.StateLog.Compactions.Add(1)
	c.StateLog.Synced(at)
	east, west := c.Shard("east", "shard-0"), c.Shard("west", "shard-0")
	east.Polled(at, 1500)
	east.SetWatermark(at.Add(-3 * time.Second).UnixMilli())
	west.Polled(at, 0)
	west.SetWatermark(at.Add(-time.Second).UnixMilli())
	c.Shard("west", "shard-1").Close()
	c.Observe(at.Add(-2 * time.Second).UnixMilli())
	_ = c.Flush(func() error { return nil })
	c.Twilio.Requested("taskrouter", "throttled", false, time.Second)
	c.Twilio.Requested("taskrouter", "ok", true, 0)
	c.Twilio.Limited(telemetry.TwilioLimit{Account: "AC1", Use: "log"}, func() int { return 4 })
	return c
}

func registry(t *testing.T, c *telemetry.Counters) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(metrics.NewCollector(c, build)); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryMetricOfTheTableIsCollectedAndLintsClean(t *testing.T) {
	r := registry(t, busy())
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	for _, m := range metrics.Table {
		if !slices.Contains(names, m.Name) {
			t.Errorf("%s is not collected", m.Name)
		}
	}
	if len(names) != len(metrics.Table) {
		t.Errorf("%d metrics collected, %d in the table", len(names), len(metrics.Table))
	}
	problems, err := testutil.GatherAndLint(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	name := regexp.MustCompile(`^flexbeam(_[a-z]+)+$`)
	seen := map[string]bool{}
	for _, m := range metrics.Table {
		if seen[m.Name] || !name.MatchString(m.Name) {
			t.Errorf("%s: a name of small letters, once", m.Name)
		}
		seen[m.Name] = true
		if total := strings.HasSuffix(m.Name, "_total"); total != (m.Kind == metrics.Counter) {
			t.Errorf("%s is a %s", m.Name, m.Kind)
		}
		if !strings.HasSuffix(m.Help, ".") || strings.ContainsAny(m.Help, "|\n") {
			t.Errorf("%s: help is no sentence of a table: %q", m.Name, m.Help)
		}
	}
}

func TestMetricsSayWhatWasCounted(t *testing.T) {
	const want = `
# HELP flexbeam_dead_letters_total Records that could not be used, by error class: rows of the table dead_letters.
# TYPE flexbeam_dead_letters_total counter
flexbeam_dead_letters_total{class="gap"} 0
flexbeam_dead_letters_total{class="invalid_json"} 3
flexbeam_dead_letters_total{class="late"} 0
# HELP flexbeam_duplicates_total Copies of events that were met while folding, and used once only.
# TYPE flexbeam_duplicates_total counter
flexbeam_duplicates_total 7
# HELP flexbeam_shard_behind_seconds How far the last poll of an open shard was behind its newest record.
# TYPE flexbeam_shard_behind_seconds gauge
flexbeam_shard_behind_seconds{shard="shard-0",stream="east"} 1.5
flexbeam_shard_behind_seconds{shard="shard-0",stream="west"} 0
# HELP flexbeam_shards Shards that this process has read from, by stream: open, or closed and read to the end. One that its stream lists no longer goes within about an hour.
# TYPE flexbeam_shards gauge
flexbeam_shards{state="closed",stream="east"} 0
flexbeam_shards{state="closed",stream="west"} 1
flexbeam_shards{state="open",stream="east"} 1
flexbeam_shards{state="open",stream="west"} 1
# HELP flexbeam_state_bytes Size of the state of tasks, agents and contacts.
# TYPE flexbeam_state_bytes gauge
flexbeam_state_bytes{kind="agent"} 400
flexbeam_state_bytes{kind="contact"} 300
flexbeam_state_bytes{kind="task"} 9000
# HELP flexbeam_twilio_limit How many calls to Twilio may be made at once now, for TaskRouter's log and for transcripts: fewer after a 429, more while answers stay quick.
# TYPE flexbeam_twilio_limit gauge
flexbeam_twilio_limit{account="AC1",use="log"} 4
# HELP flexbeam_twilio_requests_total Requests to Twilio, further attempts of a call included: ok, not_found, refused, throttled (429), unavailable (5xx, no answer) or broken (an answer that cannot be used).
# TYPE flexbeam_twilio_requests_total counter
flexbeam_twilio_requests_total{outcome="ok",product="taskrouter"} 1
flexbeam_twilio_requests_total{outcome="throttled",product="taskrouter"} 1
# HELP flexbeam_twilio_retries_total Part of these requests that were further attempts of a call.
# TYPE flexbeam_twilio_retries_total counter
flexbeam_twilio_retries_total{product="taskrouter"} 1
# HELP flexbeam_watermark_age_seconds How far the job's watermark is behind the clock.
# TYPE flexbeam_watermark_age_seconds gauge
flexbeam_watermark_age_seconds 3
# HELP flexbeam_watermark_timestamp_seconds Up to which time of arrival the job has read, the least of its open shards, as Unix time.
# TYPE flexbeam_watermark_timestamp_seconds gauge
flexbeam_watermark_timestamp_seconds 1.772441997e+09
`
	names := []string{"flexbeam_dead_letters_total", "flexbeam_duplicates_total", "flexbeam_shards", "flexbeam_shard_behind_seconds",
		"flexbeam_state_bytes", "flexbeam_twilio_limit", "flexbeam_twilio_requests_total", "flexbeam_twilio_retries_total", "flexbeam_watermark_age_seconds", "flexbeam_watermark_timestamp_seconds"}
	if err := testutil.GatherAndCompare(registry(t, busy()), strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestAJobThatJustBeganHasNoTimesYet(t *testing.T) {
	families, err := registry(t, new(telemetry.Counters)).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.Contains(f.GetName(), "timestamp") || strings.Contains(f.GetName(), "watermark") || strings.Contains(f.GetName(), "shard") {
			t.Errorf("%s has a value", f.GetName())
		}
	}
}

func TestRowsAreCountedFromZeroForEveryTable(t *testing.T) {
	if n, err := testutil.GatherAndCount(registry(t, new(telemetry.Counters)), "flexbeam_rows_total"); err != nil || n != 2*len(model.Tables) {
		t.Errorf("%d series, %v", n, err)
	}
}

func TestMetricsMayBeReadWhileTheJobCounts(t *testing.T) {
	c := telemetry.New(time.Now)
	c.Unbounded.Store(true)
	r := registry(t, c)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range int64(500) {
				s := c.Shard("events", fmt.Sprintf("shard-%d", n%7))
				s.Polled(time.Now(), n)
				s.SetWatermark(n)
				c.DeadLetter([]string{"invalid_json", "missing_type", telemetry.Gap, telemetry.Late}[i], 1)
				c.Observe(time.Now().UnixMilli())
				if n%100 == 99 {
					s.Close()
				}
			}
		})
	}
	wg.Go(func() {
		for range 200 {
			_ = c.Flush(func() error { return nil })
		}
	})
	for range 50 {
		if _, err := r.Gather(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	_ = c.Flush(func() error { return nil })
	if n := c.Latency().Count; n != 2000 {
		t.Errorf("%d latencies of 2000 events", n)
	}
}

func TestNamesThatAreNoTextSpoilNothing(t *testing.T) {
	c := new(telemetry.Counters)
	c.Shard("stream-\xff", "shard-0").Polled(time.Now(), 1000)
	const want = `
# HELP flexbeam_shard_behind_seconds How far the last poll of an open shard was behind its newest record.
# TYPE flexbeam_shard_behind_seconds gauge
flexbeam_shard_behind_seconds{shard="shard-0",stream="stream-�"} 1
`
	if err := testutil.GatherAndCompare(registry(t, c), strings.NewReader(want), "flexbeam_shard_behind_seconds"); err != nil {
		t.Error(err)
	}
}
